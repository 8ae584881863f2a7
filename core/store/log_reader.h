#pragma once

#include "core/base/result.h"
#include "core/store/types.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// LevelDB's log format, read by our own code: 32 KiB blocks of fragments, each masked CRC-32C (4),
/// length (2), type (1: whole, 2: first, 3: middle, 4: last), bytes. Fewer than 7 bytes at the end
/// of a block are padding. The same format carries write batches (logs) and version edits
/// (MANIFEST). Source: LevelDB's doc/log_format.md.
namespace converge::store {

inline constexpr std::size_t kLogBlockBytes = 32 * 1024;
inline constexpr std::size_t kLogHeaderBytes = 7;

struct LogRecord {
  std::uint64_t offset = 0;  ///< of its first fragment's header
  std::uint64_t end = 0;     ///< behind its last byte
  std::string_view bytes;    ///< borrowed until the next call
};

/// Bytes that are not a record: what was wrong, from where to where the reader goes on.
struct LogHole {
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
  const char* why = "";
  bool is_tail = false;  ///< nothing readable follows: may be a torn last write
};

/// Walks a log held in memory. After a hole it goes on at the next block, as LevelDB does.
class LogReader {
 public:
  explicit LogReader(std::string_view file) : file_(file) {}

  /// The next record. Nothing at the end, or in front of a hole: see hole().
  std::optional<LogRecord> next();
  /// What stopped next(); nothing at the clean end of the file. Calling next() again goes on behind
  /// it.
  const std::optional<LogHole>& hole() const { return hole_; }

 private:
  struct Fragment {
    std::uint64_t offset;
    int type;
    std::string_view bytes;
  };
  std::optional<Fragment> next_fragment();
  void open_hole(std::uint64_t from, std::uint64_t to, const char* why);

  std::string_view file_;
  std::size_t at_ = 0;
  std::string joined_;
  std::optional<LogHole> hole_;
};

/// One operation of a write batch. Borrowed.
struct BatchOperation {
  std::string_view key;
  std::optional<std::string_view> value;  ///< nothing: deletion
};

/// A write batch: sequence (8, little-endian), count (4), then per operation kind (1: put, 0:
/// delete), key and for puts value, each with its length as varint32.
struct DecodedBatch {
  std::uint64_t sequence = 0;
  std::vector<BatchOperation> operations;
};

/// Total. Errors: kCorrupt, kTruncated.
Result<DecodedBatch> decode_batch(std::string_view bytes);

/// The file in frames: what LogReader reads. For tests and for writing a MANIFEST.
class LogFramer {
 public:
  void add(std::string_view record);
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

}  // namespace converge::store
