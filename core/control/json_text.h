#pragma once

#include "core/base/limits.h"
#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace converge::control {

/// Where a JSON text stops being JSON.
struct JsonPlace {
  std::size_t line = 1;    ///< from 1
  std::size_t column = 1;  ///< bytes, from 1
};

/// Parses one JSON text that nobody vouches for; the whole text must be it. No exception leaves.
/// Bounds: nesting limits::kJsonDepthMax. `what` names the text in messages ("FILE", "the value").
/// An integer that 64 bits do not hold is refused, not rounded to a float; under "$float" it is
/// one. Errors: input.json with line and column, of kind kLimitExceeded where this is JSON and a
/// number is out of range; limit.exceeded for depth.
Result<nlohmann::json> parse_json(std::string_view text, std::string_view what);

/// One line, no spaces, valid UTF-8 (broken sequences become U+FFFD).
std::string to_compact(const nlohmann::json& value);

/// Two spaces a level, no final line break.
std::string to_pretty(const nlohmann::json& value);

}  // namespace converge::control
