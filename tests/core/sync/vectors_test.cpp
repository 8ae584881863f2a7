#include "tests/core/format/vectors.h"

#include "core/engine/document.h"
#include "core/format/chunk.h"
#include "core/format/document.h"
#include "core/sync/state.h"

#include <catch2/catch.hpp>

#include <array>

/// Sessions recorded from the reference implementation: fed the same events, our side must say the
/// same and be silent where it was.
using namespace converge;
using converge::testing::bytes_of;
using converge::testing::read_vectors;

namespace {

struct Side {
  engine::Document document{ActorId::from_hex("ee").value()};
  sync::State state;
};

// DEFLATE output differs between compressors, so document chunks are compared inflated.
Bytes without_deflate(const Bytes& chunks) {
  Bytes out;
  format::ChunkStream stream(chunks);
  for (;;) {
    const auto chunk = stream.next();
    REQUIRE(chunk.has_value());
    if (!*chunk) return out;
    Bytes bytes = to_bytes((*chunk)->whole);
    if ((*chunk)->type == format::ChunkType::kDocument) {
      bytes = format::encode_document(format::decode_document((*chunk)->body).value(), {false});
    }
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
}

std::string comparable(const Bytes& bytes) {
  auto message = sync::decode_message(bytes);
  REQUIRE(message.has_value());
  if (message->version == sync::Message::Version::kV2) {
    for (Bytes& change : message->changes) change = without_deflate(change);
  }
  return to_hex(sync::encode_message(*message));
}

void check_generated(Side& side, const nlohmann::json& expected) {
  const auto message = sync::generate(side.document, side.state);
  REQUIRE(message.has_value() == !expected.is_null());
  if (!message) return;
  const Bytes bytes = sync::encode_message(*message);
  const Bytes wanted = bytes_of(expected);
  if (bytes == wanted) return;
  REQUIRE(comparable(bytes) == comparable(wanted));
}

void replay(std::array<Side, 2>& sides, const nlohmann::json& event) {
  Side& side = sides[event.at("who").get<std::size_t>()];
  const auto kind = event.at("ev").get<std::string>();
  if (kind == "change") {
    const auto report = side.document.apply_changes({bytes_of(event.at("bytes"))});
    INFO((report ? std::string("ok") : report.error().message));
    REQUIRE(report.has_value());
  } else if (kind == "gen") {
    check_generated(side, event.at("bytes"));
  } else if (kind == "recv") {
    const auto message = sync::decode_message(bytes_of(event.at("bytes")));
    REQUIRE(message.has_value());
    const auto report = sync::receive(side.document, side.state, *message);
    INFO((report ? std::string("ok") : report.error().message));
    REQUIRE(report.has_value());
  } else if (kind == "setroapi") {
    side.state.set_read_only(event.at("val"));
  } else if (kind == "setro") {  // JavaScript's plain state object: the flag and nothing else
    side.state.read_only = event.at("val");
  } else if (kind == "persist") {
    const Bytes kept = side.state.encode();
    REQUIRE(to_hex(kept) == event.at("bytes").get<std::string>());
    side.state = sync::State::decode(kept).value();
  } else if (kind == "lose") {
    side.document = engine::Document(ActorId::from_hex("ee").value());
  } else if (kind == "newstate") {
    side.state = sync::State();
  } else {
    FAIL("unknown event " << kind);
  }
}

}  // namespace

TEST_CASE("recorded sync sessions are reproduced message by message", "[sync][vectors]") {
  const char* name = GENERATE("sync", "sync2", "sync3");
  const auto lines = read_vectors(name);
  if (!lines) return;
  for (const auto& line : *lines) {
    std::array<Side, 2> sides;
    const auto& log = line.at("log");
    for (std::size_t i = 0; i < log.size(); ++i) {
      INFO(name << " t " << line.at("t") << " mode " << line.at("mode") << " event " << i << ": "
                << log[i].dump().substr(0, 300));
      replay(sides, log[i]);
    }
    for (std::size_t who = 0; who < 2; ++who) {
      std::vector<std::string> heads;
      for (const ChangeHash& head : sides[who].document.heads()) heads.push_back(head.to_hex());
      CHECK(heads == line.at("heads")[who].get<std::vector<std::string>>());
    }
  }
}
