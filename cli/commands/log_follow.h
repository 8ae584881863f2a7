#pragma once

#include "cli/commands/session.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>

namespace converge::cli {

/// log --follow: the newest changes (ten without -l), the oldest of them first, then every change
/// as it is received, until --timeout of silence or INT. No change twice and none left out, across
/// restarts of the agent too. `doc`: empty for all. `print` gets a Change with its document's id
/// and name. Errors: those of "doc.log"; usage.flag without an agent.
Result<int> follow_log(Session& session, const std::string& doc,
                       const std::function<Result<void>(const nlohmann::json&)>& print);

}  // namespace converge::cli
