#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace converge::control {

/// Reads the JSON that programs write to each other, several times as fast as the library: strings
/// of ASCII without escapes, integers of at most 18 digits, true, false, null, and lists and
/// objects of these. False for all other texts, be they JSON or not, which the library has to
/// judge; `out` is then of no use. Bounds: nesting limits::kJsonDepthMax.
bool read_plain_json(std::string_view text, nlohmann::json& out);

}  // namespace converge::control
