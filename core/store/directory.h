#pragma once

#include "core/base/result.h"
#include "core/store/store.h"

#include <filesystem>
#include <string>

namespace converge::store {

/// Names inside a store directory (store.md 3).
inline constexpr const char* kFormatFile = "FORMAT";
inline constexpr const char* kFormatLine = "syncd-store 1\n";
inline constexpr const char* kLockFile = "agent.lock";
inline constexpr const char* kDatabaseFolder = "db";
inline constexpr const char* kReserveFile = "reserve";
inline constexpr const char* kQuarantineFolder = "quarantine";
inline constexpr const char* kTemporaryFolder = "tmp";
/// Makes every Pebble v2 refuse the directory and Pebble v1 read it as what it is (store.md 16).
inline constexpr const char* kGuardMarker = "marker.format-version.000001.001";

/// A store's directory, checked and locked. The lock goes with the object or the process; a lock
/// file that exists means nothing. Nothing here opens db/LOCK: closing any descriptor of it would
/// drop LevelDB's lock.
class StoreDirectory {
 public:
  /// Checks owner, mode, file system and contents, and locks. With kCreateIfAbsent a directory
  /// that is absent or empty is initialised up to FORMAT, which is written last.
  /// Errors: see open_store.
  static Result<StoreDirectory> open(const std::filesystem::path& path, const OpenOptions& options);

  StoreDirectory(StoreDirectory&& other) noexcept;
  StoreDirectory& operator=(StoreDirectory&&) = delete;
  ~StoreDirectory();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / kDatabaseFolder; }
  /// There is no database yet.
  bool is_new() const { return is_new_; }
  /// Writes FORMAT: from here on the directory is a store. After the first synced batch.
  Result<void> finish_initialisation();
  /// Lets others open it. The database must be closed.
  void unlock();

 private:
  StoreDirectory(std::filesystem::path path, int fd, int lock_fd, bool is_new);

  std::filesystem::path path_;
  int fd_;       ///< of the directory
  int lock_fd_;  ///< of agent.lock, locked
  bool is_new_;
};

/// Refuses a directory whose FORMAT names a format that this release does not know; any other
/// FORMAT, and none, is for the caller to judge. Errors: kUnsupported ("store.newer").
Result<void> check_format_file(const std::filesystem::path& directory);

/// What every command asks of a path that is said to be a store, before it reads on. Nothing is
/// opened. Errors: kNotFound (nothing is there), kDenied (a link), kInvalid (a file, or a directory
/// with neither FORMAT nor LevelDB's files), each with what to do.
Result<void> expect_store(const std::filesystem::path& directory);

/// The same of a path that is to be opened: an empty directory becomes a store, and one whose
/// initialisation a crash interrupted; without FORMAT tables are for salvage.
Result<void> expect_openable(const std::filesystem::path& directory);

/// Whether only its owner, who must be the caller, may write in the directory. Errors: kDenied.
Result<void> check_rights(const std::filesystem::path& directory);

/// What operators call a file system whose locks and syncs are somebody else's promise, by the
/// f_type of statfs; nullptr: a local one.
const char* network_filesystem(long type);

/// The first file in `database` that may not be there: no symlink, FIFO, device or folder. An
/// lstat pass: opening a FIFO would hang.
Result<void> check_database_files(const std::filesystem::path& database);

/// Whole small file, at most `bytes_max`; refuses symlinks and anything but a regular file.
Result<std::string> read_small_file(const std::filesystem::path& path, std::size_t bytes_max);
/// Written under a temporary name, synced, renamed, directory synced.
Result<void> write_file_synced(const std::filesystem::path& path, std::string_view contents);

}  // namespace converge::store
