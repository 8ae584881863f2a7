#include "core/control/json_text.h"

#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::control {
namespace {

/// Nesting is checked before parsing: printing and freeing a deep value would recurse.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limits::kJsonDepthMax) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

JsonPlace place_of(std::string_view text, std::size_t byte) {
  JsonPlace place;
  for (std::size_t i = 0; i < std::min(byte, text.size()); ++i) {
    ++place.column;
    if (text[i] == '\n') place = {place.line + 1, 1};
  }
  return place;
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text, std::string_view what) {
  if (too_deep(text))
    return make_error(ErrorId::kLimitExceeded, std::string(what) + " is nested deeper than " +
                                                   std::to_string(limits::kJsonDepthMax) +
                                                   " levels");
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const JsonPlace place = place_of(text, error.byte > 0 ? error.byte - 1 : 0);
    return make_error(ErrorId::kInputJson, std::string(what) + " is not JSON at line " +
                                               std::to_string(place.line) + ", column " +
                                               std::to_string(place.column));
  } catch (const nlohmann::json::exception&) {  // a number out of every range
    return make_error(ErrorId::kInputJson, std::string(what) + " holds a number out of range");
  }
}

std::string to_compact(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_pretty(const nlohmann::json& value) {
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace converge::control
