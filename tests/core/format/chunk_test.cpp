#include "core/format/chunk.h"

#include "core/format/change.h"
#include "tests/core/format/golden.h"

#include <catch2/catch.hpp>

using namespace converge;
using namespace converge::testing;
using format::ChunkStream;

namespace {

Bytes joined(std::initializer_list<const char*> chunks) {
  std::string hex;
  for (const char* chunk : chunks) hex += chunk;
  return *from_hex(hex);
}

Error error_of(const Bytes& bytes) {
  ChunkStream stream(bytes);
  for (;;) {
    const auto chunk = stream.next();
    if (!chunk) return chunk.error();
    REQUIRE(chunk->has_value());
  }
}

}  // namespace

TEST_CASE("a stream is walked chunk by chunk", "[format][chunk]") {
  const Bytes bytes = joined({golden::kMapDocument, golden::kMapChange, golden::kBundle});
  ChunkStream stream(bytes);
  const auto first = stream.next().value().value();
  CHECK(first.type == format::ChunkType::kDocument);
  CHECK(first.offset == 0);
  const auto second = stream.next().value().value();
  CHECK(second.type == format::ChunkType::kChange);
  CHECK(second.index == 1);
  CHECK(second.offset == 106);
  CHECK(second.whole.size() == 43);
  CHECK(second.digest.to_hex() == golden::kMapChangeHash);
  CHECK(stream.next().value().value().type == format::ChunkType::kBundle);
  CHECK_FALSE(stream.next().value().has_value());
}

TEST_CASE("no bytes are no chunks", "[format][chunk]") {
  ChunkStream stream({});
  CHECK_FALSE(stream.next().value().has_value());
}

TEST_CASE("a bad chunk is named with its place, and the good prefix is known", "[format][chunk]") {
  const Bytes bytes = joined({golden::kMapChange, "7a7a"});
  ChunkStream stream(bytes);
  CHECK(stream.next().has_value());
  const auto bad = stream.next();
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().code == ErrorCode::kTruncated);
  CHECK(bad.error().message == "chunk 1 at byte 43: ends in its header");
  CHECK(stream.position() == 43);
}

TEST_CASE("faults of the container have their own errors", "[format][chunk]") {
  Bytes bytes = joined({golden::kMapChange});
  SECTION("magic") {
    bytes[3] = std::byte{0x84};
    CHECK(error_of(bytes).code == ErrorCode::kCorrupt);
  }
  SECTION("checksum") {
    bytes[4] ^= std::byte{1};
    CHECK(error_of(bytes).message == "chunk 0 at byte 0: checksum does not match");
  }
  SECTION("a changed body") {
    bytes.back() ^= std::byte{1};
    CHECK(error_of(bytes).code == ErrorCode::kCorrupt);
  }
  SECTION("type") {
    bytes[8] = std::byte{4};
    CHECK(error_of(bytes).code == ErrorCode::kUnsupported);
  }
  SECTION("cut body") {
    bytes.pop_back();
    CHECK(error_of(bytes).code == ErrorCode::kTruncated);
  }
  SECTION("overlong length") {
    bytes[9] = std::byte{0xa1};
    bytes.insert(bytes.begin() + 10, std::byte{0});
    CHECK(error_of(bytes).code == ErrorCode::kCorrupt);
  }
  SECTION("length beyond the input") {
    bytes = *from_hex("856f4a830000000001ffffffffffffffffff01");
    CHECK(error_of(bytes).code == ErrorCode::kTruncated);
  }
}

TEST_CASE("a single change must be one change chunk and nothing else", "[format][chunk]") {
  CHECK(format::decode_change(joined({golden::kMapChange})).has_value());
  CHECK_FALSE(format::decode_change(Bytes{}).has_value());
  CHECK_FALSE(format::decode_change(joined({golden::kMapDocument})).has_value());
  CHECK_FALSE(format::decode_change(joined({golden::kMapChange, golden::kMapChange})).has_value());
}

TEST_CASE("a compressed change is checked after inflating", "[format][chunk]") {
  auto change = format::decode_change(joined({golden::kBaseChange})).value();
  const std::string message(400, 'm');
  change.message = message;
  REQUIRE(format::seal_change(change).has_value());
  Bytes packed = format::change_chunk(change, true);
  REQUIRE(packed[8] == std::byte{2});
  SECTION("wrong checksum") {
    packed[4] ^= std::byte{1};
    CHECK(format::decode_change(packed).error().code == ErrorCode::kCorrupt);
  }
  SECTION("not DEFLATE") {
    packed.back() = std::byte{0xff};
    packed[12] = std::byte{0xff};
    CHECK_FALSE(format::decode_change(packed).has_value());
  }
}
