#include "agent/control/shard_document.h"

#include "core/control/json_text.h"
#include "core/control/prepared_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>

namespace converge::handlers {

using control::ErrorId;
using control::make_error;

Error name_the_document(Error error, const Target& target) {
  if (error.id == "doc.not_found") {
    const std::string words = target.name.empty() ? target.id.to_url() : target.name;
    return no_document(words);
  }
  return error;
}

namespace {

/// What would be written now would depend on a hole.
Error degraded(const Target& target, std::size_t missing) {
  const std::string words = target.name.empty() ? target.id.to_url() : target.name;
  return make_error(ErrorId::kDocDegraded,
                    fmt::format("{} is degraded: {} changes are unreadable, and nothing is "
                                "written on top of a hole",
                                words, missing),
                    "syncctl store repair --from-peer PEER");
}

/// Nobody who is here has it; who is away may.
void fail_not_found(Services& services, const CallPtr& call, Error error) {
  services.peers([call, error = std::move(error)](const std::vector<PeerView>& peers) mutable {
    for (const PeerView& peer : peers) {
      if (!peer.configured || peer.state == "up" || peer.state == "paused") continue;
      error.hint = fmt::format("{} is not connected and could not be asked", peer.name);
      break;
    }
    call->fail(std::move(error));
  });
}

/// The document has come, or was healed: without looking any further.
void run_once(Services& services, const CallPtr& call, const Target& target,
              const DocumentTask& task) {
  services.on_shard(target.id, [call, target, task](ShardAccess& shard) {
    const auto document = shard.repo.open(target.id);
    if (!document) return call->fail(name_the_document(document.error(), target));
    task(shard, **document);
  });
}

}  // namespace

void with_document(Services& services, const CallPtr& call, const Target& target,
                   DocumentTask task) {
  services.on_shard(
      target.id, [&services, call, target, task = std::move(task)](ShardAccess& shard) {
        const auto document = shard.repo.open(target.id);
        if (document) return task(shard, **document);
        const Error error = name_the_document(document.error(), target);
        if (error.code == ErrorCode::kCorrupt) {
          return services.heal(target.id, [&services, call, target, task](Result<void> healed) {
            if (!healed) return call->fail(healed.error());
            run_once(services, call, target, task);
          });
        }
        if (error.code != ErrorCode::kNotFound) return call->fail(error);
        services.find_document(target.id, [&services, call, target, task, error](bool found) {
          if (!found) return fail_not_found(services, call, error);
          run_once(services, call, target, task);
        });
      });
}

void read_document(Services& services, const CallPtr& call, const Target& target, ReadVerb read) {
  with_document(
      services, call, target,
      [call, target, read = std::move(read)](ShardAccess& shard, const engine::Document& document) {
        auto result = read(shard, document);
        shard.repo.when_durable(target.id,
                                [call, result = std::move(result)](Result<void> released) {
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

namespace {

/// An id's URL costs two SHA-256; whoever edits a document mostly does so again.
const std::string& url_of(const DocumentId& id) {
  struct Entry {
    DocumentId id;
    std::string url;
  };
  thread_local std::array<Entry, 256> known;
  Entry& entry = known[std::to_integer<std::size_t>(id.bytes.front())];
  if (entry.url.empty() || entry.id != id) entry = {id, id.to_url()};
  return entry.url;
}

void append_string_or_null(const std::string& text, std::string& out) {
  if (text.empty())
    out += "null";
  else
    control::append_json_string(text, out);
}

}  // namespace

Json prepared_ack(const Target& target, const Call& call, const verbs::Outcome& outcome,
                  bool durable) {
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  std::string out = R"({"acks":[],"change":)";
  append_string_or_null(outcome.change ? outcome.change->to_hex() : "", out);
  out.append(R"(,"durable":)").append(flag(durable)).append(R"(,"heads":[)");
  for (const ChangeHash& hash : outcome.heads) {
    if (out.back() != '[') out += ',';
    out.append("\"").append(hash.to_hex()).append("\"");
  }
  out.append(R"(],"id":")").append(url_of(target.id)).append(R"(","kind":"Ack","name":)");
  append_string_or_null(target.name, out);
  out.append(R"(,"ops":)").append(std::to_string(outcome.ops)).append(R"(,"queued":false)");
  out += R"(,"request_id":)";
  append_string_or_null(call.request_id, out);
  out += R"(,"summary":)";
  control::append_json_string(outcome.summary, out);
  out.append(R"(,"unchanged":)").append(flag(outcome.unchanged)).append(R"(,"v":1})");
  return control::prepared_json(out);
}

repo::CommitRequest commit_request(const Call& call, const Json& result) {
  repo::CommitRequest request;
  if (!call.request_id.empty() && !bool_param(call, "dry_run").value_or(true)) {
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

Result<AckWanted> ack_param(const Call& call) {
  const auto text = string_param(call, "ack", "local");
  if (!text) return text.error();
  AckWanted wanted;
  if (*text == "local") return wanted;
  if (text->starts_with("peer=") && text->size() > 5) {
    wanted.peer = text->substr(5);
    wanted.peers = 1;
    return wanted;
  }
  const std::string digits = text->starts_with("peers=") ? text->substr(6) : "";
  const bool is_number = !digits.empty() && digits.size() <= 4 &&
                         digits.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) {
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("\"{}\" is not local, peer=NAME or peers=N", *text));
  }
  wanted.peers = std::stoull(digits);
  return wanted;
}

namespace {

constexpr std::chrono::milliseconds kAckPoll{20};
constexpr std::uint64_t kAckTimeoutMs = 30'000;

struct AckWait {
  Services& services;
  CallPtr call;
  DocumentId document;
  AckWanted wanted;
  Json ack;
  std::chrono::steady_clock::time_point deadline;
};

/// Control thread. The document may have moved on meanwhile; a peer that has its present content
/// has this change too.
void look_for_peers(const std::shared_ptr<AckWait>& wait) {
  wait->services.peers_with(wait->document, [wait](const std::vector<std::string>& names) {
    Json acks = Json::array();
    const std::string now = format_time(wait->services.clock().wall_now_ms());
    for (const std::string& name : names) {
      if (wait->wanted.peer.empty() || wait->wanted.peer == name) {
        acks.push_back(Json{{"peer", name}, {"at", now}});
      }
    }
    if (acks.size() >= wait->wanted.peers) {
      wait->ack["acks"] = std::move(acks);
      return wait->call->reply(std::move(wait->ack));
    }
    if (wait->services.clock().steady_now() >= wait->deadline) {
      return wait->call->fail(
          make_error(ErrorId::kTimeout,
                     fmt::format("the change is stored here, but {} of {} peers have it",
                                 acks.size(), wait->wanted.peers),
                     "it is sent when they are back; \"syncctl wait --for synced\" waits for it"));
    }
    wait->services.after(kAckPoll, [wait] { look_for_peers(wait); });
  });
}

}  // namespace

void answer_when_acknowledged(Services& services, const CallPtr& call, const DocumentId& document,
                              const AckWanted& wanted, Json ack) {
  if (wanted.peers == 0) return call->reply(std::move(ack));
  const std::uint64_t limit =
      number_param(*call, "timeout_ms", kAckTimeoutMs).value_or(kAckTimeoutMs);
  const auto deadline = services.clock().steady_now() + std::chrono::milliseconds(limit);
  const auto wait = std::make_shared<AckWait>(
      AckWait{services, call, document, wanted, std::move(ack), deadline});
  services.on_control([wait] { look_for_peers(wait); });
}

namespace {

/// Edits, commits, and answers when it is as durable and as far spread as it was asked for.
void write(Services& services, const CallPtr& call, const Target& target, const AckWanted& wanted,
           store::Durability durability, EditVerb edit) {
  with_document(services, call, target,
                [call, target, durability, wanted, &services, edit = std::move(edit)](
                    ShardAccess& shard, engine::Document& document) {
                  if (const auto missing = shard.repo.missing_changes(target.id)) {
                    return call->fail(degraded(target, *missing));
                  }
                  const ReceiptRevisions revisions(shard.store, shard.clock, target.id, document);
                  verbs::WriteOptions defaults;
                  defaults.time = shard.clock.wall_now_ms() / 1000;
                  defaults.revisions = &revisions;
                  const auto outcome = edit(document, defaults);
                  if (!outcome) {
                    // The refusal, too, tells what the document holds.
                    return shard.repo.when_durable(
                        target.id, [call, error = outcome.error()](Result<void> done) {
                          call->fail(done ? error : done.error());
                        });
                  }
                  const bool durable = durability == store::Durability::kDurable;
                  // Only an ack that names peers has something put into it.
                  Json ack = wanted.peers > 0 ? make_ack(target, *call, *outcome, durable)
                                              : prepared_ack(target, *call, *outcome, durable);
                  repo::CommitRequest request = commit_request(*call, ack);
                  request.durability = durability;
                  shard.repo.commit(
                      target.id, std::move(request),
                      [&services, call, wanted, id = target.id,
                       ack = std::move(ack)](const Result<repo::Committed>& done) mutable {
                        if (!done) return call->fail(done.error());
                        answer_when_acknowledged(services, call, id, wanted, std::move(ack));
                      });
                });
}

}  // namespace

void edit_document(Services& services, const CallPtr& call, const Target& target, EditVerb edit) {
  const auto durability = durability_param(*call);
  if (!durability) return call->fail(durability.error());
  const auto wanted = ack_param(*call);
  if (!wanted) return call->fail(wanted.error());
  // A peer is only told what is durable here, so waiting for one means waiting for the disk.
  const auto kind = wanted->peers > 0 ? store::Durability::kDurable : *durability;
  if (wanted->peer.empty()) return write(services, call, target, *wanted, kind, std::move(edit));
  // Nothing is written for a peer that nobody knows: its answer would never come.
  services.peers([&services, call, target, kind, wanted = *wanted,
                  edit = std::move(edit)](const std::vector<PeerView>& peers) {
    const bool is_known = std::any_of(
        peers.begin(), peers.end(), [&](const PeerView& peer) { return peer.name == wanted.peer; });
    if (!is_known) return call->fail(no_peer(wanted.peer, peers));
    write(services, call, target, wanted, kind, edit);
  });
}

}  // namespace converge::handlers
