#pragma once

#include "core/base/result.h"
#include "core/store/check.h"
#include "core/store/rebuild.h"
#include "core/store/repair_index.h"
#include "core/store/store.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Repairs damaged tables of a stopped store in place (store.md 13.3): one damaged block costs the
/// records that were in it and no others. What does not open at all is salvaged instead
/// (salvage.h).
namespace converge::store {

struct DamagedTable {
  std::uint64_t number = 0;
  std::string file;
  int level = 0;
  std::string first_key;             ///< the first of the table, by the MANIFEST
  std::vector<std::uint64_t> holes;  ///< offsets of blocks that cannot be read
  bool is_missing = false;           ///< the file is not there, or no block of it can be read
  bool has_bad_index = false;
  /// Readable neighbours of what was lost; empty: none.
  std::vector<std::pair<std::string, std::string>> lost;
};

struct RepairPlan {
  std::string id;  ///< of the store's state and the damage: another one when either changed
  std::vector<DamagedTable> tables;
  bool lacks_guard = false;
  /// With records that do not verify, or headers that do not fit, in tables that can be read.
  std::vector<DocumentId> documents;
  bool has_bad_index = false;     ///< of receipts, names or counts
  bool has_bad_own = false;       ///< the store's records about itself are not whole
  std::uint64_t bytes_total = 0;  ///< of the tables that were looked at
  bool empty() const {
    return tables.empty() && !lacks_guard && documents.empty() && !has_bad_index && !has_bad_own;
  }
};

struct RepairedDocument {
  DocumentId id;
  std::uint64_t changes = 0;        ///< that are left
  std::vector<ChangeHash> missing;  ///< hashes that something left depends on, or that were heads
};

struct RepairReport {
  RepairPlan plan;
  std::uint64_t records_kept = 0;          ///< in the tables that were written anew
  std::vector<RepairedDocument> degraded;  ///< of which something is missing
  std::uint64_t headers_rebuilt = 0;
  std::uint64_t quarantined = 0;  ///< entries that were made
  IndexRepair indexes;
  std::vector<std::string> own_records;  ///< names under m that were made anew, or set aside
  std::optional<StoreId> new_id;         ///< the old one was lost, or an older one showed instead
  std::vector<std::string> may_lack;     ///< kinds of records that nothing can bring back
  std::vector<DocumentId> changed;       ///< whose heads or state are no longer what they were
  std::vector<std::filesystem::path> set_aside;  ///< damaged files, in quarantine/
};

struct RepairOptions {
  SnapshotInspector inspect_snapshot;  ///< required, but for a plan
};

/// Reads every block of every table and every record. Changes nothing. Errors: kLocked, kInvalid
/// (no store), kCorrupt (the MANIFEST cannot be read: salvage), kIo.
Result<RepairPlan> plan_repair(const std::filesystem::path& directory,
                               const RepairOptions& options = {});

/// Carries the plan with this id out: writes the readable records of each damaged table into a new
/// one, a new MANIFEST, switches CURRENT, moves the damaged files to quarantine/, then opens the
/// store and computes the headers of the documents concerned anew; one of which something is
/// missing is marked degraded, with an entry in quarantine, and what depends on the hole waits as
/// orphans for a peer to fill it. Receipts and names are made whole again from what tells of them.
/// A crash at any step leaves the old or the new state, both of which open. Errors: kConflict
/// ("plan.stale"), those of plan_repair and open_store.
Result<RepairReport> apply_repair(const std::filesystem::path& directory,
                                  const std::string& plan_id, const RepairOptions& options,
                                  const OpenOptions& open);

/// What an agent may mend by itself before it starts (store.md 13.3): damaged tables among those
/// that hold what is read first, when they are small enough to be repaired without being asked.
/// Carries that out as apply_repair does. Errors: kCorrupt with the command that shows the plan,
/// when there is more; those of apply_repair. Cost: the tables that hold such records, then what
/// the holes concern.
Result<RepairReport> repair_to_open(const std::filesystem::path& directory,
                                    const RepairOptions& options, const OpenOptions& open);

// What the repair of a stopped and of a running store share.

/// Adds what a deep check found that the tables do not show. The plan's id becomes another one.
void complete_plan(RepairPlan& plan, const CheckReport& report);

RebuildContext rebuild_context(const SnapshotInspector& inspector, const RepairReport& report,
                               Kv& kv);
void note_rebuilt(const DocumentId& document, RebuiltDocument rebuilt, RepairReport& report);

}  // namespace converge::store
