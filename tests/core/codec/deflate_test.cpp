#include "core/codec/deflate.h"

#include "core/base/limits.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

using namespace converge;
using namespace converge::codec;

TEST_CASE("bytes come back from their deflated form", "[codec][deflate][property]") {
  rc::prop("any bytes", [](const std::vector<std::uint8_t>& values) {
    const Bytes bytes = to_bytes(
        as_bytes(std::string_view(reinterpret_cast<const char*>(values.data()), values.size())));
    const auto back = inflate(deflate(bytes), bytes.size() + 1);
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == bytes);
  });
}

TEST_CASE("a column deflated by another program inflates", "[codec][deflate]") {
  const auto back = inflate(*from_hex("636018050c440200"), 1000);
  REQUIRE(back.has_value());
  CHECK(*back == Bytes(300));
}

TEST_CASE("bytes behind a DEFLATE stream are ignored", "[codec][deflate]") {
  Bytes packed = deflate(Bytes(300));
  packed.push_back(std::byte{0x99});
  CHECK(inflate(packed, 1000).has_value());
}

TEST_CASE("the inflated size is bounded exactly", "[codec][deflate]") {
  const Bytes packed = deflate(Bytes(100'000));
  CHECK(inflate(packed, 100'000).has_value());
  const auto over = inflate(packed, 99'999);
  REQUIRE_FALSE(over.has_value());
  CHECK(over.error().code == ErrorCode::kLimitExceeded);
}

TEST_CASE("cut or invalid DEFLATE streams are corrupt", "[codec][deflate]") {
  Bytes packed = deflate(Bytes(300));
  packed.pop_back();
  const auto cut = inflate(packed, 1000);
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().code == ErrorCode::kCorrupt);
  const auto invalid = inflate(*from_hex("ffffffff"), 1000);
  REQUIRE_FALSE(invalid.has_value());
  CHECK(invalid.error().code == ErrorCode::kCorrupt);
  CHECK_FALSE(inflate({}, 1000).has_value());
}

TEST_CASE("what an input may inflate to grows with it between a floor and a ceiling",
          "[codec][deflate]") {
  CHECK(inflate_limit(0) == limits::kInflateFloorBytes);
  CHECK(inflate_limit(1024) == limits::kInflateFloorBytes);
  CHECK(inflate_limit(1025) == 1025 * limits::kInflateRatioMax);
  CHECK(inflate_limit(limits::kInflatedBytesMax) == limits::kInflatedBytesMax);
}
