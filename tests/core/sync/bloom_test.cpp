#include "core/sync/bloom.h"

#include "core/base/limits.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

using namespace converge;
using sync::BloomFilter;

namespace {

ChangeHash hash(const char* hex) { return ChangeHash::from_hex(hex).value(); }

const ChangeHash kFirst = hash("a4a89bddeac4d9157a6ff040cfffced8d94bcb660edc2baa68e015dd0bc9a4d2");
const ChangeHash kSecond = hash("069f0f5284b8a309b1ca839afc5ce8f6e7ace51212a1d3efc35848dbc010244d");

ChangeHash any_hash() {
  ChangeHash out;
  for (std::byte& byte : out.bytes) byte = static_cast<std::byte>(*rc::gen::arbitrary<char>());
  return out;
}

}  // namespace

TEST_CASE("filters have the bytes of the specification", "[sync][bloom]") {
  CHECK(to_hex(BloomFilter(std::vector{kFirst}).encode()) == "010a075545");
  CHECK(to_hex(BloomFilter(std::vector{kFirst, kSecond}).encode()) == "020a0741f544");
  CHECK(BloomFilter().encode().empty());
}

TEST_CASE("an empty filter contains nothing", "[sync][bloom]") {
  CHECK_FALSE(BloomFilter().contains(kFirst));
  CHECK_FALSE(BloomFilter::decode({}).value().contains(kFirst));
  CHECK_FALSE(BloomFilter::decode(*from_hex("000a07")).value().contains(kFirst));
}

TEST_CASE("a filter contains what was put in, also after travelling", "[sync][bloom][property]") {
  rc::prop("any hashes", [] {
    std::vector<ChangeHash> hashes;
    const int count = *rc::gen::inRange(0, 50);
    for (int i = 0; i < count; ++i) hashes.push_back(any_hash());
    const BloomFilter filter{hashes};
    const auto back = BloomFilter::decode(filter.encode());
    RC_ASSERT(back.has_value());
    for (const ChangeHash& one : hashes) {
      RC_ASSERT(filter.contains(one));
      RC_ASSERT(back->contains(one));
    }
  });
}

TEST_CASE("the numbers of a filter are read from the wire", "[sync][bloom]") {
  // 20 bits an entry, one probe: x mod 24 = 12 for the first hash.
  const auto filter = BloomFilter::decode(*from_hex("011401001000")).value();
  CHECK(filter.contains(kFirst));
  CHECK_FALSE(BloomFilter::decode(*from_hex("01140100ef00")).value().contains(kFirst));
}

TEST_CASE("malformed filters are rejected", "[sync][bloom]") {
  const auto code = [](const char* hex) {
    const auto filter = BloomFilter::decode(*from_hex(hex));
    REQUIRE_FALSE(filter.has_value());
    return filter.error().code;
  };
  CHECK(code("01") == ErrorCode::kTruncated);
  CHECK(code("010a") == ErrorCode::kTruncated);
  CHECK(code("010a0755") == ErrorCode::kTruncated);
  CHECK(code("ffffffff0fffffffff0f07") == ErrorCode::kTruncated);
  CHECK(code("010007") == ErrorCode::kCorrupt);
  CHECK(code("80808080100a07") == ErrorCode::kCorrupt);
  CHECK(code("010a415545") == ErrorCode::kLimitExceeded);
  static_assert(limits::kBloomProbesMax == 0x40);
  CHECK(BloomFilter::decode(*from_hex("010a405545")).has_value());
}
