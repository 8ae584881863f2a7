#include "tests/core/format/vectors.h"

#include "core/format/bundle.h"
#include "core/format/change.h"
#include "core/format/document.h"
#include "tests/core/format/decode.h"
#include "tests/support/shared_data.h"

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
  auto snapshot = converge::testing::decode_document_chunk(chunk_bytes);
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
    const auto again = format::decode_bundle(format::encode_bundle(*changes));
    REQUIRE(again.has_value());
    REQUIRE(again->size() == changes->size());
    for (std::size_t i = 0; i < again->size(); ++i) CHECK((*again)[i].hash == (*changes)[i].hash);
    auto expected = line.at("s").get<std::vector<std::string>>();
    std::sort(got.begin(), got.end());
    std::sort(expected.begin(), expected.end());
    CHECK(got == expected);
  }
}

TEST_CASE("documents written by other programs load and keep their heads", "[format][vectors]") {
  struct Case {
    const char* file;
    std::size_t changes;
    const char* head;
  };
  const auto c = GENERATE(values<Case>({
      {"A1.am", 956, "116c1726f3fd301aa2a1c27ee3143f69f4861d1b871b0c111ac24180d782536a"},
      {"C1.am", 93152, "d2e7fc614b4bfa02d9ae5d1a9154633aaee64660764f0f21e61b017e35540f7c"},
      {"S1.am", 2, "b5142a06ef85cbcba755031066e6df281bf30ae09f63386916d38cd37a73a779"},
      {"S3.am", 2, "aa16954447d79367f9a96a4307aff4ca9bc50c3ba03f7dc02240c28b5635c9a7"},
      {"monday-meeting-notes.automerge", 15529,
       "4d53581f5e329d51297ae2d2ddc99f28514ceb711a9436664da32426e3178d50"},
      {"webstraits.amrg", 305, "0d61e3b311f3ff2786adc3bfd3832426f1db4180eb34c001c2d1c2bc11b6e150"},
  }));
  const auto path = converge::testing::shared_data(std::string("data/documents/") + c.file);
  if (!path) return;
  INFO(c.file);
  const std::string bytes = converge::testing::read_file(*path);
  auto snapshot = decode_whole(to_bytes(as_bytes(bytes)));
  CHECK(snapshot.changes.size() == c.changes);

  std::size_t decoded = 0;
  const auto hashes =
      format::for_each_change(snapshot, [&](std::uint32_t, const ChangeHash& hash, ByteView body) {
        decoded += format::decode_change_body(to_bytes(body), hash).has_value() ? 1 : 0;
      });
  REQUIRE(hashes.has_value());
  CHECK(decoded == c.changes);
  format::set_heads(snapshot, *hashes);
  REQUIRE(snapshot.heads.size() == 1);
  CHECK(snapshot.heads[0].to_hex() == c.head);

  const Bytes plain = format::encode_document(snapshot, {false});
  const auto again = decode_whole(plain);
  CHECK(again.rows.size() == snapshot.rows.size());
  CHECK(format::encode_document(again, {false}) == plain);
  CHECK(format::for_each_change(again, {}).value() == *hashes);
}
