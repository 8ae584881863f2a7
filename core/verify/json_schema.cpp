#include "core/verify/json_schema.h"

#include "core/verbs/iregexp.h"
#include "core/verbs/text_forms.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace converge::verify {
namespace {

using nlohmann::json;

Error not_a_schema(const std::string& place, const std::string& why) {
  return {ErrorCode::kCorrupt,
          "the schema is no JSON Schema: " + (place.empty() ? "the whole" : place) + " " + why,
          "input.json"};
}

std::string below(const std::string& place, const std::string& key) {
  std::string out = place + "/";
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

/// The schema that "$ref" names: a pointer or an anchor of the same schema; null: there is none.
const json* referred(const json& root, const std::string& reference) {
  if (reference == "#") return &root;
  if (reference.starts_with("#/")) {
    const json* at = &root;
    for (std::size_t begin = 2; begin <= reference.size();) {
      const std::size_t end = std::min(reference.find('/', begin), reference.size());
      std::string part;
      for (std::size_t i = begin; i < end; ++i) {
        const bool escape = reference[i] == '~' && i + 1 < end;
        part += escape ? (reference[++i] == '0' ? '~' : '/') : reference[i];
      }
      if (!at->is_object() || !at->contains(part)) return nullptr;
      at = &(*at)[part];
      begin = end + 1;
    }
    return at;
  }
  if (!reference.starts_with('#')) return nullptr;
  if (!root.is_object() || !root.contains("$defs")) return nullptr;
  if (!root["$defs"].is_object()) return nullptr;
  for (const auto& [name, schema] : root["$defs"].items())
    if (schema.is_object() && schema.contains("$anchor") &&
        schema["$anchor"] == reference.substr(1))
      return &schema;
  return nullptr;
}

// ------------------------------------------------------------------ is it a schema at all?

constexpr std::array kOneSchema = {"not",   "if",       "then",          "else",
                                   "items", "contains", "propertyNames", "additionalProperties"};
constexpr std::array kSchemaLists = {"allOf", "anyOf", "oneOf", "prefixItems"};
constexpr std::array kSchemaMaps = {"properties", "patternProperties", "dependentSchemas", "$defs"};
constexpr std::array kCounts = {"minLength",     "maxLength",     "minItems",    "maxItems",
                                "minProperties", "maxProperties", "minContains", "maxContains"};
constexpr std::array kBounds = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"};
constexpr std::array kRefused = {"unevaluatedProperties", "unevaluatedItems", "$dynamicRef",
                                 "$recursiveRef"};
constexpr std::array kTypes = {"null", "boolean", "object", "array", "number", "string", "integer"};

class SchemaCheck {
 public:
  explicit SchemaCheck(const json& root) : root_(root) {}

  Result<void> check(const json& schema, const std::string& place) const {
    if (schema.is_boolean()) return {};
    if (!schema.is_object()) return not_a_schema(place, "is neither an object nor true or false");
    if (auto own = check_keywords(schema, place); !own) return own;
    for (const char* key : kOneSchema) {
      if (!schema.contains(key)) continue;
      if (auto good = check(schema[key], below(place, key)); !good) return good;
    }
    for (const char* key : kSchemaLists) {
      if (!schema.contains(key)) continue;
      if (!schema[key].is_array()) return not_a_schema(below(place, key), "is no list of schemas");
      for (std::size_t i = 0; i < schema[key].size(); ++i)
        if (auto good = check(schema[key][i], below(below(place, key), std::to_string(i))); !good)
          return good;
    }
    for (const char* key : kSchemaMaps) {
      if (!schema.contains(key)) continue;
      if (!schema[key].is_object()) return not_a_schema(below(place, key), "is no object");
      for (const auto& [name, inner] : schema[key].items())
        if (auto good = check(inner, below(below(place, key), name)); !good) return good;
    }
    return {};
  }

 private:
  Result<void> check_keywords(const json& schema, const std::string& place) const {
    for (const char* key : kRefused)
      if (schema.contains(key)) return not_a_schema(below(place, key), "is not supported");
    for (const char* key : kCounts)
      if (schema.contains(key) && !schema[key].is_number_unsigned())
        return not_a_schema(below(place, key), "is no count");
    for (const char* key : kBounds)
      if (schema.contains(key) && !schema[key].is_number())
        return not_a_schema(below(place, key), "is no number");
    if (schema.contains("multipleOf") &&
        !(schema["multipleOf"].is_number() && schema["multipleOf"].get<double>() > 0))
      return not_a_schema(below(place, "multipleOf"), "is no number above 0");
    if (schema.contains("uniqueItems") && !schema["uniqueItems"].is_boolean())
      return not_a_schema(below(place, "uniqueItems"), "is neither true nor false");
    if (schema.contains("$anchor") && !schema["$anchor"].is_string())
      return not_a_schema(below(place, "$anchor"), "is no name");
    if (schema.contains("enum") && !schema["enum"].is_array())
      return not_a_schema(below(place, "enum"), "is no list");
    if (schema.contains("required") && !is_string_list(schema["required"]))
      return not_a_schema(below(place, "required"), "is no list of names");
    if (schema.contains("dependentRequired")) {
      if (!schema["dependentRequired"].is_object())
        return not_a_schema(below(place, "dependentRequired"), "is no object");
      for (const auto& [name, names] : schema["dependentRequired"].items())
        if (!is_string_list(names))
          return not_a_schema(below(below(place, "dependentRequired"), name),
                              "is no list of names");
    }
    if (schema.contains("$ref") &&
        (!schema["$ref"].is_string() || referred(root_, schema["$ref"]) == nullptr))
      return not_a_schema(below(place, "$ref"), "names nothing in this schema");
    if (auto good = check_patterns(schema, place); !good) return good;
    return check_type(schema, place);
  }

  static bool is_string_list(const json& list) {
    return list.is_array() &&
           std::ranges::all_of(list, [](const json& name) { return name.is_string(); });
  }

  static Result<void> check_patterns(const json& schema, const std::string& place) {
    if (schema.contains("pattern") &&
        (!schema["pattern"].is_string() ||
         !verbs::IRegexp::parse(schema["pattern"].get<std::string>())))
      return not_a_schema(below(place, "pattern"), "is no regular expression that is understood");
    if (!schema.contains("patternProperties") || !schema["patternProperties"].is_object())
      return {};
    for (const auto& [pattern, inner] : schema["patternProperties"].items())
      if (!verbs::IRegexp::parse(pattern))
        return not_a_schema(below(below(place, "patternProperties"), pattern),
                            "is no regular expression that is understood");
    return {};
  }

  static Result<void> check_type(const json& schema, const std::string& place) {
    if (!schema.contains("type")) return {};
    const json types = schema["type"].is_array() ? schema["type"] : json::array({schema["type"]});
    for (const json& type : types)
      if (!type.is_string() || std::ranges::find(kTypes, type.get<std::string>()) == kTypes.end())
        return not_a_schema(below(place, "type"), "is no type");
    return {};
  }

  const json& root_;
};

// ------------------------------------------------------------------ does a value fit?

bool is_of_type(const json& value, const std::string& type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  // 1.0 is an integer too.
  return value.is_number_integer() ||
         (value.is_number_float() && std::floor(value.get<double>()) == value.get<double>());
}

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

/// Walks value and schema together. Every function answers what is wrong, or nothing.
class Validation {
 public:
  using Wrong = std::optional<std::string>;

  explicit Validation(const json& root) : root_(root) {}

  bool too_deep() const { return too_deep_; }

  Wrong check(const json& schema, const json& value, const std::string& place) {
    if (schema.is_boolean())
      return schema.get<bool>() ? Wrong() : wrong(place, "nothing is allowed here");
    if (++depth_ > JsonSchema::kDepthMax) too_deep_ = true;
    Wrong found = too_deep_ ? Wrong() : check_all(schema, value, place);
    --depth_;
    return found;
  }

 private:
  static Wrong wrong(const std::string& place, const std::string& why) {
    return (place.empty() ? "the document" : place) + ": " + why;
  }

  Wrong check_all(const json& schema, const json& value, const std::string& place) {
    if (schema.contains("$ref"))
      if (auto w = check(*referred(root_, schema["$ref"]), value, place)) return w;
    if (auto w = check_general(schema, value, place)) return w;
    if (value.is_number())
      if (auto w = check_number(schema, value, place)) return w;
    if (value.is_string())
      if (auto w = check_string(schema, value.get_ref<const std::string&>(), place)) return w;
    if (value.is_array())
      if (auto w = check_array(schema, value, place)) return w;
    if (value.is_object())
      if (auto w = check_object(schema, value, place)) return w;
    return check_combined(schema, value, place);
  }

  static Wrong check_general(const json& schema, const json& value, const std::string& place) {
    if (schema.contains("type")) {
      const json& type = schema["type"];
      const bool fits = type.is_string() ? is_of_type(value, type.get<std::string>())
                                         : std::ranges::any_of(type, [&](const json& one) {
                                             return is_of_type(value, one.get<std::string>());
                                           });
      if (!fits) return wrong(place, shown(value) + " is not of type " + shown(type));
    }
    if (schema.contains("const") && value != schema["const"])
      return wrong(place, shown(value) + " is not " + shown(schema["const"]));
    if (schema.contains("enum") &&
        std::ranges::none_of(schema["enum"], [&](const json& one) { return one == value; }))
      return wrong(place, shown(value) + " is not one of " + shown(schema["enum"]));
    return {};
  }

  static Wrong check_number(const json& schema, const json& value, const std::string& place) {
    const auto bound = [&](const char* key, auto breaks, const char* why) -> Wrong {
      if (!schema.contains(key) || !breaks(value, schema[key])) return {};
      return wrong(place, shown(value) + why + shown(schema[key]));
    };
    const auto less = [](const json& a, const json& b) { return a < b; };
    const auto more = [](const json& a, const json& b) { return a > b; };
    const auto not_more = [](const json& a, const json& b) { return a <= b; };
    const auto not_less = [](const json& a, const json& b) { return a >= b; };
    if (auto w = bound("minimum", less, " is below ")) return w;
    if (auto w = bound("maximum", more, " is above ")) return w;
    if (auto w = bound("exclusiveMinimum", not_more, " is not above ")) return w;
    if (auto w = bound("exclusiveMaximum", not_less, " is not below ")) return w;
    const auto no_multiple = [](const json& a, const json& b) {
      const double quotient = a.get<double>() / b.get<double>();
      return std::abs(quotient - std::round(quotient)) > 1e-9 * std::max(1.0, std::abs(quotient));
    };
    return bound("multipleOf", no_multiple, " is no multiple of ");
  }

  static Wrong check_size(const json& schema, std::size_t size, const char* least, const char* most,
                          const char* what, const std::string& place) {
    if (schema.contains(least) && size < schema[least].get<std::size_t>())
      return wrong(place, "has fewer " + std::string(what) + " than " + shown(schema[least]));
    if (schema.contains(most) && size > schema[most].get<std::size_t>())
      return wrong(place, "has more " + std::string(what) + " than " + shown(schema[most]));
    return {};
  }

  static Wrong check_string(const json& schema, const std::string& text, const std::string& place) {
    if (schema.contains("minLength") || schema.contains("maxLength"))
      if (auto w = check_size(schema, verbs::count_code_points(text), "minLength", "maxLength",
                              "characters", place))
        return w;
    if (schema.contains("pattern") &&
        !verbs::IRegexp::parse(schema["pattern"].get<std::string>())->found_in(text))
      return wrong(place, shown(text) + " does not match " + shown(schema["pattern"]));
    return {};
  }

  Wrong check_array(const json& schema, const json& value, const std::string& place) {
    if (auto w = check_size(schema, value.size(), "minItems", "maxItems", "items", place)) return w;
    if (schema.value("uniqueItems", false)) {
      std::set<json> seen;
      for (const json& item : value)
        if (!seen.insert(item).second) return wrong(place, "holds " + shown(item) + " twice");
    }
    std::size_t next = 0;
    if (schema.contains("prefixItems"))
      for (; next < std::min(value.size(), schema["prefixItems"].size()); ++next)
        if (auto w =
                check(schema["prefixItems"][next], value[next], below(place, std::to_string(next))))
          return w;
    if (schema.contains("items"))
      for (; next < value.size(); ++next)
        if (auto w = check(schema["items"], value[next], below(place, std::to_string(next))))
          return w;
    if (!schema.contains("contains")) return {};
    const auto fitting = static_cast<std::size_t>(std::ranges::count_if(
        value, [&](const json& item) { return !check(schema["contains"], item, place); }));
    if (fitting < schema.value("minContains", std::size_t{1}))
      return wrong(place, "has too few items as \"contains\" wants them");
    if (fitting > schema.value("maxContains", SIZE_MAX))
      return wrong(place, "has too many items as \"contains\" wants them");
    return {};
  }

  Wrong check_object(const json& schema, const json& value, const std::string& place) {
    if (auto w =
            check_size(schema, value.size(), "minProperties", "maxProperties", "members", place))
      return w;
    if (schema.contains("required"))
      for (const json& name : schema["required"])
        if (!value.contains(name.get<std::string>())) return wrong(place, "lacks " + shown(name));
    if (schema.contains("dependentRequired"))
      for (const auto& [name, names] : schema["dependentRequired"].items())
        for (const json& other : names)
          if (value.contains(name) && !value.contains(other.get<std::string>()))
            return wrong(place, "has " + shown(name) + " but lacks " + shown(other));
    if (schema.contains("dependentSchemas"))
      for (const auto& [name, inner] : schema["dependentSchemas"].items())
        if (value.contains(name))
          if (auto w = check(inner, value, place)) return w;
    for (const auto& [name, member] : value.items())
      if (auto w = check_member(schema, name, member, place)) return w;
    return {};
  }

  Wrong check_member(const json& schema, const std::string& name, const json& member,
                     const std::string& place) {
    const std::string there = below(place, name);
    if (schema.contains("propertyNames"))
      if (auto w = check(schema["propertyNames"], name, there)) return w;
    bool known = false;
    if (schema.contains("properties") && schema["properties"].contains(name)) {
      known = true;
      if (auto w = check(schema["properties"][name], member, there)) return w;
    }
    if (schema.contains("patternProperties"))
      for (const auto& [pattern, inner] : schema["patternProperties"].items()) {
        if (!verbs::IRegexp::parse(pattern)->found_in(name)) continue;
        known = true;
        if (auto w = check(inner, member, there)) return w;
      }
    if (known || !schema.contains("additionalProperties")) return {};
    return check(schema["additionalProperties"], member, there);
  }

  Wrong check_combined(const json& schema, const json& value, const std::string& place) {
    if (schema.contains("allOf"))
      for (const json& one : schema["allOf"])
        if (auto w = check(one, value, place)) return w;
    const auto fits = [&](const json& one) { return !check(one, value, place); };
    if (schema.contains("anyOf") && std::ranges::none_of(schema["anyOf"], fits))
      return wrong(place, shown(value) + " fits none of \"anyOf\"");
    if (schema.contains("oneOf") && std::ranges::count_if(schema["oneOf"], fits) != 1)
      return wrong(place, shown(value) + " does not fit exactly one of \"oneOf\"");
    if (schema.contains("not") && fits(schema["not"]))
      return wrong(place, shown(value) + " fits what \"not\" forbids");
    if (!schema.contains("if")) return {};
    const char* branch = fits(schema["if"]) ? "then" : "else";
    return schema.contains(branch) ? check(schema[branch], value, place) : Wrong();
  }

  const json& root_;
  int depth_ = 0;
  bool too_deep_ = false;
};

}  // namespace

Result<JsonSchema> JsonSchema::make(json schema) {
  if (auto good = SchemaCheck(schema).check(schema, ""); !good) return good.error();
  return JsonSchema(std::make_shared<const json>(std::move(schema)));
}

Result<std::optional<std::string>> JsonSchema::check(const json& value) const {
  Validation validation(*root_);
  auto wrong = validation.check(*root_, value, "");
  if (validation.too_deep())
    return Error{ErrorCode::kLimitExceeded,
                 "the schema goes deeper than " + std::to_string(kDepthMax) + " steps",
                 "limit.exceeded"};
  return wrong;
}

}  // namespace converge::verify
