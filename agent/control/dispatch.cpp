#include "agent/control/dispatch.h"

#include "agent/control/methods.h"
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
  const Method* method = find_method(request.method);
  if (method == nullptr) {
    return reply(make_error(ErrorId::kUsageCommand,
                            fmt::format("\"{}\" is not a method of this agent", request.method),
                            "compare \"syncctl version\" with the agent's"));
  }
  if (auto known = check_parameters(*method, *request.params); !known) return reply(known.error());
  const auto call = std::make_shared<Call>();
  call->method = request.method;
  call->row = method;
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
  method->handler(services_, call);
}

}  // namespace converge::handlers
