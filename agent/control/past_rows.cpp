#include "agent/control/past_rows.h"

#include "agent/control/receipt_log.h"
#include "agent/control/receipt_revisions.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace converge::handlers {
namespace {

constexpr std::size_t kPage = 1000;

/// The last receipt that counts.
Result<store::ReceiptNumber> moment_of(Services& services, const std::string& at) {
  if (at.starts_with('#')) return parse_receipt(services.store(), at);
  const auto moment = parse_when(at, services.clock().wall_now_ms());
  if (!moment) return moment.error();
  return receipt_at_time(services.store(), *moment);
}

struct Past : std::enable_shared_from_this<Past> {
  Services& services;
  CallPtr call;
  std::vector<Row> rows;
  std::function<void(std::vector<Row>)> done;
  store::ReceiptNumber next_receipt = 0;
  std::map<DocumentId, std::set<ChangeHash>> younger;  ///< received since

  Past(Services& all, CallPtr request) : services(all), call(std::move(request)) {}

  void read() {
    const auto page = services.store().receipts(next_receipt, kPage);
    if (!page) return call->fail(page.error());
    for (const store::Receipt& receipt : page->items) {
      younger[receipt.document].insert(receipt.hash);
    }
    if (page->items.empty()) return visit();
    next_receipt = page->items.back().number + 1;
    services.on_control([self = shared_from_this()] { self->read(); });
  }

  /// Documents without a receipt since are as they were.
  void visit() {
    std::vector<Row> changed;
    std::erase_if(rows, [&](const Row& row) {
      if (!younger.contains(row.header.id)) return false;
      changed.push_back(row);
      return true;
    });
    if (changed.empty()) return done(std::move(rows));
    const auto self = shared_from_this();
    visit_all(
        services, call, std::move(changed),
        [self](ShardAccess& shard, const engine::Document& document, Row& row) -> Result<void> {
          // Read only from here on, by any shard.
          const std::set<ChangeHash>& since = self->younger.at(row.header.id);
          row.header.heads = heads_without(document, row.header.heads, since);
          row.header.last_receipt = 0;
          const std::uint64_t after = since.size();
          row.header.change_count -= std::min(row.header.change_count, after);
          ReceiptFinder receipts(shard.store, row.header.id);
          row.header.modified_ms = 0;
          for (const ChangeHash& head : row.header.heads) {
            const auto receipt = receipts.find(head);
            if (!receipt) continue;
            row.header.modified_ms = std::max(row.header.modified_ms, receipt->time_ms);
            row.header.last_receipt = std::max(row.header.last_receipt, receipt->number);
          }
          row.is_past = true;
          return {};
        },
        [self](std::vector<Row> visited) {
          std::erase_if(visited, [](const Row& row) { return row.header.heads.empty(); });
          std::move(visited.begin(), visited.end(), std::back_inserter(self->rows));
          self->done(std::move(self->rows));
        });
  }
};

}  // namespace

void rows_at(Services& services, const CallPtr& call, const std::string& at, std::vector<Row> rows,
             std::function<void(std::vector<Row>)> done) {
  if (at.empty()) return done(std::move(rows));
  const auto moment = moment_of(services, at);
  if (!moment) return call->fail(moment.error());
  const auto past = std::make_shared<Past>(services, call);
  past->rows = std::move(rows);
  past->done = std::move(done);
  past->next_receipt = *moment + 1;
  past->read();
}

}  // namespace converge::handlers
