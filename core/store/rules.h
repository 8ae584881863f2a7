#pragma once

#include "core/store/group.h"
#include "core/store/store.h"

#include <string>
#include <vector>

/// What must be together in one batch (store.md 8). Each function is the body of one request: it
/// checks, then adds to the group; an error leaves the group as it was. Commit thread only.
namespace converge::store {

/// Requests of more than this are refused, unless they consist of a single change.
inline constexpr std::size_t kBatchBytesMax = 8u << 20;
/// Deletions per piece of background work.
inline constexpr std::size_t kRemovalBytesMax = 1u << 20;
inline constexpr std::int64_t kIdempotencyLifeMs = std::int64_t{7} * 24 * 3600 * 1000;

/// Checks that need no store: hashes against chunks, sizes, names, order of heads. Any thread.
Result<void> check_append(const Append& append);
Result<void> check_edits(const std::vector<NameEdit>& edits);
/// A type-1 chunk whose contents hash to `hash`.
Result<void> check_change(const ChangeHash& hash, ByteView chunk);

/// Bytes that an append adds, roughly.
std::size_t append_bytes(const Append& append);

Result<AppendResult> add_append(Group& group, const Append& append);
Result<void> add_names(Group& group, const std::vector<NameEdit>& edits);
/// REQUIRES: first in its group. A document that is unknown is buried, too: it must not come from a
/// peer. `has_job` is set when there may be data to remove.
Result<void> add_removal(Group& group, const DocumentId& document, const Source& by,
                         std::uint64_t job_id, bool& has_job);
/// One piece of a removal job; `finished` when it was the last. REQUIRES: first in its group.
Result<void> add_removal_piece(Group& group, std::uint64_t job_id, const JobRecord& job,
                               bool& finished);
Result<void> add_degraded(Group& group, const DocumentId& document, bool degraded);
Result<void> add_peer_state(Group& group, const DocumentId& document, const PeerSync& state);

/// Publishes parts that were read back: the header names the generation, counters lose what is
/// covered. REQUIRES: first in its group.
Result<DocumentHeader> add_publication(Group& group, const SnapshotDraft& draft,
                                       std::uint32_t generation, const Sha256& sha256);

}  // namespace converge::store
