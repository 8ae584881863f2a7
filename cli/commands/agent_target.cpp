#include "cli/commands/target.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <deque>
#include <optional>
#include <utility>

namespace converge::cli {

using control::ErrorId;
using nlohmann::json;

namespace {

/// Enough that a sync of the disk serves many, little enough that nobody waits for memory.
constexpr std::size_t kRequestsUnderWay = 256;

}  // namespace

void Target::call_each(std::string_view method, const std::vector<json>& params,
                       const Answered& answered) {
  for (const json& each : params) answered(call(method, each));
}

Result<std::optional<json>> Target::next_event(client::Client::Deadline) {
  return control::make_error(ErrorId::kUsageArgument, "only an agent has events",
                             "leave out --store and files");
}

AgentTarget::AgentTarget(client::DurableClient::Options options, client::Client::Deadline deadline)
    : client_(std::move(options)), deadline_(deadline) {}

AgentTarget::~AgentTarget() = default;

Result<json> AgentTarget::call(std::string_view method, const json& params) {
  return client_.call(method, params, deadline_);
}

/// A request on its way; without a ticket it is not on the wire.
struct AgentTarget::Sent {
  std::shared_ptr<client::Client> connection;
  std::optional<client::Client::Ticket> ticket;
};

AgentTarget::Sent AgentTarget::send(std::string_view method, const json& params) {
  const auto connected = client_.connect(deadline_);
  if (!connected) return {};
  const auto ticket = (*connected)->send(method, params, deadline_);
  if (!ticket) return {};
  return {*connected, *ticket};
}

void AgentTarget::call_each(std::string_view method, const std::vector<json>& params,
                            const Answered& answered) {
  std::deque<Sent> waiting;
  std::size_t next = 0;
  for (const json& each : params) {
    while (next < params.size() && waiting.size() < kRequestsUnderWay) {
      waiting.push_back(send(method, params[next++]));
    }
    const Sent sent = std::move(waiting.front());
    waiting.pop_front();
    std::optional<Result<json>> answer;
    if (sent.ticket) answer = sent.connection->wait(*sent.ticket, deadline_);
    const bool is_lost =
        !answer || (!*answer && control::is(answer->error(), ErrorId::kAgentUnreachable));
    // Asked again, or queued: under its request id it is the same request.
    answered(is_lost ? call(method, each) : std::move(*answer));
  }
}

Result<std::optional<json>> AgentTarget::next_event(client::Client::Deadline limit) {
  return client_.next_notification(limit);
}

}  // namespace converge::cli
