#pragma once

#include "core/base/result.h"
#include "core/store/kv.h"
#include "core/store/repair_index.h"
#include "core/store/store.h"

#include <filesystem>

namespace converge::store {

/// Gives a store that no process has open a new id and drops the sync states kept under the old one
/// (store.md 10): after a restore, a salvage, or on one of two copies. Errors: as open_store.
Result<StoreId> renew_identity(const std::filesystem::path& directory, const OpenOptions& options);

/// What is shared with each peer, of all documents: costs each of them a comparison. Cost: a walk
/// over all documents' records.
Result<void> drop_sync_states(Kv& kv, const GroupWriter& write);

}  // namespace converge::store
