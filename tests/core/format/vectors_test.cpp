#include "tests/core/format/vectors.h"

#include "core/format/change.h"

#include <catch2/catch.hpp>

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
