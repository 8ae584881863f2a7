#include "core/verbs/text_forms.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace converge::verbs {

TEST_CASE("timestamps are written as RFC 3339 with milliseconds", "[verbs]") {
  CHECK(format_timestamp(0) == "1970-01-01T00:00:00.000Z");
  CHECK(format_timestamp(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(format_timestamp(1'795'165'200'120) == "2026-11-20T09:00:00.120Z");
  CHECK(format_timestamp(951'782'400'000) == "2000-02-29T00:00:00.000Z");
  CHECK(format_timestamp(-62'167'219'200'000) == "0000-01-01T00:00:00.000Z");
  CHECK(format_timestamp(-62'167'219'200'001) == "-000001-12-31T23:59:59.999Z");
  CHECK(format_timestamp(253'402'300'800'000) == "+010000-01-01T00:00:00.000Z");
  CHECK(format_timestamp(8'640'000'000'000'000) == "+275760-09-13T00:00:00.000Z");
}

TEST_CASE("timestamps of every size read back as themselves", "[verbs]") {
  for (const std::int64_t ms :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'795'165'200'120},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(),
        std::int64_t{-62'167'219'200'001}, std::int64_t{8'640'000'000'000'000}}) {
    CAPTURE(ms, format_timestamp(ms));
    CHECK(parse_timestamp(format_timestamp(ms)) == ms);
  }
}

TEST_CASE("RFC 3339 times are read with offsets and fractions", "[verbs]") {
  CHECK(parse_timestamp("2026-11-20T09:00:00Z") == 1'795'165'200'000);
  CHECK(parse_timestamp("2026-11-20t09:00:00z") == 1'795'165'200'000);
  CHECK(parse_timestamp("2026-11-20 09:00:00Z") == 1'795'165'200'000);
  CHECK(parse_timestamp("2026-11-20T10:30:00+01:30") == 1'795'165'200'000);
  CHECK(parse_timestamp("2026-11-20T09:00:00.1Z") == 1'795'165'200'100);
  CHECK(parse_timestamp("2026-11-20T09:00:00.1239999Z") == 1'795'165'200'123);
  CHECK(parse_timestamp("2016-12-31T23:59:60Z") == parse_timestamp("2017-01-01T00:00:00Z"));
}

TEST_CASE("texts that are no time are refused", "[verbs]") {
  for (const char* text :
       {"", "now", "2026-11-20", "2026-11-20T09:00:00", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+24:00",
        "+2026-01-01T00:00:00Z", "+9999999999-01-01T00:00:00Z", "+999999999-01-01T00:00:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_timestamp(text));
  }
}

TEST_CASE("base64 has one spelling for every value", "[verbs]") {
  const auto bytes = [](std::initializer_list<int> list) {
    Bytes out;
    for (const int b : list) out.push_back(static_cast<std::byte>(b));
    return out;
  };
  CHECK(to_base64(bytes({})).empty());
  CHECK(to_base64(bytes({0, 1, 2})) == "AAEC");
  CHECK(to_base64(bytes({255})) == "/w==");
  CHECK(to_base64(bytes({255, 239})) == "/+8=");
  for (int size = 0; size < 9; ++size) {
    Bytes value;
    for (int i = 0; i < size; ++i) value.push_back(static_cast<std::byte>(i * 77 + 3));
    CHECK(from_base64(to_base64(value)) == value);
  }
  for (const char* text : {"A", "AA", "AAA", "AAE", "AA=A", "====", "A===", "AAEC AAEC",
                           "/x==", "AAF=", "AA-_", "AAEC=", "=AAE"}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text));
  }
}

TEST_CASE("numbers are written as ECMAScript writes them", "[verbs]") {
  CHECK(format_number(0) == "0");
  CHECK(format_number(-0.0) == "0");
  CHECK(format_number(1) == "1");
  CHECK(format_number(-1.5) == "-1.5");
  CHECK(format_number(100) == "100");
  CHECK(format_number(123456.789) == "123456.789");
  CHECK(format_number(0.1) == "0.1");
  CHECK(format_number(0.000001) == "0.000001");
  CHECK(format_number(0.0000001) == "1e-7");
  CHECK(format_number(1.5e-10) == "1.5e-10");
  CHECK(format_number(1e21) == "1e+21");
  CHECK(format_number(1e20) == "100000000000000000000");
  CHECK(format_number(123456789012345680000.0) == "123456789012345680000");
  CHECK(format_number(1.7976931348623157e308) == "1.7976931348623157e+308");
  CHECK(format_number(5e-324) == "5e-324");
}

TEST_CASE("JSON strings escape only what they must", "[verbs]") {
  std::string out;
  append_quoted(out, std::string_view("a\"\\\b\f\n\r\t\x01\x1f\x7f/é\0", 15));
  CHECK(out == std::string("\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/é\\u0000\""));
}

TEST_CASE("code points are counted, not bytes", "[verbs]") {
  CHECK(count_code_points("") == 0);
  CHECK(count_code_points("aé\U0001F600") == 3);
}

}  // namespace converge::verbs
