#include "agent/control/shard_document.h"

#include "core/control/json_text.h"

#include <fmt/format.h>

#include <utility>

namespace converge::handlers {

using control::ErrorId;
using control::make_error;

Error name_the_document(Error error, const Target& target) {
  if (error.id == "doc.not_found") {
    const std::string words = target.name.empty() ? target.id.to_url() : target.name;
    return make_error(ErrorId::kDocNotFound, fmt::format("no document is called \"{}\"", words));
  }
  return error;
}

void read_document(Services& services, const CallPtr& call, const Target& target, ReadVerb read) {
  services.on_shard(target.id, [call, target, read = std::move(read)](ShardAccess& shard) {
    const auto document = shard.repo.open(target.id);
    if (!document) return call->fail(name_the_document(document.error(), target));
    auto result = read(shard, **document);
    shard.repo.when_durable(target.id, [call, result = std::move(result)](Result<void> released) {
      if (!released) return call->fail(released.error());
      finish(*call, result);
    });
  });
}

Json make_ack(const Target& target, const Call& call, const verbs::Outcome& outcome, bool durable) {
  Json ack = verbs::to_json(outcome);
  ack["kind"] = "Ack";
  ack["v"] = 1;
  ack["id"] = target.id.to_url();
  ack["name"] = target.name.empty() ? Json() : Json(target.name);
  ack["queued"] = false;
  ack["durable"] = durable;
  ack["request_id"] = call.request_id.empty() ? Json() : Json(call.request_id);
  ack["acks"] = Json::array();
  return ack;
}

repo::CommitRequest commit_request(const Call& call, const Json& result) {
  repo::CommitRequest request;
  if (!call.request_id.empty() && !call.params->value("dry_run", false)) {
    store::IdempotentResult remembered;
    remembered.client = kRequestClient;
    remembered.key = call.request_id;
    remembered.result = to_bytes(as_bytes(control::to_compact(result)));
    request.idempotency = std::move(remembered);
  }
  return request;
}

Result<store::Durability> durability_param(const Call& call) {
  const auto word = string_param(call, "durability", "durable");
  if (!word) return word.error();
  if (*word == "durable") return store::Durability::kDurable;
  if (*word == "relaxed") return store::Durability::kRelaxed;
  return make_error(ErrorId::kUsageArgument,
                    fmt::format("\"{}\" is not a durability: durable or relaxed", *word));
}

void edit_document(Services& services, const CallPtr& call, const Target& target, EditVerb edit) {
  const auto durability = durability_param(*call);
  if (!durability) return call->fail(durability.error());
  services.on_shard(target.id, [call, target, durability = *durability,
                                edit = std::move(edit)](ShardAccess& shard) {
    const auto document = shard.repo.open(target.id);
    if (!document) return call->fail(name_the_document(document.error(), target));
    const ReceiptRevisions revisions(shard.store, shard.clock, target.id, **document);
    verbs::WriteOptions defaults;
    defaults.time = shard.clock.wall_now_ms() / 1000;
    defaults.revisions = &revisions;
    const auto outcome = edit(**document, defaults);
    if (!outcome) {
      // The refusal, too, tells what the document holds.
      return shard.repo.when_durable(target.id, [call, error = outcome.error()](Result<void> done) {
        call->fail(done ? error : done.error());
      });
    }
    const bool durable = durability == store::Durability::kDurable;
    Json ack = make_ack(target, *call, *outcome, durable);
    repo::CommitRequest request = commit_request(*call, ack);
    request.durability = durability;
    shard.repo.commit(target.id, std::move(request),
                      [call, ack = std::move(ack)](Result<repo::Committed> done) mutable {
                        if (!done) return call->fail(done.error());
                        call->reply(std::move(ack));
                      });
  });
}

}  // namespace converge::handlers
