#pragma once

#include "core/base/result.h"
#include "core/store/check.h"
#include "core/store/types.h"

#include <filesystem>
#include <string>
#include <vector>

/// What a backup's report says once more of its store: small records that no other record tells.
/// They are read through the database when the backup is made, and compared with what our own
/// readers find in the copy: then, at each check of the backup, and after a restore.
namespace converge::store {

class Cursor;

struct BackupRecords {
  struct Name {
    std::string name;
    DocumentId document;
    bool operator==(const Name&) const = default;
  };
  struct Grant {  ///< reserved: as stored
    std::string key;
    std::string value;
    bool operator==(const Grant&) const = default;
  };
  std::vector<Name> names;  ///< each list in key order
  std::vector<Tombstone> tombstones;
  std::vector<Grant> grants;

  std::size_t size() const { return names.size() + tombstones.size() + grants.size(); }
  bool operator==(const BackupRecords&) const = default;
};

/// Of a view that does not change. Errors: kCorrupt (a record does not verify; damage).
Result<BackupRecords> collect_backup_records(Cursor& cursor);

/// Compares with what the files of a stopped database say. Findings: "backup.records", one for each
/// sort that differs. Cost: reads the tables that may hold such records, and the logs. Errors:
/// kCorrupt (no MANIFEST), kIo.
Result<std::vector<Finding>> compare_backup_records(const std::filesystem::path& database,
                                                    const BackupRecords& said);

}  // namespace converge::store
