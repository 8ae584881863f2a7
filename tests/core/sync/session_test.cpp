#include "core/engine/document.h"
#include "core/sync/state.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <string>

using namespace converge;

namespace {

struct Peer {
  explicit Peer(const char* actor) : document(ActorId::from_hex(actor).value()) {}

  void put(const std::string& key, std::int64_t value) {
    auto transaction = document.transact();
    REQUIRE(transaction.put(model::kRoot, key, Scalar::integer(value)).has_value());
    REQUIRE(transaction.commit().has_value());
  }

  engine::Document document;
  sync::State state;
};

// One message from a to b, through bytes; false when a has nothing to say.
bool send(Peer& a, Peer& b) {
  const auto message = sync::generate(a.document, a.state);
  if (!message) return false;
  const auto received = sync::decode_message(sync::encode_message(*message));
  REQUIRE(received.has_value());
  REQUIRE(*received == *message);
  const auto report = sync::receive(b.document, b.state, *received);
  REQUIRE(report.has_value());
  return true;
}

// Until both are silent; the number of messages.
int talk(Peer& a, Peer& b) {
  int messages = 0;
  for (;;) {
    const bool first = send(a, b);
    const bool second = send(b, a);
    messages += (first ? 1 : 0) + (second ? 1 : 0);
    if (!first && !second) return messages;
    REQUIRE(messages < 100);
  }
}

void reconnect(Peer& peer) { peer.state = sync::State::decode(peer.state.encode()).value(); }

}  // namespace

TEST_CASE("an empty peer gets everything", "[sync][session]") {
  Peer a("aa");
  Peer b("bb");
  a.put("x", 1);
  a.put("y", 2);

  const int messages = talk(a, b);

  CHECK(a.document.heads() == b.document.heads());
  CHECK(messages <= 5);
  CHECK(sync::peer_has_everything(a.document, a.state));
  CHECK(sync::peer_has_everything(b.document, b.state));
}

TEST_CASE("peers that read bundles exchange the same in fewer bytes", "[sync][session]") {
  const auto bytes_exchanged = [](bool bundles) {
    Peer a("aa");
    Peer b("bb");
    for (int i = 0; i < 400; ++i) a.put("common", i);
    talk(a, b);
    for (int i = 0; i < 50; ++i) {
      a.put("a" + std::to_string(i % 5), i);
      b.put("b" + std::to_string(i % 5), i);
    }
    reconnect(a);
    reconnect(b);
    a.state.peer_reads_bundles = b.state.peer_reads_bundles = bundles;
    std::size_t bytes = 0;
    for (bool more = true; more;) {
      more = false;
      for (const auto& [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
        const auto message = sync::generate(from->document, from->state);
        if (!message) continue;
        more = true;
        const Bytes sent = sync::encode_message(*message);
        bytes += sent.size();
        REQUIRE(sync::receive(to->document, to->state, *sync::decode_message(sent)).has_value());
      }
    }
    CHECK(a.document.heads() == b.document.heads());
    CHECK(a.document.change_count() == 500);
    return bytes;
  };
  CHECK(bytes_exchanged(true) * 5 < bytes_exchanged(false));
}

TEST_CASE("peers in step are silent until something happens", "[sync][session]") {
  Peer a("aa");
  Peer b("bb");
  a.put("x", 1);
  talk(a, b);
  CHECK(talk(a, b) == 0);

  b.put("x", 2);
  CHECK_FALSE(sync::peer_has_everything(b.document, b.state));
  CHECK(talk(a, b) > 0);
  CHECK(a.document.heads() == b.document.heads());
  CHECK(talk(a, b) == 0);
}

TEST_CASE("a reconnect with kept state costs little and loses nothing", "[sync][session]") {
  Peer a("aa");
  Peer b("bb");
  for (int i = 0; i < 50; ++i) a.put("k", i);
  talk(a, b);
  a.put("k", 100);
  b.put("j", 200);
  reconnect(a);
  reconnect(b);

  const auto first = sync::generate(a.document, a.state);
  REQUIRE(first.has_value());
  CHECK(sync::encode_message(*first).size() < 150);
  a.state = sync::State::decode(a.state.encode()).value();

  talk(a, b);
  CHECK(a.document.heads() == b.document.heads());
}

TEST_CASE("a peer that lost its document gets it again", "[sync][session]") {
  Peer a("aa");
  Peer b("bb");
  for (int i = 0; i < 10; ++i) a.put("k", i);
  talk(a, b);
  const Heads heads = a.document.heads();
  b.document = engine::Document(ActorId::from_hex("bb").value());
  reconnect(a);
  reconnect(b);

  talk(a, b);

  CHECK(b.document.heads() == heads);
}

TEST_CASE("a read-only side applies nothing until it is no longer", "[sync][session]") {
  Peer a("aa");
  Peer b("bb");
  a.put("x", 1);
  b.put("y", 2);
  b.state.set_read_only(true);
  const Heads before = b.document.heads();

  talk(a, b);
  CHECK(b.document.heads() == before);
  CHECK(a.document.change_count() == 2);
  CHECK(a.state.peer_read_only);

  b.state.set_read_only(false);
  CHECK(b.state.needs_reset);
  talk(a, b);
  CHECK(a.document.heads() == b.document.heads());
  CHECK_FALSE(a.state.peer_read_only);
}

TEST_CASE("a message with a damaged change is an error and the session goes on",
          "[sync][session]") {
  Peer a("aa");
  Peer b("bb");
  a.put("x", 1);
  talk(a, b);
  b.put("x", 2);

  auto message = sync::generate(b.document, b.state);
  REQUIRE(message.has_value());
  REQUIRE(message->changes.size() == 1);
  message->changes[0].back() ^= std::byte{1};
  const Heads before = a.document.heads();
  CHECK_FALSE(sync::receive(a.document, a.state, *message).has_value());
  CHECK(a.document.heads() == before);

  reconnect(a);
  reconnect(b);
  talk(a, b);
  CHECK(a.document.heads() == b.document.heads());
}

TEST_CASE("any two histories come together", "[sync][session][property]") {
  rc::prop("with changes and reconnects between messages", [] {
    Peer a("aa");
    Peer b("bb");
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 7));
    int value = 0;
    for (const int step : steps) {
      switch (step) {
        case 0:
        case 1:
          a.put(std::to_string(step), ++value);
          break;
        case 2:
        case 3:
          b.put(std::to_string(step), ++value);
          break;
        case 4:
          send(a, b);
          break;
        case 5:
          send(b, a);
          break;
        default:
          reconnect(a);
          reconnect(b);
      }
    }
    reconnect(a);
    reconnect(b);
    talk(a, b);
    RC_ASSERT(a.document.heads() == b.document.heads());
    RC_ASSERT(sync::peer_has_everything(a.document, a.state));
    RC_ASSERT(talk(a, b) == 0);
  });
}
