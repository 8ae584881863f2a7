#pragma once

#include "core/store/group.h"
#include "core/store/repair.h"
#include "core/store/repair_index.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The half of a repair that is about the store itself: its records under `m` (format, id, commits,
/// settings) and what else no other record tells (store.md 13.3).
namespace converge::store {

/// Whether the newest record with this key may have been in one of the plan's holes.
bool may_have_held(const RepairPlan& plan, std::string_view key);
/// The same for any record of a space, "p" for example.
bool may_have_held_any(const RepairPlan& plan, std::string_view space);

/// Kinds of records that may be gone and that nothing else tells, as operators call them:
/// "settings", "peers", "quarantine entries", "answers to repeated requests", "deletions".
std::vector<std::string> may_lack(const RepairPlan& plan);

/// Keys under `m` that the logs hold: nothing in a table is newer. Before the files are opened,
/// which turns logs into tables.
Result<std::set<std::string>> own_keys_in_logs(const std::filesystem::path& database);

/// Settles what the store says of itself. A record that is gone, or that an older version may stand
/// for, is made anew: format and time of creation from what else tells them, the ledger from the
/// receipts. An id that is in doubt becomes another one, because two stores must never share one.
class OwnRecords {
 public:
  /// `certain`: keys that are right whatever the holes are.
  OwnRecords(Kv& kv, const RepairPlan& plan, const std::set<std::string>& certain,
             const OpenOptions& open)
      : kv_(kv), plan_(plan), certain_(certain), open_(open) {}

  /// The ledger to go on with. Cost: a point read; all receipts and changes when it is in doubt.
  Result<Ledger> read();
  /// Writes what read() found missing and notes it in the report. Cost with a new id: a walk over
  /// all documents' records, whose sync states go.
  Result<void> write(const GroupWriter& write, RepairReport& report);

 private:
  Result<bool> is_sound(std::string_view name);
  Result<void> raise_last_receipt(Ledger& ledger);
  Result<void> collect_bad_settings();
  Result<std::uint64_t> creation_time();

  Kv& kv_;
  const RepairPlan& plan_;
  const std::set<std::string>& certain_;
  const OpenOptions& open_;
  std::vector<std::string> unsound_;  ///< names under m
  std::vector<std::pair<std::string, std::string>> bad_settings_;
};

/// Forgets that the conflict index is whole, if a hole may have taken some of it.
void doubt_conflict_index(Group& group, const RepairPlan& plan);

/// Ends removals whose job is gone: deleted documents that still have data and no job.
Result<void> finish_lost_removals(Kv& kv, const GroupWriter& write);

}  // namespace converge::store
