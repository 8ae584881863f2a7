#include "core/control/error_table.h"
#include "core/verbs/json_forms.h"
#include "core/verbs/text_forms.h"
#include "core/verbs/value.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Error bad_word(std::string_view type, std::string_view word, std::string_view wanted) {
  return make_error(
      ErrorId::kUsageArgument,
      fmt::format("\"{}\" is not a value of type {}: it takes {}", word, type, wanted));
}

Result<json> float_word(std::string_view word) {
  if (word == "NaN" || word == "Infinity" || word == "-Infinity")
    return json{{"$float", std::string(word)}};
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole_word = error == std::errc{} && end == word.data() + word.size();
  if (!whole_word || !std::isfinite(value))
    return bad_word("float", word, "a number, NaN, Infinity or -Infinity");
  return json{{"$float", value}};
}

Result<json> int_word(std::string_view word) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size())
    return bad_word("int", word, "a whole number within 64 bits");
  return json(value);
}

/// Builds the form and lets the reader of forms judge it.
Result<json> form_word(const char* form, std::string_view type, std::string_view word,
                       const char* wanted) {
  json value{{form, std::string(word)}};
  if (!read_node(value, BareString::kText)) return bad_word(type, word, wanted);
  return value;
}

}  // namespace

Result<json> json_of_type(std::string_view type, std::string_view word) {
  if (type == "text") return json(std::string(word));
  if (type == "str") return json{{"$str", std::string(word)}};
  if (type == "int") return int_word(word);
  if (type == "float") return float_word(word);
  if (type == "uint")
    return form_word("$uint", type, word, "a whole number from 0 to 18446744073709551615");
  if (type == "counter") return form_word("$counter", type, word, "a whole number within 64 bits");
  if (type == "timestamp")
    return form_word("$timestamp", type, word, "a time such as 2026-11-20T09:00:00Z");
  if (type == "bytes") return form_word("$bytes", type, word, "base64 with padding");
  if (type == "bool") {
    if (word != "true" && word != "false") return bad_word(type, word, "true or false");
    return json(word == "true");
  }
  if (type == "null") {
    if (!word.empty() && word != "null") return bad_word(type, word, "null");
    return json(nullptr);
  }
  return make_error(
      ErrorId::kUsageFlag, fmt::format("\"{}\" is not a type", type),
      "types are text, str, int, uint, float, counter, timestamp, bytes, bool and null");
}

}  // namespace converge::verbs
