#pragma once

#include "core/base/result.h"
#include "core/store/file_hook.h"
#include "core/store/store.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leveldb {
class Env;
class Logger;
}  // namespace leveldb

namespace converge::store {

/// Everything LevelDB asks of files, time and threads, with the rules it does not keep by itself.
/// Files are read and written by calls of the operating system, never mapped.
///
///  E1  Tables are NNNNNN.sst; .ldb is read and removed where no .sst is.
///  E2  Creating a log syncs the directory, so that no synced record is in a file without a name.
///      An edit of a MANIFEST is written only after the directory was synced, so that it never
///      names a table whose name a power cut took.
///  E3  Renaming syncs the directory before it returns.
///  E4  Closing a written file syncs what is not synced.
///  E5  After a failed write, sync or close of a file, every later call on it gives the same error,
///      and write_failure() tells. From then on nothing is removed.
///  E6  Reads are pread; fewer bytes than the file has at that place are an error.
///  E7  A new table unlinks its name first, so that an inode shared with a backup is never cut.
///  E8  Removals can be held back, so that a set of files can be copied.
///  E9  Background work has a thread of its own.
///  E10 Files are opened close-on-exec, mode 0600.
///  E11 Every operation is counted, timed, and offered to the hook.
///
/// Besides: nothing is created when `directory` is no longer the directory that was opened (moved
/// or replaced). Any thread.
class LevelDbEnv {
 public:
  struct Options {
    FileHook* hook = nullptr;
    std::function<void(const StoreEvent&)> on_event;
  };

  /// `directory` must exist.
  LevelDbEnv(std::filesystem::path directory, Options options);
  /// REQUIRES: no database is open on it.
  ~LevelDbEnv();
  LevelDbEnv(const LevelDbEnv&) = delete;
  LevelDbEnv& operator=(const LevelDbEnv&) = delete;

  leveldb::Env* env();
  /// Lines go to on_event as "leveldb". Makes no file.
  leveldb::Logger* logger();

  /// E8. Removals asked for while held are done by the release, except of names created since.
  void hold_removals();
  void release_removals();
  std::size_t held_removals() const;

  /// The first failure of the write path since the last forget_failure.
  std::optional<Error> write_failure() const;
  void forget_failure();

  /// "log.sync" and so on.
  std::map<std::string, OperationStats> stats() const;
  std::uint64_t manifest_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The error of a failed call, by errno: kNoSpace, kDenied, kNotFound or kIo.
Error file_error(std::string_view what, std::string_view path, int error_number);

/// Syncs a directory, so that the names in it are durable.
Result<void> sync_directory(const std::filesystem::path& directory);

}  // namespace converge::store
