#pragma once

#include "core/base/result.h"
#include "core/store/log_reader.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// LevelDB's MANIFEST, read and written by our own code: a log (log_reader.h) of version edits.
/// Each edit is a list of varint tags: 1 comparator name, 2 log number, 3 next file number, 4 last
/// sequence, 5 compaction pointer (level, key), 6 deleted file (level, number), 7 new file (level,
/// number, size, smallest, largest internal key), 9 previous log number. Source: LevelDB's
/// doc/impl.md and version_edit.
namespace converge::store {

inline constexpr std::string_view kComparatorName = "leveldb.BytewiseComparator";
inline constexpr int kLevels = 7;

struct TableFile {
  int level = 0;
  std::uint64_t number = 0;
  std::uint64_t size = 0;
  std::string smallest;  ///< internal keys: user key and 8 bytes of sequence and kind
  std::string largest;
  bool operator==(const TableFile&) const = default;
};

/// The version that a MANIFEST ends with.
struct Manifest {
  std::string comparator;
  std::uint64_t log_number = 0;
  std::uint64_t previous_log_number = 0;
  std::uint64_t next_file = 0;
  std::uint64_t last_sequence = 0;
  std::vector<TableFile> files;  ///< by level, then number
  std::uint64_t edits = 0;
  std::uint64_t bytes_good = 0;      ///< behind the last good edit
  std::optional<LogHole> torn_tail;  ///< nothing readable behind bytes_good
};

/// Total. Errors: kCorrupt ("manifest.damaged": a bad edit with good ones behind it, an edit that
/// contradicts the ones before).
Result<Manifest> read_manifest(std::string_view bytes);

/// One MANIFEST that says the same in a single edit.
std::string encode_manifest(const Manifest& manifest);

/// The name in CURRENT, e.g. "MANIFEST-000012". Errors: kCorrupt with "store.current-missing" or
/// "current.bad".
Result<std::string> read_current(const std::filesystem::path& database);

/// File numbers of logs and tables in a database folder, ascending.
struct DatabaseFiles {
  std::vector<std::uint64_t> logs;
  std::vector<std::uint64_t> tables;
  std::vector<std::string> manifests;
  bool has_guard = false;
};
Result<DatabaseFiles> list_database(const std::filesystem::path& database);

/// "000012.log".
std::string log_name(std::uint64_t number);
std::string table_name(std::uint64_t number);

}  // namespace converge::store
