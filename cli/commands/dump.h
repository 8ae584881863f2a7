#pragma once

#include "cli/commands/session.h"
#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

namespace converge::cli {

/// Prints what a debug command found: in text one line for the dump's own fields and one for each
/// of its "items", with what is inside of an item indented below it. Never fails but for the output
/// and for `dump` itself, whose error is returned.
Result<int> print_dump(Session& session, const Result<nlohmann::json>& dump);

}  // namespace converge::cli
