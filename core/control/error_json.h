#pragma once

#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

namespace converge::control {

/// The `Error` object of the contract, section 8.3. The first line of the message is `message`; the
/// rest, when there is one, is `details.why`. `hint` is null when there is none. Where a word of
/// the user's names nothing or too much, `details.name` is that word and `details.candidates` what
/// it may mean.
nlohmann::json to_json(const Error& error);

/// Reads such an object. Anything that is not one becomes `internal`, quoting it: a peer's answer
/// is never taken for more than it is. An unknown code keeps its word and takes its kind from
/// `exit`.
Error from_json(const nlohmann::json& object);

}  // namespace converge::control
