#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// LevelDB's tables, read by our own code: data blocks, then filter, metaindex and index blocks,
/// then a footer of 48 bytes (two handles, padding, magic). A block is entries with shared key
/// prefixes and restart offsets, followed by one byte of compression (0 none, 1 Snappy) and a
/// masked CRC-32C over block and that byte. Source: LevelDB's doc/table_format.md.
namespace converge::store {

struct BlockHandle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  ///< without the 5 bytes of compression and sum
};
inline constexpr std::size_t kBlockTrailerBytes = 5;
inline constexpr std::size_t kFooterBytes = 48;
/// A block holds one value of at most a change or a snapshot part, and little beside.
inline constexpr std::size_t kBlockBytesMax = 64u << 20;

/// An internal key taken apart.
struct InternalKey {
  std::string_view user_key;
  std::uint64_t sequence = 0;
  bool is_deletion = false;
};
std::optional<InternalKey> parse_internal_key(std::string_view key);
/// Order of tables: user key ascending, then newest first. Negative: a before b.
int compare_internal(std::string_view a, std::string_view b);

/// Entries of one block, checked as a whole when made.
struct DecodedBlock {
  struct Entry {
    std::string key;
    std::string_view value;  ///< into `bytes`
  };
  std::string bytes;
  std::vector<Entry> entries;
};

/// Why a block or table cannot be read.
struct TableDamage {
  const char* code;  ///< "table.block" or "table.open"
  std::string why;
  std::uint64_t offset = 0;
};

/// One table file, read with pread. One thread.
class TableReader {
 public:
  static Result<TableReader> open(const std::filesystem::path& path);
  /// Takes an open file over.
  static TableReader adopt(int descriptor, std::uint64_t size) { return {descriptor, size}; }
  TableReader(TableReader&& other) noexcept;
  TableReader& operator=(TableReader&&) = delete;
  ~TableReader();

  std::uint64_t size() const { return size_; }
  /// Footer, index and filters. Damage: the handles come from walking the blocks instead, unless
  /// it is only a filter.
  std::optional<TableDamage> read_index();
  /// Handles of the data blocks in file order; after read_index. With a damaged index they are
  /// found from offset 0 by trying lengths until a sum fits.
  const std::vector<BlockHandle>& blocks() const { return blocks_; }
  bool has_index() const { return has_index_; }

  /// Sum, decompression, entry syntax, ascending keys. Damage instead of a block.
  std::optional<TableDamage> read_block(const BlockHandle& handle, DecodedBlock& block) const;

 private:
  TableReader(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  std::optional<std::string> read_at(std::uint64_t offset, std::size_t bytes) const;
  std::optional<std::string> read_verified(const BlockHandle& handle, std::string& why) const;
  void find_blocks();

  int fd_;
  std::uint64_t size_;
  bool has_index_ = false;
  std::vector<BlockHandle> blocks_;
};

}  // namespace converge::store
