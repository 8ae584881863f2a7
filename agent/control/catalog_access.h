#pragma once

#include "agent/control/call.h"
#include "core/repo/catalog.h"
#include "core/store/types.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace converge::handlers {

/// The catalog on its shard, made when this replica has none yet: the first change is the same on
/// every replica of the workspace, so one made here merges with the others'. Good until the next
/// use of the repository.
Result<engine::Document*> open_catalog(ShardAccess& shard, const DocumentId& catalog);

/// What the catalog says about a name.
struct NameState {
  std::optional<DocumentId> document;
  std::uint64_t generation = 0;
};
/// For who is about to change it. `then` runs on the catalog's shard. Errors: doc.degraded.
void look_up_name(Services& services, const std::string& name,
                  std::function<void(Result<NameState>)> then);

/// Binds the name in the catalog and the index as one append, which also remembers the request's
/// answer. `then` gets whether anything changed, from the catalog's shard, once it is durable.
/// Errors of all edits: doc.degraded, while a part of the catalog is lost here.
void bind_name(Services& services, const CallPtr& call, const std::string& name,
               const DocumentId& document, std::optional<store::IdempotentResult> remembered,
               std::function<void(Result<bool>)> then);

/// Unbinds; false when the name was not bound.
void unbind_name(Services& services, const std::string& name,
                 std::optional<store::IdempotentResult> remembered,
                 std::function<void(Result<bool>)> then);

/// Marks the documents deleted and unbinds their names, as one append.
void delete_in_catalog(Services& services, const std::vector<DocumentId>& documents,
                       std::function<void(Result<bool>)> then);

}  // namespace converge::handlers
