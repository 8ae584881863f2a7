#include "agent/control/handlers.h"
#include "agent/control/receipt_log.h"
#include "agent/control/receipt_revisions.h"
#include "agent/control/shard_document.h"
#include "core/verbs/blame.h"
#include "core/verbs/diff.h"
#include "core/verbs/history.h"
#include "core/verbs/pointer.h"
#include "core/verbs/read.h"
#include "core/verbs/revision.h"
#include "core/verbs/text_forms.h"
#include "core/verbs/value.h"

#include <fmt/format.h>

#include <algorithm>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

/// The target of `doc`, with `at` in the place of @REV where only that is given.
Result<Target> target_of(Services& services, const Call& call, const char* rev_param = "at") {
  const auto doc = required_string(call, "doc");
  if (!doc) return doc.error();
  auto target = resolve_document(services.store(), *doc);
  if (!target) return target.error();
  const auto rev = string_param(call, rev_param);
  if (!rev) return rev.error();
  if (!rev->empty() && !target->rev.empty() && *rev != target->rev) {
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("two revisions are named: \"{}\" and \"{}\"", target->rev, *rev));
  }
  if (target->rev.empty()) target->rev = *rev;
  return target;
}

/// The heads at the target's revision. Errors: those of the revision; rev.not_found when this
/// replica had nothing of the document then.
Result<Heads> heads_then(const engine::Document& document, const Target& target,
                         const ReceiptRevisions& revisions) {
  auto heads = verbs::resolve_revision(document, target.rev, &revisions);
  if (!heads || !heads->empty() || target.rev.empty()) return heads;
  return make_error(ErrorId::kRevNotFound,
                    fmt::format("nothing of \"{}\" was here yet at {}",
                                target.name.empty() ? target.id.to_url() : target.name, target.rev),
                    fmt::format("\"syncctl log {}\" tells when it came",
                                target.name.empty() ? target.id.to_url() : target.name));
}

Json nullable(const std::string& text) { return text.empty() ? Json() : Json(text); }

Result<Json> document_object(ShardAccess& shard, const engine::Document& document,
                             const Target& target, const Heads& heads, Json value) {
  Json object = verbs::document_facts(document);
  const auto header = shard.repo.header(target.id);
  object["kind"] = "Document";
  object["v"] = 1;
  object["id"] = target.id.to_url();
  object["name"] = nullable(target.name);
  object["heads"] = verbs::heads_json(heads);
  // A change inside a snapshot has no record of its own that names its receipt.
  const bool is_now = header && header->heads == heads;
  std::uint64_t seq = is_now ? header->last_receipt : 0;
  for (const ChangeHash& head : heads) {
    const auto stored = shard.store.find_change(target.id, head);
    if (stored && *stored) seq = std::max(seq, (*stored)->receipt);
  }
  object["seq"] = seq == 0 ? Json() : Json(seq);
  const bool degraded = header && header->state == store::DocumentState::kDegraded;
  object["state"] = degraded ? "degraded" : "ok";
  if (degraded) object["missing"] = header->missing.size();
  object["updated_at"] = header ? Json(format_time(header->modified_ms)) : Json();
  object["value"] = std::move(value);
  return object;
}

Result<Json> list_changes(ShardAccess& shard, const engine::Document& document, const Call& call,
                          const Target& target, std::int64_t since_ms, std::int64_t until_ms) {
  verbs::LogOptions options;
  const auto path = string_param(call, "path");
  const auto actor = string_param(call, "actor");
  const auto limit = number_param(call, "limit", 0);
  if (!path) return path.error();
  if (!actor) return actor.error();
  if (!limit) return limit.error();
  if (!path->empty()) {
    const auto pointer = verbs::Pointer::parse(*path);
    if (!pointer) return pointer.error();
    options.path = *pointer;
  }
  if (!actor->empty()) options.actor = *actor;
  if (!target.rev.empty()) {
    const ReceiptRevisions revisions(shard.store, shard.clock, target.id, document);
    const auto heads = verbs::resolve_revision(document, target.rev, &revisions);
    if (!heads) return heads.error();
    options.at = *heads;
  }
  const bool by_time = since_ms != 0 || until_ms != 0;
  if (!by_time) options.limit = *limit;
  const auto hashes = verbs::log(document, options);
  if (!hashes) return hashes.error();
  Json items = Json::array();
  ReceiptFinder receipts(shard.store, target.id);
  for (const ChangeHash& hash : *hashes) {
    if (*limit != 0 && items.size() == *limit) break;
    const auto receipt = receipts.find(hash);
    if (by_time) {
      const std::int64_t at = receipt ? receipt->time_ms : 0;
      if ((since_ms != 0 && at < since_ms) || (until_ms != 0 && at > until_ms)) continue;
    }
    auto change = verbs::change_json(document, hash);
    if (!change) return change.error();
    add_receipt(*change, receipt);
    items.push_back(std::move(*change));
  }
  return Json{{"kind", "ChangeList"},      {"v", 1},
              {"id", target.id.to_url()},  {"name", nullable(target.name)},
              {"items", std::move(items)}, {"next", nullptr}};
}

/// One side of a diff: the revision in this document; nothing written means `fallback`.
Result<Heads> side(ShardAccess& shard, const engine::Document& document, const DocumentId& id,
                   const std::string& rev, const Heads& fallback) {
  if (rev.empty()) return fallback;
  const ReceiptRevisions revisions(shard.store, shard.clock, id, document);
  return verbs::resolve_revision(document, rev, &revisions);
}

Result<Json> diff_json(const Call& call, const engine::Document& left, const Heads& from,
                       const engine::Document& right, const Heads& to, const Target& target) {
  verbs::DiffOptions options;
  const auto path = string_param(call, "path");
  if (!path) return path.error();
  if (!path->empty()) {
    const auto pointer = verbs::Pointer::parse(*path);
    if (!pointer) return pointer.error();
    options.path = *pointer;
  }
  auto diff = verbs::diff(left, from, right, to, options);
  if (!diff) return diff.error();
  (*diff)["id"] = target.id.to_url();
  (*diff)["name"] = nullable(target.name);
  return diff;
}

Result<std::vector<ChangeHash>> hashes_of(const std::vector<std::string>& words) {
  std::vector<ChangeHash> hashes;
  for (const std::string& word : words) {
    const auto hash = ChangeHash::from_hex(word);
    if (!hash) {
      return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is no change hash", word));
    }
    hashes.push_back(*hash);
  }
  return hashes;
}

/// The changes' chunks, one behind the other, in base64.
Result<std::string> chunks_of(const engine::Document& document,
                              const std::vector<ChangeHash>& hashes) {
  Bytes chunks;
  for (const ChangeHash& hash : hashes) {
    const auto bytes = document.change_bytes(hash);
    if (!bytes) {
      return make_error(ErrorId::kRevNotFound,
                        fmt::format("there is no change {} in this document", hash.to_hex()));
    }
    chunks.insert(chunks.end(), bytes->begin(), bytes->end());
  }
  return verbs::to_base64(chunks);
}

/// Two documents live on two shards: the left one travels as bytes.
void diff_documents(Services& services, const CallPtr& call, const Target& left,
                    const Target& right) {
  services.on_shard(left.id, [&services, call, left, right](ShardAccess& shard) {
    const auto document = shard.repo.open(left.id);
    if (!document) return call->fail(name_the_document(document.error(), left));
    const auto from = side(shard, **document, left.id, left.rev, (*document)->heads());
    if (!from) return call->fail(from.error());
    auto bytes = std::make_shared<Bytes>((*document)->save());
    shard.repo.when_durable(
        left.id, [&services, call, left, right, from = *from, bytes](Result<void> released) {
          if (!released) return call->fail(released.error());
          read_document(services, call, right,
                        [call, left, right, from, bytes](
                            ShardAccess& there, const engine::Document& other) -> Result<Json> {
                          const auto copy = engine::Document::load(*bytes, other.actor());
                          if (!copy) return copy.error();
                          const auto to = side(there, other, right.id, right.rev, other.heads());
                          if (!to) return to.error();
                          return diff_json(*call, *copy, from, other, *to, left);
                        });
        });
  });
}

}  // namespace

void doc_get(Services& services, CallPtr call) {
  const auto target = target_of(services, *call);
  const auto pointer_text = string_param(*call, "pointer");
  const auto typed = bool_param(*call, "typed");
  const auto meta = bool_param(*call, "meta");
  if (!target) return call->fail(target.error());
  if (!pointer_text) return call->fail(pointer_text.error());
  if (!typed) return call->fail(typed.error());
  if (!meta) return call->fail(meta.error());
  const auto pointer = verbs::Pointer::parse(*pointer_text);
  if (!pointer) return call->fail(pointer.error());
  read_document(services, call, *target,
                [target = *target, pointer = *pointer, typed = *typed, meta = *meta](
                    ShardAccess& shard, const engine::Document& document) -> Result<Json> {
                  const ReceiptRevisions revisions(shard.store, shard.clock, target.id, document);
                  const auto heads = heads_then(document, target, revisions);
                  if (!heads) return heads.error();
                  std::size_t unshown = 0;
                  verbs::GetOptions options;
                  options.rev = target.rev;
                  options.form = typed ? verbs::Form::kTyped : verbs::Form::kPlain;
                  options.unshown = &unshown;
                  options.revisions = &revisions;
                  auto value = verbs::get(document, pointer, options);
                  if (!value) return value.error();
                  if (meta) {
                    return document_object(shard, document, target, *heads, std::move(*value));
                  }
                  Json result{{"value", std::move(*value)}};
                  if (unshown > 0) result["unshown"] = unshown;
                  if (const auto missing = shard.repo.missing_changes(target.id))
                    result["missing"] = *missing;
                  return result;
                });
}

void doc_heads(Services& services, CallPtr call) {
  const auto target = target_of(services, *call);
  if (!target) return call->fail(target.error());
  read_document(
      services, call, *target,
      [target = *target](ShardAccess& shard, const engine::Document& document) -> Result<Json> {
        const ReceiptRevisions revisions(shard.store, shard.clock, target.id, document);
        const auto heads = heads_then(document, target, revisions);
        if (!heads) return heads.error();
        return Json{{"kind", "Heads"},
                    {"v", 1},
                    {"id", target.id.to_url()},
                    {"name", nullable(target.name)},
                    {"heads", verbs::heads_json(*heads)}};
      });
}

void doc_blame(Services& services, CallPtr call) {
  const auto target = target_of(services, *call);
  const auto pointer_text = string_param(*call, "pointer");
  const auto depth = number_param(*call, "depth", 0);
  if (!target) return call->fail(target.error());
  if (!pointer_text) return call->fail(pointer_text.error());
  if (!depth) return call->fail(depth.error());
  const auto pointer = verbs::Pointer::parse(*pointer_text);
  if (!pointer) return call->fail(pointer.error());
  read_document(services, call, *target,
                [target = *target, pointer = *pointer, depth = *depth](
                    ShardAccess& shard, const engine::Document& document) -> Result<Json> {
                  const ReceiptRevisions revisions(shard.store, shard.clock, target.id, document);
                  const auto heads = heads_then(document, target, revisions);
                  if (!heads) return heads.error();
                  auto items = verbs::blame(document, *heads, {pointer, depth});
                  if (!items) return items.error();
                  return Json{{"kind", "Blame"},
                              {"v", 1},
                              {"id", target.id.to_url()},
                              {"name", nullable(target.name)},
                              {"items", std::move(*items)}};
                });
}

void doc_export(Services& services, CallPtr call) {
  const auto target = target_of(services, *call);
  const auto format = string_param(*call, "format", "automerge");
  const auto changes = strings_param(*call, "changes");
  if (!target) return call->fail(target.error());
  if (!format) return call->fail(format.error());
  if (!changes) return call->fail(changes.error());
  const auto wanted = hashes_of(*changes);
  if (!wanted) return call->fail(wanted.error());
  if (*format != "automerge" && *format != "json" && *format != "changes") {
    return call->fail(make_error(ErrorId::kUsageArgument,
                                 fmt::format("\"{}\" is not an export format", *format),
                                 "the formats are automerge, json and changes"));
  }
  read_document(services, call, *target,
                [target = *target, format = *format, wanted = *wanted](
                    ShardAccess& shard, const engine::Document& document) -> Result<Json> {
                  const ReceiptRevisions revisions(shard.store, shard.clock, target.id, document);
                  const auto heads = heads_then(document, target, revisions);
                  if (!heads) return heads.error();
                  Json result{{"kind", "Export"},         {"v", 1},
                              {"id", target.id.to_url()}, {"name", nullable(target.name)},
                              {"format", format},         {"heads", verbs::heads_json(*heads)}};
                  if (format == "json") {
                    verbs::GetOptions options;
                    options.rev = target.rev;
                    options.form = verbs::Form::kTyped;
                    options.revisions = &revisions;
                    auto value = verbs::get(document, verbs::Pointer{}, options);
                    if (!value) return value.error();
                    result["value"] = std::move(*value);
                    return result;
                  }
                  if (!wanted.empty()) {
                    auto chunks = chunks_of(document, wanted);
                    if (!chunks) return chunks.error();
                    result["data"] = std::move(*chunks);
                    return result;
                  }
                  const auto past = document.fork_at(*heads, document.actor());
                  if (!past) return past.error();
                  if (format == "automerge") {
                    result["data"] = verbs::to_base64(past->save());
                    return result;
                  }
                  auto chunks = chunks_of(*past, past->all_changes());
                  if (!chunks) return chunks.error();
                  result["data"] = std::move(*chunks);
                  return result;
                });
}

void doc_log(Services& services, CallPtr call) {
  const auto since = when_param(services, *call, "since");
  const auto until = when_param(services, *call, "until");
  if (!has_param(*call, "doc")) {
    if (!since) return call->fail(since.error());
    if (!until) return call->fail(until.error());
    return log_all_documents(services, call, *since, *until);
  }
  const auto target = target_of(services, *call);
  if (!target) return call->fail(target.error());
  if (!since) return call->fail(since.error());
  if (!until) return call->fail(until.error());
  read_document(services, call, *target,
                [call, target = *target, since = *since, until = *until](
                    ShardAccess& shard, const engine::Document& document) {
                  return list_changes(shard, document, *call, target, since, until);
                });
}

void doc_show(Services& services, CallPtr call) {
  const auto target = target_of(services, *call, "change");
  const auto operations = bool_param(*call, "ops");
  if (!target) return call->fail(target.error());
  if (!operations) return call->fail(operations.error());
  read_document(services, call, *target,
                [target = *target, operations = *operations](
                    ShardAccess& shard, const engine::Document& document) -> Result<Json> {
                  const ReceiptRevisions revisions(shard.store, shard.clock, target.id, document);
                  const auto heads = verbs::resolve_revision(document, target.rev, &revisions);
                  if (!heads) return heads.error();
                  if (heads->size() != 1) {
                    return make_error(
                        ErrorId::kUsageArgument,
                        fmt::format("\"{}\" names {} changes, show takes one",
                                    target.rev.empty() ? "the present" : target.rev, heads->size()),
                        "write DOC@CHANGE");
                  }
                  auto change = verbs::show(document, heads->front(), operations);
                  if (!change) return change.error();
                  (*change)["id"] = target.id.to_url();
                  (*change)["name"] = nullable(target.name);
                  add_receipt(*change, ReceiptFinder(shard.store, target.id).find(heads->front()));
                  return change;
                });
}

void doc_diff(Services& services, CallPtr call) {
  const auto left = target_of(services, *call, "from");
  const auto other = string_param(*call, "other");
  const auto to_rev = string_param(*call, "to");
  if (!left) return call->fail(left.error());
  if (!other) return call->fail(other.error());
  if (!to_rev) return call->fail(to_rev.error());
  if (!other->empty()) {
    auto right = resolve_document(services.store(), *other);
    if (!right) return call->fail(right.error());
    if (right->rev.empty()) right->rev = *to_rev;
    if (right->id != left->id) return diff_documents(services, call, *left, *right);
    return read_document(
        services, call, *left,
        [call, left = *left, right = *right](ShardAccess& shard,
                                             const engine::Document& document) -> Result<Json> {
          const auto from = side(shard, document, left.id, left.rev, document.heads());
          const auto to = side(shard, document, left.id, right.rev, document.heads());
          if (!from) return from.error();
          if (!to) return to.error();
          return diff_json(*call, document, *from, document, *to, left);
        });
  }
  read_document(services, call, *left,
                [call, left = *left, to_rev = *to_rev](
                    ShardAccess& shard, const engine::Document& document) -> Result<Json> {
                  const auto to = side(shard, document, left.id, to_rev, document.heads());
                  if (!to) return to.error();
                  Heads from;
                  if (!left.rev.empty()) {
                    const auto named = side(shard, document, left.id, left.rev, {});
                    if (!named) return named.error();
                    from = *named;
                  } else {
                    // Before the last change this replica received.
                    const ReceiptRevisions revisions(shard.store, shard.clock, left.id, document);
                    const auto before = revisions.receipts_back(1);
                    if (before) from = *before;
                  }
                  return diff_json(*call, document, from, document, *to, left);
                });
}

}  // namespace converge::handlers
