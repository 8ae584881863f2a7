#include "core/codec/leb128.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <limits>

using namespace converge;
using namespace converge::codec;

namespace {

struct UnsignedCase {
  std::uint64_t value;
  const char* hex;
};
struct SignedCase {
  std::int64_t value;
  const char* hex;
};
struct BadCase {
  const char* hex;
  ErrorCode code;
};

constexpr std::uint64_t kUnsignedMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t kSignedMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSignedMin = std::numeric_limits<std::int64_t>::min();

}  // namespace

TEST_CASE("unsigned numbers have the encodings of the specification", "[codec][leb128]") {
  const auto c = GENERATE(values<UnsignedCase>({
      {0, "00"},
      {1, "01"},
      {127, "7f"},
      {128, "8001"},
      {300, "ac02"},
      {16383, "ff7f"},
      {16384, "808001"},
      {0xffffffffu, "ffffffff0f"},
      {kUnsignedMax, "ffffffffffffffffff01"},
  }));
  const Bytes bytes = *from_hex(c.hex);

  Bytes written;
  write_uleb(written, c.value);
  CHECK(to_hex(written) == c.hex);
  CHECK(uleb_size(c.value) == bytes.size());
  Reader in(bytes);
  const auto read = read_uleb(in);
  REQUIRE(read.has_value());
  CHECK(*read == c.value);
  CHECK(in.at_end());
  std::uint64_t taken = 0;
  const std::byte* at = bytes.data();
  CHECK(take_uleb(at, bytes.data() + bytes.size(), taken));
  CHECK(taken == c.value);
  CHECK(at == bytes.data() + bytes.size());
}

TEST_CASE("signed numbers have the encodings of the specification", "[codec][leb128]") {
  const auto c = GENERATE(values<SignedCase>({
      {0, "00"},
      {63, "3f"},
      {-64, "40"},
      {64, "c000"},
      {-65, "bf7f"},
      {127, "ff00"},
      {-128, "807f"},
      {8191, "ff3f"},
      {-8192, "8040"},
      {8192, "80c000"},
      {-8193, "ffbf7f"},
      {-1, "7f"},
      {kSignedMax, "ffffffffffffffffff00"},
      {kSignedMin, "8080808080808080807f"},
  }));
  const Bytes bytes = *from_hex(c.hex);

  Bytes written;
  write_sleb(written, c.value);
  CHECK(to_hex(written) == c.hex);
  Reader in(bytes);
  const auto read = read_sleb(in);
  REQUIRE(read.has_value());
  CHECK(*read == c.value);
  CHECK(in.at_end());
  std::int64_t taken = 0;
  const std::byte* at = bytes.data();
  CHECK(take_sleb(at, bytes.data() + bytes.size(), taken));
  CHECK(taken == c.value);
}

TEST_CASE("malformed unsigned numbers are rejected and the cursor stays", "[codec][leb128]") {
  const auto c = GENERATE(values<BadCase>({
      {"", ErrorCode::kTruncated},
      {"80", ErrorCode::kTruncated},
      {"ffffff", ErrorCode::kTruncated},
      {"8100", ErrorCode::kCorrupt},
      {"808000", ErrorCode::kCorrupt},
      {"ffffffffffffffffff02", ErrorCode::kCorrupt},
      {"ffffffffffffffffff8100", ErrorCode::kCorrupt},
      {"80808080808080808080", ErrorCode::kCorrupt},
  }));
  INFO(c.hex);
  const Bytes bytes = *from_hex(c.hex);

  Reader in(bytes);
  const auto read = read_uleb(in);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code == c.code);
  CHECK(in.position() == 0);
  std::uint64_t taken = 0;
  const std::byte* at = bytes.data();
  CHECK_FALSE(take_uleb(at, bytes.data() + bytes.size(), taken));
  CHECK(at == bytes.data());
}

TEST_CASE("malformed signed numbers are rejected and the cursor stays", "[codec][leb128]") {
  const auto c = GENERATE(values<BadCase>({
      {"", ErrorCode::kTruncated},
      {"80", ErrorCode::kTruncated},
      {"bf00", ErrorCode::kCorrupt},
      {"81ff7f", ErrorCode::kCorrupt},
      {"ffffffffffffffffff01", ErrorCode::kCorrupt},
      {"8080808080808080807e", ErrorCode::kCorrupt},
      {"8080808080808080808000", ErrorCode::kCorrupt},
  }));
  INFO(c.hex);
  const Bytes bytes = *from_hex(c.hex);

  Reader in(bytes);
  const auto read = read_sleb(in);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code == c.code);
  CHECK(in.position() == 0);
  std::int64_t taken = 0;
  const std::byte* at = bytes.data();
  CHECK_FALSE(take_sleb(at, bytes.data() + bytes.size(), taken));
  CHECK(at == bytes.data());
}

TEST_CASE("a 32-bit field takes 2^32-1 and nothing above", "[codec][leb128]") {
  const Bytes most = *from_hex("ffffffff0f");
  const Bytes above = *from_hex("8080808010");
  Reader good(most);
  Reader bad(above);
  CHECK(read_uleb32(good).value_or(0) == 0xffffffffu);
  const auto read = read_uleb32(bad);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code == ErrorCode::kCorrupt);
  CHECK(bad.position() == 0);
}

TEST_CASE("any number comes back from its encoding", "[codec][leb128][property]") {
  rc::prop("unsigned", [](std::uint64_t value) {
    Bytes bytes;
    write_uleb(bytes, value);
    Reader in(bytes);
    RC_ASSERT(read_uleb(in).value_or(~value) == value);
    RC_ASSERT(in.at_end());
    RC_ASSERT(uleb_size(value) == bytes.size());
  });
  rc::prop("signed", [](std::int64_t value) {
    Bytes bytes;
    write_sleb(bytes, value);
    Reader in(bytes);
    RC_ASSERT(read_sleb(in).value_or(~value) == value);
    RC_ASSERT(in.at_end());
  });
}
