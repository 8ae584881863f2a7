#include "core/sync/message.h"

#include "core/base/limits.h"
#include "core/sync/state.h"

#include <catch2/catch.hpp>

using namespace converge;
using sync::Message;

namespace {

const std::string kHash = "a4a89bddeac4d9157a6ff040cfffced8d94bcb660edc2baa68e015dd0bc9a4d2";
const std::string kOther = "069f0f5284b8a309b1ca839afc5ce8f6e7ace51212a1d3efc35848dbc010244d";

Result<Message> decode(const std::string& hex) { return sync::decode_message(*from_hex(hex)); }

ErrorCode code_of(const std::string& hex) {
  const auto message = decode(hex);
  REQUIRE_FALSE(message.has_value());
  return message.error().code;
}

}  // namespace

TEST_CASE("messages of a real exchange are read and written", "[sync][message]") {
  const std::string hex = GENERATE(as<std::string>(),  //
                                   "4201" + kHash +
                                       "00010005010a0755450002"
                                       "0284",
                                   "430001" + kHash + "01000000020284",
                                   "4301" + kHash + "000101" + kHash + "0000020284",
                                   "4201" + kHash + "00010005010a07554500");
  const auto message = decode(hex);
  REQUIRE(message.has_value());
  CHECK(to_hex(sync::encode_message(*message)) == hex);
}

TEST_CASE("a message tells its fields", "[sync][message]") {
  const auto message =
      decode("4301" + kHash + "01" + kOther + "0101" + kHash + "05010a0755450102abcd020287")
          .value();
  CHECK(message.version == Message::Version::kV2);
  CHECK(message.heads.size() == 1);
  REQUIRE(message.need.size() == 1);
  CHECK(message.need[0].to_hex() == kOther);
  REQUIRE(message.have.size() == 1);
  CHECK(message.have[0].last_sync == message.heads);
  CHECK(message.have[0].bloom.contains(message.heads[0]));
  REQUIRE(message.changes.size() == 1);
  CHECK(to_hex(message.changes[0]) == "abcd");
  CHECK(message.flags == 7);
}

TEST_CASE("flags are joined from all bytes that carry bits", "[sync][message]") {
  CHECK_FALSE(decode("4200000000").value().flags.has_value());
  CHECK(decode("420000000000").value().flags == 0);
  CHECK(decode("42000000000102").value().flags == 0);
  CHECK(decode("420000000003028184").value().flags == 5);
  CHECK(decode("4200000000020284ffff").value().flags == 4);
}

TEST_CASE("heads come out sorted and unique", "[sync][message]") {
  const auto message = decode("4203" + kHash + kOther + kHash + "000000").value();
  REQUIRE(message.heads.size() == 2);
  CHECK(message.heads[0].to_hex() == kOther);
}

TEST_CASE("malformed messages are rejected", "[sync][message]") {
  CHECK(code_of("") == ErrorCode::kTruncated);
  CHECK(code_of("44") == ErrorCode::kUnsupported);
  CHECK(code_of("42") == ErrorCode::kTruncated);
  CHECK(code_of("4201" + kHash.substr(2)) == ErrorCode::kTruncated);
  CHECK(code_of("42ffffffffffffffffff01") == ErrorCode::kTruncated);
  CHECK(code_of("4200ffffffff7f") == ErrorCode::kTruncated);
  CHECK(code_of("420000") == ErrorCode::kTruncated);
  CHECK(code_of("42000001") == ErrorCode::kTruncated);
  CHECK(code_of("4200000100030a") == ErrorCode::kTruncated);
  CHECK(code_of("42000000ffffffff7f") == ErrorCode::kTruncated);
  CHECK(code_of("420000000105") == ErrorCode::kTruncated);
  CHECK(code_of("42000000008100") == ErrorCode::kCorrupt);
  CHECK(code_of("420000000005") == ErrorCode::kTruncated);
  CHECK(code_of("428000") == ErrorCode::kCorrupt);
  CHECK(code_of("4200000100030100070000") == ErrorCode::kCorrupt);
}

TEST_CASE("the number of statements in a message is bounded", "[sync][message]") {
  static_assert(limits::kSyncHavesMax == 64);
  std::string haves;
  for (std::size_t i = 0; i < limits::kSyncHavesMax; ++i) haves += "0000";
  CHECK(decode("42000040" + haves + "00").has_value());
  CHECK(code_of("42000041" + haves + "000000") == ErrorCode::kLimitExceeded);
}

TEST_CASE("the kept state is the shared heads", "[sync][state]") {
  const auto state = sync::State::decode(*from_hex("4301" + kHash)).value();
  REQUIRE(state.shared_heads.size() == 1);
  CHECK(state.their_have.has_value());
  CHECK(state.their_have->empty());
  CHECK_FALSE(state.their_heads.has_value());
  CHECK(to_hex(state.encode()) == "4301" + kHash);
  CHECK(to_hex(sync::State().encode()) == "4300");
}

TEST_CASE("malformed kept states are rejected", "[sync][state]") {
  const auto code = [](const std::string& hex) {
    const auto state = sync::State::decode(*from_hex(hex));
    REQUIRE_FALSE(state.has_value());
    return state.error().code;
  };
  CHECK(code("") == ErrorCode::kTruncated);
  CHECK(code("42") == ErrorCode::kUnsupported);
  CHECK(code("43") == ErrorCode::kTruncated);
  CHECK(code("4301") == ErrorCode::kTruncated);
  CHECK(code("430000") == ErrorCode::kCorrupt);
  CHECK(code("43ffffffffffffffffff01") == ErrorCode::kTruncated);
}
