#include "core/control/json_text.h"

#include "core/control/prepared_json.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace {

using converge::control::to_compact;
using nlohmann::json;

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

TEST_CASE("compact JSON is what the library writes, for values of every kind", "[json]") {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte.push_back(static_cast<char>(byte));
  json value = {
      {"null", nullptr},
      {"flags", {true, false}},
      {"integers",
       {0, -1, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::uint64_t>::max()}},
      {"fractions", {0.1, -2.0, 1e300, 5e-324, std::numeric_limits<double>::infinity()}},
      {"texts",
       {"", "plain", "\"quoted\" \\ /", "line\nend\ttab\x01\x7f", "gr\xc3\xbc\xc3\x9f",
        every_byte}},
      {"empty", {json::array(), json::object(), json::array({json::array()})}},
      {"bytes", json::binary({1, 2, 255})},
      {"nested", {{"a", {{"b", {1, {{"c", "d"}}}}}}}},
  };
  value["key \"with\" \n \xff"] = 1;
  CHECK(to_compact(value) == dumped(value));
  for (const json& member : value) CHECK(to_compact(member) == dumped(member));
}

TEST_CASE("an integer that 64 bits do not hold is refused with its place", "[json]") {
  struct Row {
    const char* text;
    const char* place;
  };
  const Row rows[] = {
      {"18446744073709551616", "line 1, column 1"},
      {"-9223372036854775809", "line 1, column 1"},
      {"{\"a\":[1,\n 2.5, 99999999999999999999 ]}", "line 2, column 7"},
      {R"({"1":"2","3":[-4,5e1],"x":99999999999999999999})", "line 1, column 27"},
      {R"({"$float":99999999999999999999,"b":99999999999999999999})", "line 1, column 36"},
      {R"({"$float":[99999999999999999999]})", "line 1, column 12"},
      {R"({"$float":1,"$uint":99999999999999999999})", "line 1, column 21"},
      {"1e400", "line 1"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto value = converge::control::parse_json(row.text, "FILE");
    REQUIRE_FALSE(value);
    CHECK(value.error().id == "input.json");
    CHECK(value.error().code == converge::ErrorCode::kLimitExceeded);
    CHECK(value.error().message.find("FILE") == 0);
    CHECK(value.error().message.find(row.place) != std::string::npos);
  }
  const std::string long_one(100'000, '9');
  CHECK(converge::control::parse_json(long_one, "it").error().message.size() < 200);
}

TEST_CASE("JSON is read as the library reads it", "[json]") {
  for (const char* text :
       {"null", "true", "\"\\u00e9\"", "[]", "{}", "-0", "-0.0", "18446744073709551615",
        "-9223372036854775808", "1e20", "1.0", "[[],{},[{\"a\":[1,{\"b\":null}]}],\"x\"]",
        R"({"a":1,"b":{"a":2},"a":[3,{"a":4}]})", R"({"$float":99999999999999999999})", " [1 ] "}) {
    INFO(text);
    const auto value = converge::control::parse_json(text, "it");
    REQUIRE(value);
    const json expected = json::parse(text);
    CHECK(*value == expected);
    CHECK(value->dump() == expected.dump());
  }
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "01", "\"", "nul", "1 2", "\xff"}) {
    INFO(text);
    const auto value = converge::control::parse_json(text, "it");
    REQUIRE_FALSE(value);
    CHECK(value.error().code == converge::ErrorCode::kCorrupt);
    CHECK(value.error().message.find("it is not JSON at line 1, column ") == 0);
  }
}

TEST_CASE("what is read fast and what the library judges are the same JSON", "[json]") {
  const std::string good =
      R"( {"id":1,"method":"doc.set","params":{"doc":"d/0","edits":[{"pointer":"/n","value":-12},)"
      R"({"value":[true,false,null,"","eight by","nine byte",{}],"id":"gr\u00fcn"}],"id":0}} )";
  std::mt19937 random(7);
  const auto below = [&random](std::size_t n) { return random() % n; };
  const std::string letters = "{}[]\",:-+.eE019 \\ntfu\x01\x7f\xc3\xbc";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (std::size_t edits = below(3); edits-- > 0 && !text.empty();) {
      const std::size_t at = below(text.size());
      if (below(3) == 0)
        text.erase(at, 1 + below(3));
      else
        text[at] = letters[below(letters.size())];
    }
    if (below(8) == 0) text.resize(below(text.size() + 1));
    INFO(text);
    const auto value = converge::control::parse_json(text, "it");
    const json expected = json::parse(text, nullptr, false);
    REQUIRE(value.has_value() == !expected.is_discarded());
    if (value) REQUIRE(value->dump() == expected.dump());
  }
}

TEST_CASE("a prepared value is written as it was prepared, wherever it stands", "[json]") {
  const json value = {{"a", 1}, {"b", {"x\n", nullptr}}};
  const json prepared = converge::control::prepared_json(to_compact(value));
  CHECK(to_compact(prepared) == to_compact(value));
  CHECK(to_compact(json{{"in", json::array({prepared})}}) ==
        to_compact(json{{"in", json::array({value})}}));
  CHECK(converge::control::unprepared(prepared) == value);
  CHECK(converge::control::unprepared(value) == value);
  CHECK_FALSE(converge::control::is_prepared(json::binary({1, 2})));
}

TEST_CASE("each character alone is written as the library writes it", "[json]") {
  for (int byte = 0; byte < 256; ++byte) {
    const json value = std::string(1, static_cast<char>(byte));
    CAPTURE(byte);
    CHECK(to_compact(value) == dumped(value));
  }
}
