#pragma once

#include "agent/control/call.h"
#include "agent/control/document_walk.h"
#include "core/repo/conflict_index.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// The agent's side of the conflict index (core/repo/conflict_index.h): what an entry says, which
/// documents a question about conflicts has to look at, and the first filling for stores that an
/// earlier release wrote or that were put together from parts.
namespace converge::handlers {

/// A document's entry, as repo::Repo::Options::conflicts wants it. Cost: O(document).
Bytes conflict_entry(const DocumentId& id, const engine::Document& document);

/// Every document of this store is indexed: what has no entry has no conflicts. Any thread.
bool is_indexed(store::Store& store);

/// Fills the index where it was not kept so far, and looks again at entries that are not exact.
/// Returns at once; works a few documents at a time, beside requests. Control thread.
void complete_index(Services& services);

/// Ids of the conflicts that the operator does not want to see: "c-...", local to the replica.
Result<std::set<std::string>> ignored_conflicts(store::Store& store);
/// Remembers one more; synced by Store::sync.
void ignore_conflict(store::Store& store, const std::string& id);

/// Conflicts that are not ignored; nothing while the index is being filled. Cost: O(documents with
/// conflicts).
Result<std::optional<std::uint64_t>> count_open_conflicts(store::Store& store);

/// Documents that may have conflicts, among those that the patterns name, with how many; without
/// patterns all. `wanted` looks at an entry and says whether the document can matter. A pattern
/// without wildcards must name a document. While the index is being filled: every document. `done`
/// runs on the control thread; an error answers the call.
void walk_conflicted(Services& services, const CallPtr& call,
                     const std::vector<std::string>& patterns,
                     std::function<bool(const repo::ConflictSummary&)> wanted,
                     std::function<void(std::vector<Row>)> done);

}  // namespace converge::handlers
