#include "agent/control/receipt_log.h"

#include "agent/control/receipt_revisions.h"
#include "agent/control/resolve.h"
#include "core/verbs/history.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::uint64_t kLimit = 1000;
constexpr std::size_t kPage = 500;

/// One change after the other, each from its document's shard, newest receipt first.
struct ReceiptLog : std::enable_shared_from_this<ReceiptLog> {
  Services& services;
  CallPtr call;
  std::string actor;
  std::uint64_t limit = kLimit;
  std::int64_t since_ms = 0;
  std::int64_t until_ms = 0;
  store::ReceiptNumber end = 0;          ///< receipts up to here are still to be read
  std::vector<store::Receipt> receipts;  ///< ascending, taken from the back
  Json items = Json::array();

  ReceiptLog(Services& all, CallPtr request) : services(all), call(std::move(request)) {}

  void next() {
    while (receipts.empty()) {
      if (end == 0 || items.size() >= limit) return finish();
      const store::ReceiptNumber begin = end > kPage ? end - kPage + 1 : 1;
      auto page = services.store().receipts(begin, static_cast<std::size_t>(end - begin + 1));
      if (!page) return call->fail(page.error());
      receipts = std::move(page->items);
      end = begin - 1;
    }
    const store::Receipt receipt = receipts.back();
    receipts.pop_back();
    if (since_ms != 0 && receipt.time_ms < since_ms) return finish();
    const bool later = until_ms != 0 && receipt.time_ms > until_ms;
    if (later || receipt.number > services.durable_receipt() ||
        receipt.document == services.catalog()) {
      return services.on_control([self = shared_from_this()] { self->next(); });
    }
    services.on_shard(receipt.document, [self = shared_from_this(), receipt](ShardAccess& shard) {
      const auto document = shard.repo.open(receipt.document);
      auto change =
          document ? verbs::change_json(**document, receipt.hash) : Result<Json>(document.error());
      if (change) add_receipt(*change, receipt);
      self->services.on_control([self, receipt, change = std::move(change)]() mutable {
        self->take(receipt, std::move(change));
      });
    });
  }

  /// A document that was deleted since has no changes to show.
  void take(const store::Receipt& receipt, Result<Json> change) {
    if (change && (*change)["actor"].get<std::string>().starts_with(actor)) {
      const std::string name = name_of(services.store(), receipt.document);
      (*change)["id"] = receipt.document.to_url();
      (*change)["name"] = name.empty() ? Json() : Json(name);
      items.push_back(std::move(*change));
    }
    items.size() >= limit ? finish() : next();
  }

  void finish() {
    call->reply(
        Json{{"kind", "ChangeList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}});
  }
};

}  // namespace

void add_receipt(Json& change, const std::optional<store::Receipt>& receipt) {
  change["received_seq"] = receipt ? Json(receipt->number) : Json();
  change["received_at"] = receipt ? Json(format_time(receipt->time_ms)) : Json();
  change["origin"] =
      !receipt ? Json()
               : Json(receipt->source.is_local() ? "local" : "peer:" + receipt->source.peer);
  change["signature"] = Json{{"key", nullptr}, {"state", "absent"}};
}

std::optional<store::Receipt> ReceiptFinder::find(const ChangeHash& hash) {
  const auto stored = store_.find_change(document_, hash);
  if (stored && *stored && (*stored)->receipt != 0) {
    return store::Receipt{(*stored)->receipt, document_, hash, (*stored)->received_ms,
                          (*stored)->source};
  }
  if (!has_read_all_) read_all();
  const auto known = receipts_.find(hash);
  if (known == receipts_.end()) return std::nullopt;
  return known->second;
}

void ReceiptFinder::read_all() {
  has_read_all_ = true;
  const auto header = store_.header(document_);
  if (!header || header->snapshot.generation == 0) return;
  const auto receipts = receipts_of_document(store_, document_, 1);
  if (!receipts) return;
  for (const store::Receipt& receipt : *receipts) receipts_.emplace(receipt.hash, receipt);
}

Result<std::int64_t> when_param(Services& services, const Call& call, const char* name) {
  const auto text = string_param(call, name);
  if (!text) return text.error();
  if (text->empty()) return std::int64_t{0};
  if (text->front() == '#') {
    const auto number = parse_receipt(services.store(), *text);
    if (!number) return number.error();
    const auto page = services.store().receipts(*number, 1);
    if (!page) return page.error();
    if (page->items.empty()) {
      return make_error(ErrorId::kRevNotFound, fmt::format("there is no receipt {}", *text));
    }
    return page->items.front().time_ms;
  }
  return parse_when(*text, services.clock().wall_now_ms());
}

void log_all_documents(Services& services, const CallPtr& call, std::int64_t since_ms,
                       std::int64_t until_ms) {
  const auto actor = string_param(*call, "actor");
  const auto limit = number_param(*call, "limit", 0);
  if (!actor) return call->fail(actor.error());
  if (!limit) return call->fail(limit.error());
  if (has_param(*call, "path")) {
    return call->fail(make_error(ErrorId::kUsageArgument, "a path needs a document to be in"));
  }
  const auto log = std::make_shared<ReceiptLog>(services, call);
  log->actor = *actor;
  if (*limit != 0) log->limit = *limit;
  log->since_ms = since_ms;
  log->until_ms = until_ms;
  log->end = services.store().counts().last_receipt;
  log->next();
}

}  // namespace converge::handlers
