#include "agent/control/dispatch.h"

#include "agent/control/handlers.h"
#include "agent/control/shard_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

struct Row {
  std::string_view method;
  Handler handler;
};

constexpr std::array kTable{
    Row{"agent.hello", agent_hello},
    Row{"agent.level", agent_level},
    Row{"agent.logs", agent_logs},
    Row{"agent.metrics", agent_metrics},
    Row{"agent.reload", agent_reload},
    Row{"agent.settings", agent_settings},
    Row{"agent.status", agent_status},
    Row{"agent.stop", agent_stop},
    Row{"conflict.ignore", conflict_ignore},
    Row{"conflict.list", conflict_list},
    Row{"conflict.resolve", conflict_resolve},
    Row{"conflict.show", conflict_show},
    Row{"doc.apply", doc_edit},
    Row{"doc.blame", doc_blame},
    Row{"doc.diff", doc_diff},
    Row{"doc.digest", doc_digest},
    Row{"doc.export", doc_export},
    Row{"doc.fork", doc_fork},
    Row{"doc.get", doc_get},
    Row{"doc.heads", doc_heads},
    Row{"doc.import", doc_import},
    Row{"doc.incr", doc_edit},
    Row{"doc.insert", doc_edit},
    Row{"doc.list", doc_list},
    Row{"doc.log", doc_log},
    Row{"doc.merge", doc_merge},
    Row{"doc.new", doc_new},
    Row{"doc.patch", doc_edit},
    Row{"doc.query", doc_query},
    Row{"doc.rm", doc_rm},
    Row{"doc.set", doc_edit},
    Row{"doc.show", doc_show},
    Row{"doc.splice", doc_edit},
    Row{"doc.unset", doc_edit},
    Row{"invite.create", invite_create},
    Row{"invite.join", invite_join},
    Row{"key.list", key_list},
    Row{"key.new", key_new},
    Row{"key.revoke", key_revoke},
    Row{"key.rotate", key_rotate},
    Row{"key.show", key_show},
    Row{"key.trust", key_trust},
    Row{"name.list", name_list},
    Row{"name.rm", name_rm},
    Row{"name.set", name_set},
    Row{"peer.add", peer_add},
    Row{"peer.digest", peer_digest},
    Row{"peer.list", peer_list},
    Row{"peer.pause", peer_pause},
    Row{"peer.ping", peer_ping},
    Row{"peer.resume", peer_resume},
    Row{"peer.rm", peer_rm},
    Row{"peer.set", peer_set},
    Row{"peer.show", peer_show},
    Row{"quarantine.drop", quarantine_drop},
    Row{"quarantine.list", quarantine_list},
    Row{"quarantine.retry", quarantine_retry},
    Row{"quarantine.show", quarantine_show},
    Row{"store.backup", store_backup},
    Row{"store.check", store_check},
    Row{"store.compact", store_compact},
    Row{"store.repair", store_repair},
    Row{"store.stats", store_stats},
    Row{"sync.now", sync_now},
    Row{"sync.wait", sync_wait},
    Row{"watch.start", watch_start},
};
static_assert(std::is_sorted(kTable.begin(), kTable.end(),
                             [](const Row& a, const Row& b) { return a.method < b.method; }));

constexpr std::size_t kRequestIdBytesMax = 256;

/// The answer kept for a request id, if there is one.
Result<std::optional<Json>> remembered(store::Store& store, const std::string& request_id) {
  const auto bytes = store.idempotent_result(kRequestClient, request_id);
  if (!bytes) return bytes.error();
  if (!*bytes) return std::optional<Json>{};
  Json result = Json::parse(as_text(**bytes), nullptr, false);
  if (result.is_discarded()) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("the answer kept for request {} is damaged", request_id)};
  }
  return std::optional<Json>(std::move(result));
}

}  // namespace

Handler find_handler(std::string_view method) {
  const auto row = std::lower_bound(kTable.begin(), kTable.end(), method,
                                    [](const Row& a, std::string_view b) { return a.method < b; });
  return row != kTable.end() && row->method == method ? row->handler : nullptr;
}

std::vector<std::string_view> methods() {
  std::vector<std::string_view> out;
  for (const Row& row : kTable) out.push_back(row.method);
  return out;
}

// References into an unordered_map stay valid, and methods come from the table above.
Dispatcher::Counts& Dispatcher::counts_of(const std::string& method) {
  if (const auto known = counts_.find(method); known != counts_.end()) return known->second;
  const auto counter = [&](const char* result) {
    return metrics_.counter("syncd_requests_total", "Control requests answered",
                            {{"method", method}, {"result", result}});
  };
  const auto seconds = metrics_.histogram("syncd_request_seconds", "From a request to its answer",
                                          {{"method", method}});
  return counts_.emplace(method, Counts{counter("ok"), counter("error"), seconds}).first->second;
}

void Dispatcher::dispatch(const control::Request& request, EventSink sink,
                          std::uint64_t subscription, Reply reply) {
  const Handler handler = find_handler(request.method);
  if (handler == nullptr) {
    return reply(make_error(ErrorId::kUsageCommand,
                            fmt::format("\"{}\" is not a method of this agent", request.method),
                            "compare \"syncctl version\" with the agent's"));
  }
  const auto call = std::make_shared<Call>();
  call->method = request.method;
  call->params = request.params;
  call->sink = std::move(sink);
  call->subscription = subscription;
  const auto id = string_param(*call, "request_id");
  if (!id) return reply(id.error());
  if (id->size() > kRequestIdBytesMax) {
    return reply(make_error(ErrorId::kLimitExceeded,
                            fmt::format("the request id has {} bytes, the limit is {}", id->size(),
                                        kRequestIdBytesMax)));
  }
  call->request_id = *id;
  if (!id->empty()) {
    if (const auto same = waiting_.find(*id); same != waiting_.end()) {
      same->second.push_back(std::move(reply));
      return;
    }
    auto known = remembered(services_.store(), *id);
    if (!known) return reply(known.error());
    if (*known) return reply(std::move(**known));
    waiting_.emplace(*id, std::vector<Reply>{});
  }
  ++pending_;
  call->reply = [this, &counts = counts_of(call->method), id = *id,
                 began = services_.clock().steady_now(),
                 reply = std::move(reply)](Result<Json> result) mutable {
    services_.on_control(
        [this, &counts, id, began, reply = std::move(reply), result = std::move(result)]() mutable {
          --pending_;
          (result ? counts.ok : counts.error).add();
          const std::chrono::duration<double> took = services_.clock().steady_now() - began;
          counts.seconds.observe(took.count());
          const auto waiting = waiting_.find(id);
          if (!id.empty() && waiting != waiting_.end()) {
            const std::vector<Reply> others = std::move(waiting->second);
            waiting_.erase(waiting);
            for (const Reply& other : others) other(result);
          }
          reply(std::move(result));
        });
  };
  handler(services_, call);
}

}  // namespace converge::handlers
