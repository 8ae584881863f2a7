#pragma once

#include "agent/control/call.h"
#include "agent/control/receipt_revisions.h"
#include "agent/control/resolve.h"
#include "core/verbs/edits.h"

#include <functional>

namespace converge::handlers {

/// Runs `read` on the document's shard and answers with what it returns, once everything that the
/// document held then is durable.
using ReadVerb = std::function<Result<Json>(ShardAccess&, const engine::Document&)>;
void read_document(Services& services, const CallPtr& call, const Target& target, ReadVerb read);

/// The Ack of the contract (8.3) for an outcome; `durable` as the caller was promised.
Json make_ack(const Target& target, const Call& call, const verbs::Outcome& outcome, bool durable);
/// The same put together as text (core/control/prepared_json.h), for the answer of every edit.
Json prepared_ack(const Target& target, const Call& call, const verbs::Outcome& outcome,
                  bool durable);

/// Runs `task` on the document's shard. A document that is not here is looked for among the peers
/// first; the call fails with doc.not_found when nobody has it.
using DocumentTask = std::function<void(ShardAccess&, engine::Document&)>;
void with_document(Services& services, const CallPtr& call, const Target& target,
                   DocumentTask task);

/// Runs `edit` on the document's shard, commits what it did and answers with an Ack.
using EditVerb =
    std::function<Result<verbs::Outcome>(engine::Document&, const verbs::WriteOptions& defaults)>;
void edit_document(Services& services, const CallPtr& call, const Target& target, EditVerb edit);

/// How many peers, or which one, must have a change before its write is answered (`ack`).
struct AckWanted {
  std::string peer;         ///< by name; empty: any
  std::uint64_t peers = 0;  ///< 0: this replica is enough
};
/// "local", "peer=NAME", "peers=N". Errors: usage.argument.
Result<AckWanted> ack_param(const Call& call);

/// Answers with the ack once the peers asked for have the document's content, or with `timeout`,
/// which says that the write itself is done.
void answer_when_acknowledged(Services& services, const CallPtr& call, const DocumentId& document,
                              const AckWanted& wanted, Json ack);

/// Message, time, durability and idempotency of a write request as the store wants them. `result`
/// is the answer that a retry gets.
repo::CommitRequest commit_request(const Call& call, const Json& result);
/// kDurable unless the request says "relaxed". Errors: usage.argument.
Result<store::Durability> durability_param(const Call& call);

/// The same error with the user's own words for the document.
Error name_the_document(Error error, const Target& target);

/// All idempotency keys share one client: request ids are unique by themselves.
inline constexpr store::ClientId kRequestClient{};

}  // namespace converge::handlers
