#include "agent/runtime/watch_hub.h"

#include "agent/control/call.h"
#include "agent/control/pattern.h"
#include "agent/control/receipt_revisions.h"
#include "agent/control/resolve.h"
#include "core/repo/repo.h"
#include "core/verbs/diff.h"
#include "core/verbs/pointer.h"
#include "core/verbs/read.h"
#include "core/verbs/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

namespace converge::runtime {

using handlers::Json;

namespace {

constexpr std::size_t kPage = 256;
/// Documents whose heads a subscription remembers; others are worked out from the receipts again.
constexpr std::size_t kRememberedMax = 10'000;

std::string cursor_text(store::ReceiptNumber receipt) { return fmt::format("s1.{}", receipt); }

std::string origin_of(const store::Receipt& receipt) {
  return receipt.source.is_local() ? "local" : "peer:" + receipt.source.peer;
}

/// What a receipt looks like: the patch from the heads before it to those with it.
struct Step {
  bool is_first = false;  ///< the document had nothing before
  Heads heads;
  Json patch;
};

Result<Step> step_of(handlers::ShardAccess& shard, const store::Receipt& receipt,
                     const std::optional<Heads>& before, const std::string& path) {
  const auto document = shard.repo.open(receipt.document);
  if (!document) return document.error();
  Heads from;
  if (before) {
    from = *before;
  } else {
    const handlers::ReceiptRevisions revisions(shard.store, shard.clock, receipt.document,
                                               **document);
    auto worked_out = revisions.at_receipt(receipt.number - 1);
    if (!worked_out) return worked_out.error();
    from = std::move(*worked_out);
  }
  Step step;
  step.is_first = from.empty();
  step.heads = handlers::heads_with(**document, from, receipt.hash);
  auto patch = verbs::diff_patch(**document, from, step.heads);
  if (!patch) return patch.error();
  step.patch = std::move(*patch);
  if (!path.empty()) {
    const auto pointer = verbs::Pointer::parse(path);
    if (!pointer) return pointer.error();
    step.patch = verbs::filter_patch(step.patch, *pointer);
  }
  return step;
}

}  // namespace

struct WatchHub::Subscription {
  std::vector<std::string> patterns;
  std::string path;
  bool wants_names = false;
  handlers::EventSink sink;
  store::ReceiptNumber cursor = 0;   ///< shown or passed over, with all before
  std::deque<store::Receipt> queue;  ///< read, not yet shown
  std::deque<DocumentId> initial;    ///< present state still to be shown
  bool wants_live = false;           ///< the switch from initial to live is still to be marked
  bool busy = false;                 ///< a shard works for it
  bool ended = false;
  std::unordered_map<DocumentId, Heads, DocumentIdHasher> heads;

  bool wants(store::Store& store, const DocumentId& document) const {
    if (patterns.empty()) return true;
    const auto names = store.names_of(document);
    if (names && std::any_of(names->begin(), names->end(), [this](const std::string& name) {
          return handlers::matches_any(patterns, name);
        })) {
      return true;
    }
    const std::string id = document.to_base58();
    return std::any_of(patterns.begin(), patterns.end(), [&id](const std::string& pattern) {
      return pattern == id || pattern == "automerge:" + id;
    });
  }
};

WatchHub::WatchHub(handlers::Services& services)
    : services_(services), durable_(services.store().counts().last_receipt) {}
WatchHub::~WatchHub() = default;

void WatchHub::subscribe(handlers::WatchRequest request, handlers::EventSink sink) {
  const auto subscription = std::make_shared<Subscription>();
  // An id prefix stands for the document that it means now.
  for (std::string& pattern : request.patterns) {
    if (handlers::is_pattern(pattern)) continue;
    const auto target = handlers::resolve_document(services_.store(), pattern);
    if (target && target->name != pattern) pattern = target->id.to_url();
  }
  subscription->patterns = std::move(request.patterns);
  subscription->path = std::move(request.path);
  subscription->wants_names = request.names;
  subscription->sink = std::move(sink);
  subscription->cursor = request.after;
  if (request.initial) {
    subscription->wants_live = true;
    store::PageRequest page_request;
    while (true) {
      const auto page = services_.store().list_documents(page_request);
      if (!page) break;
      for (const store::DocumentHeader& header : page->items) {
        if (header.id == services_.catalog()) continue;
        if (subscription->wants(services_.store(), header.id)) {
          subscription->initial.push_back(header.id);
        }
      }
      if (page->next.empty()) break;
      page_request.after = page->next;
    }
  }
  subscriptions_.push_back(subscription);
  services_.on_control([this, subscription] { pump(subscription); });
}

void WatchHub::advance(store::ReceiptNumber receipt) {
  if (receipt <= durable_) return;
  durable_ = receipt;
  const auto all = subscriptions_;
  for (const SubscriptionPtr& subscription : all) pump(subscription);
}

void WatchHub::deleted(const DocumentId& document) {
  const auto all = subscriptions_;
  for (const SubscriptionPtr& subscription : all) {
    if (!subscription->wants(services_.store(), document)) continue;
    emit(subscription, Json{{"kind", "Event"},
                            {"v", 1},
                            {"type", "deleted"},
                            {"cursor", cursor_text(subscription->cursor)},
                            {"seq", subscription->cursor},
                            {"id", document.to_url()},
                            {"name", nullptr},
                            {"origin", "local"},
                            {"heads", Json::array()},
                            {"patch", Json::array()},
                            {"at", handlers::format_time(services_.clock().wall_now_ms())}});
  }
}

void WatchHub::pump(const SubscriptionPtr& subscription) {
  while (!subscription->busy && !subscription->ended) {
    if (!subscription->initial.empty()) return show_initial(subscription);
    if (subscription->wants_live) {
      subscription->wants_live = false;
      emit(subscription, Json{{"kind", "Event"},
                              {"v", 1},
                              {"type", "live"},
                              {"cursor", cursor_text(subscription->cursor)},
                              {"seq", subscription->cursor},
                              {"at", handlers::format_time(services_.clock().wall_now_ms())}});
      continue;
    }
    if (subscription->queue.empty()) {
      if (subscription->cursor >= durable_) return;
      const auto page = services_.store().receipts(subscription->cursor + 1, kPage);
      if (!page || page->items.empty()) return;
      for (const store::Receipt& receipt : page->items) {
        if (receipt.number <= durable_) subscription->queue.push_back(receipt);
      }
      if (subscription->queue.empty()) return;
    }
    const store::Receipt receipt = subscription->queue.front();
    subscription->queue.pop_front();
    const bool is_catalog = receipt.document == services_.catalog();
    if (is_catalog ? !subscription->wants_names
                   : !subscription->wants(services_.store(), receipt.document)) {
      subscription->cursor = receipt.number;
      continue;
    }
    return show(subscription, receipt);
  }
}

void WatchHub::show(const SubscriptionPtr& subscription, const store::Receipt& receipt) {
  subscription->busy = true;
  std::optional<Heads> before;
  if (const auto known = subscription->heads.find(receipt.document);
      known != subscription->heads.end()) {
    before = known->second;
  }
  const bool is_catalog = receipt.document == services_.catalog();
  const std::string path = is_catalog ? "/names" : subscription->path;
  services_.on_shard(receipt.document, [this, subscription, receipt, before, path,
                                        is_catalog](handlers::ShardAccess& shard) {
    auto step = step_of(shard, receipt, before, path);
    services_.on_control([this, subscription, receipt, is_catalog, step = std::move(step)] {
      subscription->busy = false;
      subscription->cursor = receipt.number;
      // A document that is gone has nothing to show; its deletion is an event of its own.
      if (step) {
        if (subscription->heads.size() >= kRememberedMax) subscription->heads.clear();
        subscription->heads[receipt.document] = step->heads;
        if (is_catalog)
          show_names(subscription, receipt, step->patch);
        else
          show_change(subscription, receipt, step->patch, step->heads, step->is_first);
      }
      pump(subscription);
    });
  });
}

void WatchHub::show_change(const SubscriptionPtr& subscription, const store::Receipt& receipt,
                           const Json& patch, const Heads& heads, bool is_first) {
  if (!subscription->path.empty() && patch.empty()) return;
  const std::string name = handlers::name_of(services_.store(), receipt.document);
  emit(subscription, Json{{"kind", "Event"},
                          {"v", 1},
                          {"type", is_first ? "created" : "change"},
                          {"cursor", cursor_text(receipt.number)},
                          {"seq", receipt.number},
                          {"id", receipt.document.to_url()},
                          {"name", name.empty() ? Json() : Json(name)},
                          {"origin", origin_of(receipt)},
                          {"heads", verbs::heads_json(heads)},
                          {"patch", patch},
                          {"change", receipt.hash.to_hex()},
                          {"at", handlers::format_time(receipt.time_ms)}});
}

/// One event for each name that the catalog's change touches.
void WatchHub::show_names(const SubscriptionPtr& subscription, const store::Receipt& receipt,
                          const Json& patch) {
  for (const Json& edit : patch) {
    const auto pointer = verbs::Pointer::parse(edit.value("path", ""));
    if (!pointer || pointer->parts.size() != 2) continue;  // the section itself
    Json value = edit.value("value", Json());
    if (value.is_object()) value = value.value("$str", Json());
    emit(subscription, Json{{"kind", "Event"},
                            {"v", 1},
                            {"type", "named"},
                            {"cursor", cursor_text(receipt.number)},
                            {"seq", receipt.number},
                            {"id", edit["op"] == "remove" ? Json() : value},
                            {"name", pointer->parts.back()},
                            {"origin", origin_of(receipt)},
                            {"at", handlers::format_time(receipt.time_ms)}});
  }
}

void WatchHub::show_initial(const SubscriptionPtr& subscription) {
  subscription->busy = true;
  const DocumentId id = subscription->initial.front();
  subscription->initial.pop_front();
  services_.on_shard(id, [this, subscription, id,
                          cursor = subscription->cursor](handlers::ShardAccess& shard) {
    Result<Json> value = Json();
    Heads heads;
    const auto document = shard.repo.open(id);
    if (!document) {
      value = document.error();
    } else {
      const handlers::ReceiptRevisions revisions(shard.store, shard.clock, id, **document);
      const auto at = revisions.at_receipt(cursor);
      if (at) heads = *at;
      const auto view = (*document)->at(heads);
      value = view ? verbs::object_to_json(*view, model::kRoot, {verbs::Form::kTyped, nullptr})
                   : Result<Json>(view.error());
    }
    services_.on_control([this, subscription, id, value = std::move(value), heads] {
      subscription->busy = false;
      if (value && !heads.empty()) {
        if (subscription->heads.size() < kRememberedMax) subscription->heads[id] = heads;
        const std::string name = handlers::name_of(services_.store(), id);
        emit(subscription,
             Json{{"kind", "Event"},
                  {"v", 1},
                  {"type", "created"},
                  {"cursor", cursor_text(subscription->cursor)},
                  {"seq", subscription->cursor},
                  {"id", id.to_url()},
                  {"name", name.empty() ? Json() : Json(name)},
                  {"origin", "local"},
                  {"heads", verbs::heads_json(heads)},
                  {"patch", Json::array({Json{{"op", "add"}, {"path", ""}, {"value", *value}}})},
                  {"at", handlers::format_time(services_.clock().wall_now_ms())}});
      }
      pump(subscription);
    });
  });
}

void WatchHub::emit(const SubscriptionPtr& subscription, const Json& event) {
  if (subscription->ended) return;
  if (!subscription->sink(event)) end(subscription);
}

void WatchHub::end(const SubscriptionPtr& subscription) {
  subscription->ended = true;
  std::erase(subscriptions_, subscription);
}

}  // namespace converge::runtime
