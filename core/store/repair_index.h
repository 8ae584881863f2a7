#pragma once

#include "core/base/result.h"
#include "core/store/check.h"
#include "core/store/group.h"
#include "core/store/kv.h"

#include <cstdint>
#include <functional>

/// Makes the indexes of a repaired store whole again from what tells of them: a change names its
/// receipt, a link its name and the other way round.
namespace converge::store {

struct IndexRepair {
  std::uint64_t receipts = 0;       ///< written again for changes that are there
  std::uint64_t receipts_lost = 0;  ///< of changes that are not; the number stays taken
  std::uint64_t names = 0;          ///< names and links that their counterpart proved
  bool operator==(const IndexRepair&) const = default;
};

/// Writes one batch, durably, of what the function adds to the group.
using GroupWriter = std::function<Result<void>(const std::function<Result<void>(Group&)>&)>;

/// A receipt whose change is inside a snapshot has lost its place in the order; any free number
/// below the last serves. One whose change is gone names no document. Cost: all receipts and the
/// changes behind snapshots; snapshots of documents without all their receipts are loaded.
Result<IndexRepair> repair_indexes(Kv& kv, const SnapshotInspector& inspector,
                                   const GroupWriter& write);

/// Sets the ledger's counts to what the headers say. Cost: all headers.
Result<void> recount(Kv& kv, const GroupWriter& write);

}  // namespace converge::store
