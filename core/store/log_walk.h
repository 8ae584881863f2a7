#pragma once

#include "core/base/result.h"
#include "core/store/log_reader.h"
#include "core/store/types.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Reads the logs before LevelDB does, because LevelDB skips damage that it should not (store.md 5,
/// 11): this is what makes "a suffix, never a hole" true.
namespace converge::store {

/// Where the good part of the logs ends.
struct LogDamage {
  std::uint64_t log = 0;     ///< number of the file
  std::uint64_t offset = 0;  ///< of the first bad byte
  std::string why;
  CommitNumber commit = 0;  ///< the first that is missing; 0: unknown
  /// A later record says that commits at or above `commit` were synced: this is rot, not a torn
  /// write, and somebody may have been promised what is lost.
  bool is_rot = false;
  bool is_plain = false;  ///< a record cut short by the end of the file, or zeros: nothing to keep
};

struct LogWalk {
  std::vector<std::uint64_t> logs;  ///< that LevelDB will replay, ascending
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  CommitNumber first_commit = 0;
  CommitNumber last_commit = 0;  ///< of the good part
  CommitNumber synced = 0;       ///< highest that any readable record calls synced
  std::optional<LogDamage> damage;
};

/// Walks the logs at and above `log_number`. Reads only. Errors: kIo.
Result<LogWalk> walk_logs(const std::filesystem::path& database, std::uint64_t log_number);

struct LogRepair {
  std::uint64_t bytes_cut = 0;
  std::vector<std::string> notes;  ///< for the event sink
};

/// Makes the database fit for LevelDB to open: walks MANIFEST and logs, cuts torn tails (copied to
/// `quarantine` unless there is nothing in them), sets logs behind a cut aside, syncs.
/// Errors: kCorrupt "log.damaged", "log.missing", "manifest.damaged", "store.current-missing",
/// "current.bad"; then nothing was touched.
struct LogReport {
  LogWalk walk;
  LogRepair repair;
};
Result<LogReport> prepare_logs(const std::filesystem::path& database,
                               const std::filesystem::path& quarantine);

/// A file's bytes, read through; for logs and MANIFESTs, which are bounded.
Result<std::string> read_whole_file(const std::filesystem::path& path);

}  // namespace converge::store
