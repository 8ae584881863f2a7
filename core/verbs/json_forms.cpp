#include "core/verbs/json_forms.h"

#include "core/base/assert.h"
#include "core/control/error_table.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>
#include <utf8.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Error bad_form(std::string_view form, std::string_view wanted) {
  return make_error(ErrorId::kInputJson, fmt::format("\"{}\" takes {}", form, wanted));
}

bool is_utf8(const std::string& text) { return utf8::is_valid(text.begin(), text.end()); }

Error not_utf8() { return make_error(ErrorId::kInputJson, "a string that is not UTF-8"); }

template <class Integer>
std::optional<Integer> parse_whole(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> signed_of(const json& value) {
  if (value.is_string()) return parse_whole<std::int64_t>(value.get_ref<const std::string&>());
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return std::nullopt;
}

std::optional<std::uint64_t> unsigned_of(const json& value) {
  if (value.is_string()) return parse_whole<std::uint64_t>(value.get_ref<const std::string&>());
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (value.is_number_integer() && value.get<std::int64_t>() >= 0)
    return static_cast<std::uint64_t>(value.get<std::int64_t>());
  return std::nullopt;
}

std::optional<double> float_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const auto& word = value.get_ref<const std::string&>();
  if (word == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (word == "Infinity") return std::numeric_limits<double>::infinity();
  if (word == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

Node scalar_node(model::Scalar scalar) {
  Node node;
  node.scalar = std::move(scalar);
  return node;
}

/// {"type":12,"bytes":"AAEC"}: types that this build does not know, kept verbatim.
Result<Node> read_unknown(const json& value) {
  constexpr const char* kWanted = "an object of \"type\" (10 to 15) and \"bytes\" (base64)";
  if (!value.is_object() || value.size() != 2 || !value.contains("type") ||
      !value.contains("bytes") || !value["bytes"].is_string())
    return bad_form("$unknown", kWanted);
  const auto type = unsigned_of(value["type"]);
  const auto bytes = from_base64(value["bytes"].get_ref<const std::string&>());
  if (!type || *type < 10 || *type > 15 || !bytes) return bad_form("$unknown", kWanted);
  model::Scalar scalar;
  scalar.type = static_cast<std::uint8_t>(*type);
  scalar.raw = as_text(*bytes);
  return scalar_node(std::move(scalar));
}

Result<Node> read_number_form(const std::string& form, const json& value) {
  if (form == "$counter") {
    const auto number = signed_of(value);
    if (!number) return bad_form(form, "a whole number within 64 bits");
    return scalar_node(model::Scalar::counter(*number));
  }
  if (form == "$uint") {
    const auto number = unsigned_of(value);
    if (!number) return bad_form(form, "a whole number from 0 to 18446744073709551615");
    return scalar_node(model::Scalar::uint(*number));
  }
  const auto number = float_of(value);
  if (!number) return bad_form(form, "a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
  return scalar_node(model::Scalar::float64(*number));
}

Result<Node> read_form(const std::string& form, const json& value) {
  if (form == "$counter" || form == "$uint" || form == "$float")
    return read_number_form(form, value);
  if (form == "$unknown") return read_unknown(value);
  if (form == "$timestamp") {
    auto time = signed_of(value);
    if (!time && value.is_string()) time = parse_timestamp(value.get_ref<const std::string&>());
    if (!time)
      return bad_form(form, "a time such as \"2026-11-20T09:00:00.000Z\", or milliseconds");
    return scalar_node(model::Scalar::timestamp(*time));
  }
  if (!value.is_string()) return bad_form(form, "a string");
  const auto& text = value.get_ref<const std::string&>();
  if (!is_utf8(text)) return not_utf8();
  if (form == "$bytes") {
    const auto bytes = from_base64(text);
    if (!bytes) return bad_form(form, "base64 with padding");
    return scalar_node(model::Scalar::bytes(*bytes));
  }
  if (form == "$str") return scalar_node(model::Scalar::string(text));
  Node node;
  node.kind = Node::Kind::kText;
  node.text = &text;
  return node;
}

bool is_form_word(std::string_view key) {
  return key == "$counter" || key == "$timestamp" || key == "$bytes" || key == "$text" ||
         key == "$uint" || key == "$float" || key == "$str" || key == "$unknown";
}

bool is_bare_dollar(std::string_view key) { return key.starts_with('$') && !key.starts_with("$$"); }

Result<Node> read_object(const json& node) {
  if (is_typed_form(node)) return read_form(node.begin().key(), node.begin().value());
  for (auto it = node.begin(); it != node.end(); ++it) {
    if (!is_utf8(it.key())) return not_utf8();
    if (!is_bare_dollar(it.key())) continue;
    return make_error(
        ErrorId::kInputJson,
        is_form_word(it.key()) ? fmt::format("\"{}\" must be the only key of its object", it.key())
                               : fmt::format("\"{}\" is not one of the typed forms", it.key()),
        fmt::format("a real key that begins with \"$\" is written \"${}\"", it.key()));
  }
  Node map;
  map.kind = Node::Kind::kMap;
  map.container = &node;
  return map;
}

}  // namespace

bool is_typed_form(const json& node) {
  return node.is_object() && node.size() == 1 && is_form_word(node.begin().key());
}

BareString bare_strings_of(const json& value) {
  std::vector<const json*> pending{&value};
  while (!pending.empty()) {
    const json& node = *pending.back();
    pending.pop_back();
    if (is_typed_form(node)) {
      if (node.begin().key() == "$text") return BareString::kScalar;
      continue;
    }
    if (!node.is_structured()) continue;
    for (const auto& child : node)
      if (child.is_structured()) pending.push_back(&child);
  }
  return BareString::kText;
}

Result<Node> read_node(const json& node, BareString bare) {
  if (node.is_object()) return read_object(node);
  Node out;
  out.plain = bare == BareString::kText;
  switch (node.type()) {
    case json::value_t::null:
      out.scalar = model::Scalar::null();
      return out;
    case json::value_t::boolean:
      out.scalar = model::Scalar::boolean(node.get<bool>());
      return out;
    case json::value_t::number_float:
      out.scalar = model::Scalar::float64(node.get<double>());
      return out;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned: {
      const auto number = signed_of(node);
      out.scalar =
          number ? model::Scalar::integer(*number) : model::Scalar::uint(node.get<std::uint64_t>());
      return out;
    }
    case json::value_t::string: {
      const auto& text = node.get_ref<const std::string&>();
      if (!is_utf8(text)) return not_utf8();
      out.kind = bare == BareString::kScalar ? Node::Kind::kScalar : Node::Kind::kText;
      if (bare == BareString::kScalar)
        out.scalar = model::Scalar::string(text);
      else
        out.text = &text;
      return out;
    }
    case json::value_t::array:
      out.kind = Node::Kind::kList;
      out.container = &node;
      return out;
    default:
      return make_error(ErrorId::kInputJson, "a value that JSON text cannot hold");
  }
}

Node node_of(const json& node, BareString bare) {
  auto out = read_node(node, bare);
  ASSERT(out.has_value());
  return std::move(*out);
}

json plain_of(const json& node, BareString bare) {
  const Node read = node_of(node, bare);
  switch (read.kind) {
    case Node::Kind::kText:
      return *read.text;
    case Node::Kind::kScalar:
      return scalar_to_json(read.scalar, Form::kPlain);
    case Node::Kind::kList: {
      json out = json::array();
      for (const auto& element : node) out.push_back(plain_of(element, bare));
      return out;
    }
    case Node::Kind::kMap:
      break;
  }
  json out = json::object();
  for (auto it = node.begin(); it != node.end(); ++it)
    out[std::string(real_key(it.key()))] = plain_of(it.value(), bare);
  return out;
}

std::string_view real_key(std::string_view json_key) {
  return json_key.starts_with("$$") ? json_key.substr(1) : json_key;
}

std::string json_key(std::string_view real_key) {
  return (real_key.starts_with('$') ? "$" : "") + std::string(real_key);
}

}  // namespace converge::verbs
