#pragma once

#include "core/store/check.h"
#include "core/store/group.h"

#include <optional>
#include <vector>

namespace converge::store {

/// What a document's readable records amount to.
struct RebuiltDocument {
  std::uint64_t changes = 0;
  std::vector<ChangeHash> missing;  ///< hashes that readable changes name and that are nowhere
  bool header_changed = false;
};

/// Computes a document's header from the records that are there, and adds to the group what makes
/// both agree: changes without their ancestors become orphans, a snapshot that is not whole goes,
/// and a document of which something is missing is degraded. The ledger's counts stay as they are.
/// Nothing when there is neither header nor data. REQUIRES: first in its group. Cost: the
/// document's records, decoded.
Result<std::optional<RebuiltDocument>> rebuild_document(Group& group, const DocumentId& document,
                                                        const SnapshotInspector& inspector);

}  // namespace converge::store
