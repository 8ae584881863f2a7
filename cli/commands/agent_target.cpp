#include "cli/commands/target.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace converge::cli {

using control::ErrorId;
using nlohmann::json;

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

Result<std::optional<json>> AgentTarget::next_event(client::Client::Deadline limit) {
  return client_.next_notification(limit);
}

}  // namespace converge::cli
