#include "tests/core/format/vectors.h"

#include "core/format/bundle.h"
#include "core/format/change.h"
#include "core/format/document.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace converge;
using converge::testing::bytes_of;
using converge::testing::read_vectors;

TEST_CASE("every change of the conformance documents decodes and encodes to the same bytes",
          "[format][vectors]") {
  const auto lines = read_vectors("documents");
  if (!lines) return;
  std::size_t count = 0;
  for (const auto& line : *lines) {
    const auto& changes = line.at("changes");
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const Bytes chunk = bytes_of(changes[i]);
      const auto change = format::decode_change(chunk);
      INFO(line.at("name") << " change " << i << ": "
                           << (change ? std::string("ok") : change.error().message));
      REQUIRE(change.has_value());
      REQUIRE(change->hash.to_hex() == line.at("hashes")[i].get<std::string>());
      REQUIRE(format::encode_change_body(*change) == change->body);
      REQUIRE(format::change_chunk(*change) == chunk);
      const Bytes packed = format::change_chunk(*change, true);
      const auto unpacked = format::decode_change(packed);
      REQUIRE(unpacked.has_value());
      REQUIRE(unpacked->body == change->body);
      ++count;
    }
  }
  CHECK(count > 1000);
}

namespace {

model::Snapshot decode_whole(const Bytes& chunk_bytes) {
  format::ChunkStream stream(chunk_bytes);
  const auto chunk = stream.next();
  REQUIRE(chunk.has_value());
  REQUIRE(chunk->has_value());
  REQUIRE((*chunk)->type == format::ChunkType::kDocument);
  auto snapshot = format::decode_document((*chunk)->body);
  INFO((snapshot ? std::string("ok") : snapshot.error().message));
  REQUIRE(snapshot.has_value());
  return std::move(*snapshot);
}

}  // namespace

TEST_CASE("conformance documents load, verify and encode to the same bytes", "[format][vectors]") {
  const auto lines = read_vectors("documents");
  if (!lines) return;
  for (const auto& line : *lines) {
    INFO(line.at("name"));
    const Bytes plain = bytes_of(line.at("nocomp"));
    for (const char* form : {"nocomp", "comp"}) {
      const auto snapshot = decode_whole(bytes_of(line.at(form)));
      const auto& changes = line.at("changes");
      const auto hashes = format::for_each_change(
          snapshot, [&](std::uint32_t row, const ChangeHash& hash, ByteView body) {
            const Bytes expected = bytes_of(changes[row]);
            CHECK(format::write_chunk(format::ChunkType::kChange, body, hash) == expected);
          });
      INFO((hashes ? std::string("ok") : hashes.error().message));
      REQUIRE(hashes.has_value());
      REQUIRE(hashes->size() == line.at("hashes").size());
      for (std::size_t i = 0; i < hashes->size(); ++i) {
        REQUIRE((*hashes)[i].to_hex() == line.at("hashes")[i].get<std::string>());
      }
      REQUIRE(snapshot.heads.size() == line.at("heads").size());
      REQUIRE(format::encode_document(snapshot, {false}) == plain);
      REQUIRE(decode_whole(format::encode_document(snapshot, {true})).rows.size() ==
              snapshot.rows.size());
    }
  }
}

TEST_CASE("conformance bundles unpack to exactly the changes asked for", "[format][vectors]") {
  const auto lines = read_vectors("bundle");
  if (!lines) return;
  for (const auto& line : *lines) {
    INFO(line.at("f"));
    const Bytes bytes = bytes_of(line.at("b"));
    format::ChunkStream stream(bytes);
    const auto chunk = stream.next();
    REQUIRE(chunk.has_value());
    REQUIRE((*chunk)->type == format::ChunkType::kBundle);
    const auto changes = format::decode_bundle((*chunk)->body);
    INFO((changes ? std::string("ok") : changes.error().message));
    REQUIRE(changes.has_value());
    std::vector<std::string> got;
    for (const auto& change : *changes) got.push_back(change.hash.to_hex());
    auto expected = line.at("s").get<std::vector<std::string>>();
    std::sort(got.begin(), got.end());
    std::sort(expected.begin(), expected.end());
    CHECK(got == expected);
  }
}
