#pragma once

#include "agent/control/services.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace converge::handlers {

/// What looks at one document, the `index`th that was asked for. On its shard's thread, so that
/// documents of different shards are looked at at the same time: it writes only what belongs to its
/// index.
using Look =
    std::function<Result<void>(ShardAccess&, std::size_t index, const engine::Document& document)>;
/// One result for each document: what `look` said, or why it could not be shown.
using Looked = std::function<void(std::vector<Result<void>>)>;

/// Shows documents to `look`, to each shard all of its own in one go, but never for long at a time.
/// `done` runs on the control thread, later, once everything that was seen is durable. Reads around
/// the cache where that is full (Repo::peek).
void look_at(Services& services, std::vector<DocumentId> documents, Look look, Looked done);

}  // namespace converge::handlers
