#include "core/verify/json_schema.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using converge::verify::JsonSchema;
using nlohmann::json;

namespace {

struct Case {
  const char* schema;
  const char* good;
  const char* bad;
};

// One row a keyword; the specification's sections 6 and 10.
const Case kCases[] = {
    {R"({"type":"integer"})", "1.0", "1.5"},
    {R"({"type":["string","null"]})", "null", "0"},
    {R"({"type":"number"})", "1.5", R"("1.5")"},
    {R"({"enum":[1,"a",null]})", R"("a")", "2"},
    {R"({"const":{"a":[1]}})", R"({"a":[1]})", R"({"a":[2]})"},
    {R"({"minimum":3})", "3", "2.9"},
    {R"({"maximum":3})", "3", "3.1"},
    {R"({"exclusiveMinimum":3})", "3.1", "3"},
    {R"({"exclusiveMaximum":3})", "2", "3"},
    {R"({"multipleOf":0.1})", "0.3", "0.35"},
    {R"({"minLength":2})", "\"\u00e4\u00f6\"", "\"\u00e4\""},
    {R"({"maxLength":1})", "\"\u00e4\"", R"("ab")"},
    {R"({"pattern":"^a.c$"})", R"("abc")", R"("abcd")"},
    {R"({"items":{"type":"integer"}})", "[1,2]", R"([1,"2"])"},
    {R"({"prefixItems":[{"type":"string"}],"items":false})", R"(["a"])", R"(["a",1])"},
    {R"({"minItems":1})", "[0]", "[]"},
    {R"({"maxItems":1})", "[0]", "[0,1]"},
    {R"({"uniqueItems":true})", "[1,2]", "[1,2,1]"},
    {R"({"contains":{"const":1}})", "[0,1]", "[0,2]"},
    {R"({"contains":{"const":1},"minContains":2})", "[1,1]", "[1]"},
    {R"({"contains":{"const":1},"maxContains":1})", "[1,2]", "[1,1]"},
    {R"({"required":["a"]})", R"({"a":null})", "{}"},
    {R"({"properties":{"a":{"type":"null"}}})", R"({"b":1})", R"({"a":1})"},
    {R"({"patternProperties":{"^x":{"type":"null"}}})", R"({"b":1})", R"({"xy":1})"},
    {R"({"properties":{"a":{}},"additionalProperties":false})", R"({"a":1})", R"({"b":1})"},
    {R"({"propertyNames":{"maxLength":1}})", R"({"a":1})", R"({"ab":1})"},
    {R"({"minProperties":1})", R"({"a":1})", "{}"},
    {R"({"maxProperties":0})", "{}", R"({"a":1})"},
    {R"({"dependentRequired":{"a":["b"]}})", R"({"a":1,"b":1})", R"({"a":1})"},
    {R"({"dependentSchemas":{"a":{"required":["b"]}}})", R"({"b":1})", R"({"a":1})"},
    {R"({"allOf":[{"minimum":1},{"maximum":2}]})", "2", "3"},
    {R"({"anyOf":[{"const":1},{"const":2}]})", "2", "3"},
    {R"({"oneOf":[{"minimum":1},{"minimum":5}]})", "2", "6"},
    {R"({"not":{"type":"null"}})", "1", "null"},
    {R"({"if":{"const":1},"then":false,"else":{"const":2}})", "2", "3"},
    {R"({"$ref":"#/$defs/a~1b","$defs":{"a/b":{"const":1}}})", "1", "2"},
    {R"({"$ref":"#one","$defs":{"x":{"$anchor":"one","const":1}}})", "1", "2"},
    {R"({"properties":{"next":{"$ref":"#"}},"required":["v"]})", R"({"v":1,"next":{"v":2}})",
     R"({"v":1,"next":{}})"},
    {"true", "1", nullptr},
    {"false", nullptr, "1"},
};

}  // namespace

TEST_CASE("each keyword of JSON Schema accepts and refuses as the draft says") {
  for (const Case& one : kCases) {
    INFO(one.schema);
    const auto schema = JsonSchema::make(json::parse(one.schema));
    REQUIRE(schema);
    if (one.good != nullptr) CHECK_FALSE(schema->check(json::parse(one.good))->has_value());
    if (one.bad != nullptr) CHECK(schema->check(json::parse(one.bad))->has_value());
  }
}

TEST_CASE("what is wrong names the place") {
  const auto schema = JsonSchema::make(
      json::parse(R"({"properties":{"a/b":{"items":{"properties":{"t":{"type":"string"}}}}}})"));
  REQUIRE(schema);

  const auto wrong = schema->check(json::parse(R"({"a/b":[{"t":"x"},{"t":7}]})"));

  REQUIRE(wrong);
  CHECK(**wrong == "/a~1b/1/t: 7 is not of type \"string\"");
}

TEST_CASE("what is no schema, or would not be checked, is refused with its place") {
  for (const char* text :
       {"1", R"({"type":"text"})", R"({"required":"a"})", R"({"minLength":-1})",
        R"({"properties":[]})", R"({"allOf":{}})", R"({"$ref":"#/$defs/none"})",
        R"({"$ref":"https://example.com/x"})", R"({"pattern":"("})", R"({"multipleOf":0})",
        R"({"unevaluatedProperties":false})", R"({"uniqueItems":1})", R"({"enum":1})",
        R"({"items":{"not":{"minimum":"1"}}})", R"({"patternProperties":{"(":true}})"}) {
    INFO(text);
    const auto schema = JsonSchema::make(json::parse(text));
    REQUIRE_FALSE(schema);
    CHECK(schema.error().id == "input.json");
  }
}

TEST_CASE("a schema that refers to itself without end is a limit, not a crash") {
  const auto schema = JsonSchema::make(json::parse(R"({"$ref":"#"})"));
  REQUIRE(schema);

  const auto wrong = schema->check(json(1));

  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().id == "limit.exceeded");
}
