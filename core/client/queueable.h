#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace converge::client {

/// Whether a request means the same when it is carried out later: it names map keys rather than
/// list indices, or a base; and it asks for nothing that only an agent can answer now (conditions,
/// acknowledgement by peers, a rehearsal). Command-line contract, section 13.
bool is_queueable(std::string_view method, const nlohmann::json& params);

}  // namespace converge::client
