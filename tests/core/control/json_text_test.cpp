#include "core/control/json_text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
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

TEST_CASE("each character alone is written as the library writes it", "[json]") {
  for (int byte = 0; byte < 256; ++byte) {
    const json value = std::string(1, static_cast<char>(byte));
    CAPTURE(byte);
    CHECK(to_compact(value) == dumped(value));
  }
}
