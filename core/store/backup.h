#pragma once

#include "core/store/backup_records.h"
#include "core/store/check.h"
#include "core/store/leveldb_env.h"
#include "core/store/store.h"

#include <filesystem>
#include <functional>
#include <optional>

/// Copies of a whole store. A backup is a store directory with a report, the file BACKUP, that is
/// written last: a directory without it is not a backup. Other tools should be pointed at a backup,
/// never at a live store.
namespace converge::store {

inline constexpr const char* kBackupFile = "BACKUP";

/// Runs `work` while no commit is being written, everything before synced.
using WithPause = std::function<Result<void>(const std::function<Result<void>()>&)>;

/// What BACKUP says.
struct BackupManifest {
  struct File {
    std::string name;  ///< inside db/
    std::uint64_t bytes = 0;
    Sha256 sha256{};
  };
  StoreId store_id{};
  CommitNumber commit = 0;
  ReceiptNumber receipt = 0;
  std::int64_t created_ms = 0;
  std::string writer;
  std::vector<File> files;
  /// Names, tombstones and grants once more. Nothing: a report of an earlier release, or too many.
  std::optional<BackupRecords> records = {};
};

/// What only the store knows, asked for while writers wait.
struct BackupContext {
  /// All but files and records. Takes the view that records() reads.
  std::function<BackupManifest()> state;
  /// After the pause, once: what the store held then.
  std::function<Result<BackupRecords>()> records;
};

/// Copies the store that `env` serves. `target` must not exist or be empty. Writers wait while the
/// set of files is fixed: CURRENT, the MANIFEST it names, hard links to exactly the tables that the
/// copied MANIFEST lists, and the logs. Errors: kInvalid (target not empty), kNoSpace, kIo.
Result<BackupReport> copy_store(const std::filesystem::path& source,
                                const std::filesystem::path& target, const BackupOptions& options,
                                const BackupContext& context, LevelDbEnv& env,
                                const WithPause& with_pause);

/// A view of the store that `env` serves, to be read and thrown away: links to its tables, copies
/// of the rest; no report, so no backup. A table that is missing is missing in the view. `target`
/// must be on the same file system and not exist. Errors: as copy_store.
Result<void> link_store(const std::filesystem::path& source, const std::filesystem::path& target,
                        LevelDbEnv& env, const WithPause& with_pause);

/// Total over any bytes. Errors: kCorrupt, kUnsupported (a later format).
Result<BackupManifest> parse_backup_manifest(std::string_view text);
std::string format_backup_manifest(const BackupManifest& manifest);

/// Reads BACKUP and compares every file with it, and what the files hold with what it says once
/// more. Findings: "backup.file", "backup.records". `on_bytes` is told of each piece that was read.
Result<std::vector<Finding>> verify_backup(const std::filesystem::path& backup,
                                           const std::function<void(std::uint64_t)>& on_bytes = {});

struct RestoreOptions {
  CheckDepth check = CheckDepth::kQuick;
  bool dry_run = false;  ///< verify only
  SnapshotInspector inspect_snapshot;
  CopyProgress on_progress = {};  ///< every byte counts twice: verified, then copied
};
struct RestoreReport {
  BackupManifest source;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  CheckReport check;
};

/// Makes a store of a backup in `target`, which must not exist or be empty: every hash verified,
/// files copied, a new store id, sync states dropped, checked. Errors: kInvalid, kCorrupt (a file
/// is not what BACKUP says; nothing was written), kNoSpace, kIo.
Result<RestoreReport> restore_store(const std::filesystem::path& backup,
                                    const std::filesystem::path& target,
                                    const RestoreOptions& options, const OpenOptions& open);

}  // namespace converge::store
