#pragma once

#include "core/store/check.h"
#include "core/store/group.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::store {

/// Why a document is rebuilt, and where what cannot be read goes.
struct RebuildContext {
  SnapshotInspector inspector;  ///< required
  /// For the quarantine entry, where the records themselves do not say more.
  std::string code = "document.missing-dep";
  std::string what;
  std::vector<std::string> files;  ///< in quarantine/, that hold what was damaged
  /// Keeps damaged bytes durably under a name in quarantine/. Empty: they are not kept.
  std::function<Result<void>(const std::string& name, std::string_view bytes)> keep;
};

/// What a document's readable records amount to.
struct RebuiltDocument {
  std::uint64_t changes = 0;
  std::uint64_t changes_before = 0;  ///< as the header said; 0 without one
  bool had_header = false;
  /// Hashes that readable changes name, or that were heads, and that are nowhere. Sorted.
  std::vector<ChangeHash> missing;
  bool header_changed = false;
  bool is_degraded = false;
  std::uint64_t quarantine_id = 0;  ///< of the entry that was made; 0: nothing new was found
};

/// Computes a document's header from the records that are there, and adds to the group what makes
/// both agree: changes without their ancestors become orphans and orphans with all of them changes,
/// records that do not verify and a snapshot that is not whole are set aside, and a document of
/// which something is missing is degraded, with a quarantine entry that says what. A degraded one
/// of which nothing is missing any more is active again. The ledger's counts of documents and
/// changes stay as they are. Nothing when there is neither header nor data. What is
/// left of a document that has a tombstone goes: an older header must not bring it back. REQUIRES:
/// first in its group. Cost: the document's records, decoded.
Result<std::optional<RebuiltDocument>> rebuild_document(Group& group, const DocumentId& document,
                                                        const RebuildContext& context);

/// Removes all of a document but its tombstone, in one batch.
Result<void> erase_document(Group& group, const DocumentId& document);

/// One more than the last entry's. Cost: the entries.
Result<std::uint64_t> next_quarantine_id(Kv& kv);

}  // namespace converge::store
