#include "cli/commands/target.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace converge::cli {

using control::ErrorId;
using nlohmann::json;

Result<std::optional<json>> Target::next_event(client::Client::Deadline) {
  return control::make_error(ErrorId::kUsageArgument, "only an agent has events",
                             "leave out --store and files");
}

bool is_repeatable(std::string_view method) {
  static constexpr std::array kWrites = {"doc.rm",     "sync.now",  "watch.start", "invite.create",
                                         "agent.stop", "peer.ping", "invite.join"};
  return std::ranges::find(kWrites, method) == kWrites.end();
}

AgentTarget::AgentTarget(client::Client::Options options, client::Client::Deadline deadline)
    : options_(std::move(options)), deadline_(deadline) {}

AgentTarget::~AgentTarget() = default;

Result<client::Client*> AgentTarget::client() {
  if (client_ == nullptr) {
    auto options = options_;
    if (deadline_ != client::Client::kNoDeadline) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline_ - options.clock->steady_now());
      options.connect_limit = std::clamp(left, std::chrono::milliseconds(0), options.connect_limit);
    }
    auto connected = client::Client::connect(options);
    if (!connected) return connected.error();
    client_ = std::move(*connected);
  }
  return client_.get();
}

Result<json> AgentTarget::call(std::string_view method, const json& params) {
  auto connection = client();
  if (!connection) return connection.error();
  auto answer = (*connection)->call(method, params, deadline_);
  const bool lost = !answer && control::is(answer.error(), ErrorId::kAgentUnreachable);
  // The reply was lost: the request id makes asking again the same request.
  if (!lost || !params.contains("request_id") || !is_repeatable(method)) return answer;
  client_.reset();
  connection = client();
  if (!connection) return answer;
  return (*connection)->call(method, params, deadline_);
}

Result<std::optional<json>> AgentTarget::next_event(client::Client::Deadline limit) {
  auto connection = client();
  if (!connection) return connection.error();
  return (*connection)->next_notification(limit);
}

}  // namespace converge::cli
