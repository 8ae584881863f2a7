#include "agent/runtime/announcer.h"

#include <algorithm>

namespace converge::runtime {
namespace {

/// A document that a peer has not settled by then no longer holds a place in the window: the peer
/// may refuse it, or be slow; the exchange itself goes on.
constexpr std::chrono::seconds kPatience{10};
constexpr std::size_t kPage = 1000;

}  // namespace

void Announcer::peer_up(session::ConnectionId connection) {
  Pass& pass = passes_[connection] = Pass{};
  offer(connection, pass, context_.catalog());
  advance(connection, pass);
}

void Announcer::settled(session::ConnectionId connection, const DocumentId& document) {
  const auto found = passes_.find(connection);
  if (found == passes_.end() || found->second.outstanding.erase(document) == 0) return;
  advance(connection, found->second);
}

std::uint64_t Announcer::remaining(session::ConnectionId connection) const {
  const auto found = passes_.find(connection);
  if (found == passes_.end()) return 0;
  const Pass& pass = found->second;
  if (pass.listed_all) return pass.queue.size();
  const std::uint64_t documents = context_.store->counts().documents;
  return std::max<std::uint64_t>(1, documents > pass.offered ? documents - pass.offered : 0);
}

void Announcer::tick() {
  const Time now = context_.clock.steady_now();
  for (auto& [connection, pass] : passes_) {
    std::erase_if(pass.outstanding,
                  [now](const auto& each) { return each.second + kPatience < now; });
    advance(connection, pass);
  }
}

void Announcer::advance(session::ConnectionId connection, Pass& pass) {
  const auto window = static_cast<std::size_t>(context_.config.sync_window);
  while (pass.outstanding.size() < window) {
    if (pass.queue.empty()) {
      if (pass.listed_all) return;
      const auto page =
          context_.store->list_documents({.after = pass.after, .prefix = {}, .limit = kPage});
      if (!page) {
        context_.log.write(telemetry::Level::kWarn, "sync.list", page.error().message);
        return;  // tick() tries again
      }
      for (const store::DocumentHeader& header : page->items) {
        if (header.id != context_.catalog()) pass.queue.push_back(header.id);
      }
      pass.after = page->next;
      pass.listed_all = page->next.empty();
      continue;
    }
    const DocumentId next = pass.queue.front();
    pass.queue.pop_front();
    offer(connection, pass, next);
  }
}

void Announcer::offer(session::ConnectionId connection, Pass& pass, const DocumentId& document) {
  pass.outstanding.emplace(document, context_.clock.steady_now());
  ++pass.offered;
  context_.shard_of(document).run(
      [connection, document](handlers::ShardAccess&, DocumentExchange& exchange) {
        exchange.announce(connection, document);
      });
}

}  // namespace converge::runtime
