#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/base/random.h"
#include "core/base/result.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>

using namespace converge;

TEST_CASE("hexadecimal text goes both ways", "[base]") {
  const Bytes bytes = *from_hex("00ff7A");
  CHECK(to_hex(bytes) == "00ff7a");
  CHECK(from_hex("").value().empty());
  CHECK_FALSE(from_hex("0").has_value());
  CHECK_FALSE(from_hex("0g").has_value());
  CHECK_FALSE(from_hex("g0").has_value());
  CHECK_FALSE(from_hex(" 00").has_value());
}

TEST_CASE("bytes and text view the same memory", "[base]") {
  const std::string text = "abc";
  CHECK(as_text(as_bytes(text)).data() == text.data());
  CHECK(as_text(to_bytes(as_bytes(text))) == text);
}

TEST_CASE("a result carries a value or says why not", "[base]") {
  const auto half = [](int value) -> Result<int> {
    if (value % 2 != 0) return Error{ErrorCode::kInvalid, "odd"};
    return value / 2;
  };
  CHECK(half(4).value() == 2);
  REQUIRE_FALSE(half(3).has_value());
  CHECK(half(3).error().code == ErrorCode::kInvalid);
  CHECK(half(3).error().message == "odd");
}

TEST_CASE("every kind of error has its own word", "[base]") {
  std::set<std::string> words;
  for (const ErrorCode code :
       {ErrorCode::kCorrupt, ErrorCode::kTruncated, ErrorCode::kUnsupported, ErrorCode::kInvalid,
        ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kLimitExceeded, ErrorCode::kNoSpace,
        ErrorCode::kDenied, ErrorCode::kLocked, ErrorCode::kUnavailable, ErrorCode::kTimeout,
        ErrorCode::kIo}) {
    words.insert(to_string(code));
  }
  CHECK(words.size() == 13);
  CHECK(words.count("unknown") == 0);
  CHECK(std::string(to_string(ErrorCode::kLimitExceeded)) == "limit_exceeded");
}

TEST_CASE("random numbers are made of random bytes", "[base]") {
  struct Counting : Random {
    void fill(std::span<std::byte> out) override {
      for (std::byte& byte : out) byte = std::byte{next++};
    }
    unsigned char next = 1;
  } random;
  CHECK(random.next_u64() == 0x0807060504030201u);
}

TEST_CASE("the limits fit together", "[base]") {
  static_assert(limits::kInflateFloorBytes <= limits::kInflatedBytesMax);
  static_assert(limits::kExpandedFloor <= limits::kRowsPerChangeMax);
  static_assert(limits::kRowsPerChangeMax <= limits::kRowsPerDocumentMax);
  static_assert(limits::kChangeBytesMax <= limits::kFrameBytesMax);
  static_assert(limits::kChangeBytesMax <= limits::kOrphanBytesPerDocumentMax);
  SUCCEED();
}
