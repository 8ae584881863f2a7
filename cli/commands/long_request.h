#pragma once

#include "cli/commands/session.h"

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace converge::cli {

/// Asks the agent for something that takes long, as it sends how far it is, and shows that
/// (core/control/PROTOCOL.md, "progress"). The method must have that parameter. Errors: those of
/// the method; timeout and agent.unreachable.
Result<nlohmann::json> ask_with_progress(Session& session, std::string_view method,
                                         nlohmann::json params);

}  // namespace converge::cli
