#include "agent/session/connection_session.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace converge::session {
namespace {

using namespace std::chrono_literals;

/// One session fed by hand, with a clock that moves when told.
struct Bench {
  PeerRegistry registry{"server-1"};
  EphemeralFilter ephemerals;
  Time now{};
  std::vector<SessionAction> done;

  ConnectionSession make(ConnectionSession::Options options) {
    return ConnectionSession(std::move(options), registry, ephemerals);
  }
  ConnectionSession make_server(std::uint64_t connection = 1) {
    return make({.role = Role::kServer,
                 .connection = ConnectionId{connection},
                 .metadata = {.storage_id = "store", .ephemeral = false}});
  }
  ConnectionSession joined(const std::string& peer, std::uint64_t connection = 1) {
    auto session = make_server(connection);
    session.opened(now);
    feed(session, Join{.sender = peer});
    REQUIRE(session.is_up());
    session.take_actions();
    return session;
  }
  void feed(ConnectionSession& session, const Message& message) {
    session.received(encode_message(message), true, now);
  }
};

template <class T>
std::vector<T> all(const std::vector<SessionAction>& actions) {
  std::vector<T> out;
  for (const auto& a : actions) {
    if (const auto* t = std::get_if<T>(&a)) out.push_back(*t);
  }
  return out;
}

template <class T>
T only(const std::vector<SessionAction>& actions) {
  const auto found = all<T>(actions);
  REQUIRE(found.size() == 1);
  return found.front();
}

Message sent(const action::SendFrame& frame) {
  auto message = decode_message(frame.frame);
  REQUIRE(message);
  return *message;
}

Sync a_sync(const std::string& sender) {
  return Sync{
      .sender = sender, .target = "server-1", .document = {}, .data = to_bytes(as_bytes("B"))};
}

Ephemeral an_ephemeral(const std::string& author, std::uint64_t count) {
  return Ephemeral{author, "server-1", DocumentId{}, "session", count, to_bytes(as_bytes("x"))};
}

}  // namespace

TEST_CASE("a server answers join with peer and reports the peer", "[session]") {
  Bench bench;
  auto session = bench.make_server();
  session.opened(bench.now);
  CHECK(session.take_actions().empty());

  bench.feed(session, Join{.sender = "alice", .metadata = {.storage_id = "s", .ephemeral = false}});

  const auto actions = session.take_actions();
  REQUIRE(actions.size() == 2);
  const auto peer = std::get<Peer>(sent(std::get<action::SendFrame>(actions[0])));
  CHECK(peer.sender == "server-1");
  CHECK(peer.target == "alice");
  CHECK(peer.version == "1");
  CHECK(peer.metadata.storage_id == "store");
  const auto info = std::get<action::PeerUp>(actions[1]).peer;
  CHECK(info.peer_id == "alice");
  CHECK(info.is_persistent());
  CHECK(session.is_up());
}

TEST_CASE("a client joins and reports the peer when it is answered", "[session]") {
  Bench bench;
  auto session = bench.make({.role = Role::kClient,
                             .connection = ConnectionId{7},
                             .metadata = {.extension = Extension{.invite = "token"}},
                             .dialled = "hub"});
  session.opened(bench.now);
  const auto join = std::get<Join>(sent(only<action::SendFrame>(session.take_actions())));
  CHECK(join.sender == "server-1");
  CHECK(join.versions == std::vector<std::string>{"1"});
  REQUIRE(join.metadata.extension);
  CHECK(join.metadata.extension->invite == "token");

  SECTION("with everything") { bench.feed(session, Peer{.sender = "hub-1", .target = "server-1"}); }
  SECTION("with type and sender alone") {
    const auto bytes = from_hex(
        "a264747970656470656572687365"
        "6e6465724964656875622d31");
    session.received(*bytes, true, bench.now);
  }
  const auto up = only<action::PeerUp>(session.take_actions());
  CHECK(up.peer.peer_id == "hub-1");
  CHECK(up.peer.dialled == "hub");
  CHECK_FALSE(up.peer.is_persistent());
}

TEST_CASE("a join of another protocol version is refused with an error", "[session]") {
  Bench bench;
  auto session = bench.make_server();
  session.opened(bench.now);

  bench.feed(session, Join{.sender = "alice", .versions = {"2"}});

  const auto actions = session.take_actions();
  const auto error = std::get<ErrorMessage>(sent(only<action::SendFrame>(actions)));
  CHECK(error.message == "unsupported protocol version");
  CHECK(error.target == "alice");
  CHECK(all<action::Close>(actions).size() == 1);
  CHECK(all<action::PeerUp>(actions).empty());
  CHECK(bench.registry.size() == 0);
}

TEST_CASE("a peer can be refused by policy with its own close code", "[session]") {
  Bench bench;
  auto session = bench.make(
      {.connection = ConnectionId{1}, .refuse = [](const PeerInfo& peer) -> std::optional<Refusal> {
         if (peer.peer_id == "alice") return std::nullopt;
         return Refusal{CloseCode::kUnauthenticated, "who are you"};
       }});
  session.opened(bench.now);

  bench.feed(session, Join{.sender = "mallory"});

  const auto actions = session.take_actions();
  CHECK(std::get<ErrorMessage>(sent(only<action::SendFrame>(actions))).message == "who are you");
  CHECK(only<action::Close>(actions).code == CloseCode::kUnauthenticated);
  CHECK(session.is_closing());
}

TEST_CASE("messages before join are dropped, and silence closes the connection", "[session]") {
  Bench bench;
  auto session = bench.make_server();
  session.opened(bench.now);

  bench.feed(session, a_sync("alice"));
  bench.feed(session, an_ephemeral("alice", 1));
  CHECK(session.take_actions().empty());
  CHECK(session.counters().dropped_before_join == 2);

  CHECK(session.next_deadline() == bench.now + 10s);
  session.tick(bench.now + 9999ms);
  CHECK(session.take_actions().empty());
  session.tick(bench.now + 10s);
  CHECK(only<action::Close>(session.take_actions()).reason == "no join in time");
}

TEST_CASE("a client gives up on a server that never answers", "[session]") {
  Bench bench;
  auto session = bench.make({.role = Role::kClient, .connection = ConnectionId{1}});
  session.opened(bench.now);
  session.take_actions();
  bench.feed(session, a_sync("hub"));
  session.tick(bench.now + 10s);
  CHECK(only<action::Close>(session.take_actions()).reason == "no peer in time");
}

TEST_CASE("out-of-order handshake messages", "[session]") {
  Bench bench;
  SECTION("a second join closes") {
    auto session = bench.joined("alice");
    bench.feed(session, Join{.sender = "alice"});
    const auto actions = session.take_actions();
    CHECK(only<action::Close>(actions).code == CloseCode::kProtocolError);
    CHECK(all<action::PeerDown>(actions).size() == 1);
    CHECK(bench.registry.size() == 0);
  }
  SECTION("a server ignores peer") {
    auto session = bench.joined("alice");
    bench.feed(session, Peer{.sender = "alice"});
    CHECK(session.take_actions().empty());
  }
  SECTION("a server closes on error") {
    auto session = bench.joined("alice");
    bench.feed(session, ErrorMessage{"alice", "server-1", "I am lost"});
    const auto actions = session.take_actions();
    CHECK(only<action::RefusedByPeer>(actions).message == "I am lost");
    CHECK(all<action::Close>(actions).size() == 1);
  }
  SECTION("a client hears why it is refused, before the handshake") {
    auto session = bench.make({.role = Role::kClient, .connection = ConnectionId{1}});
    session.opened(bench.now);
    session.take_actions();
    bench.feed(session, ErrorMessage{"", "", "go away"});
    CHECK(only<action::RefusedByPeer>(session.take_actions()).message == "go away");
  }
  SECTION("a client ignores join") {
    auto session = bench.make({.role = Role::kClient, .connection = ConnectionId{1}});
    session.opened(bench.now);
    session.take_actions();
    bench.feed(session, Join{.sender = "x"});
    CHECK(session.take_actions().empty());
  }
  SECTION("our own id is refused") {
    auto session = bench.make_server();
    session.opened(bench.now);
    bench.feed(session, Join{.sender = "server-1"});
    const auto actions = session.take_actions();
    CHECK(std::holds_alternative<ErrorMessage>(sent(only<action::SendFrame>(actions))));
    CHECK(all<action::Close>(actions).size() == 1);
  }
  SECTION("leave ends the session") {
    auto session = bench.joined("alice");
    bench.feed(session, Leave{"alice"});
    CHECK(only<action::Close>(session.take_actions()).code == CloseCode::kNormal);
  }
}

TEST_CASE("broken frames close with the code that says why", "[session]") {
  Bench bench;
  const auto close_code = [&](const char* hex_text, bool is_binary) {
    auto session = bench.joined("alice");
    session.received(*from_hex(hex_text), is_binary, bench.now);
    const auto code = only<action::Close>(session.take_actions()).code;
    session.received(*from_hex("a0"), true, bench.now);  // nothing is heard afterwards
    CHECK(session.take_actions().empty());
    return code;
  };
  CHECK(close_code("a0", false) == CloseCode::kUnsupportedData);
  CHECK(close_code("", true) == CloseCode::kProtocolError);
  CHECK(close_code("f6", true) == CloseCode::kProtocolError);
  CHECK(close_code("05", true) == CloseCode::kProtocolError);
  CHECK(close_code("a000", true) == CloseCode::kProtocolError);

  auto session = bench.joined("alice");
  session.received_oversized(bench.now);
  CHECK(only<action::Close>(session.take_actions()).code == CloseCode::kTooBig);
}

TEST_CASE("sync messages over the limit close with 1009", "[session]") {
  Bench bench;
  auto session = bench.make({.connection = ConnectionId{1}, .sync_bytes_max = 100});
  session.opened(bench.now);
  bench.feed(session, Join{.sender = "alice"});
  session.take_actions();

  auto sync = a_sync("alice");
  sync.data.resize(100);
  bench.feed(session, sync);
  CHECK(only<action::Deliver>(session.take_actions()).message == DocumentMessage(sync));
  sync.data.resize(101);
  bench.feed(session, sync);
  CHECK(only<action::Close>(session.take_actions()).code == CloseCode::kTooBig);
}

TEST_CASE("document messages are delivered, forged ones counted and dropped", "[session]") {
  Bench bench;
  auto session = bench.joined("alice");

  bench.feed(session, a_sync("alice"));
  CHECK(only<action::Deliver>(session.take_actions()).message == DocumentMessage(a_sync("alice")));
  bench.feed(session, DocUnavailable{"alice", "server-1", {}});
  CHECK(all<action::Deliver>(session.take_actions()).size() == 1);

  bench.feed(session, a_sync("bob"));
  bench.feed(session, DocUnavailable{"bob", "server-1", {}});
  bench.feed(session, RemoteSubscriptionChange{"alice", "server-1", {"x"}, {}});
  CHECK(session.take_actions().empty());
  CHECK(session.counters().dropped_forged_sender == 2);
  CHECK(session.is_up());
}

TEST_CASE("what is sent carries our id and the peer's", "[session]") {
  Bench bench;
  auto session = bench.joined("alice");

  session.send(Sync{.request = true, .document = {}, .data = to_bytes(as_bytes("B"))}, bench.now);
  session.send(DocUnavailable{}, bench.now);
  session.send(an_ephemeral("carol", 3), bench.now);

  const auto frames = all<action::SendFrame>(session.take_actions());
  REQUIRE(frames.size() == 3);
  const auto sync = std::get<Sync>(sent(frames[0]));
  CHECK(sync.request);
  CHECK(sync.sender == "server-1");
  CHECK(sync.target == "alice");
  CHECK(std::get<DocUnavailable>(sent(frames[1])).sender == "server-1");
  const auto ephemeral = std::get<Ephemeral>(sent(frames[2]));
  CHECK(ephemeral.sender == "carol");
  CHECK(ephemeral.target == "alice");
}

TEST_CASE("an ephemeral passes once across all connections and its echo dies", "[session]") {
  Bench bench;
  auto alice = bench.joined("alice", 1);
  auto bob = bench.joined("bob", 2);

  bench.feed(alice, an_ephemeral("alice", 1));
  CHECK(all<action::Deliver>(alice.take_actions()).size() == 1);

  // Bob's client sends the relayed message straight back.
  bench.feed(bob, an_ephemeral("alice", 1));
  CHECK(bob.take_actions().empty());
  CHECK(bob.is_up());

  // Our own come back as well.
  bob.send(an_ephemeral("server-1", 1), bench.now);
  alice.send(an_ephemeral("server-1", 1), bench.now);
  CHECK(all<action::SendFrame>(bob.take_actions()).size() == 1);
  CHECK(all<action::SendFrame>(alice.take_actions()).size() == 1);
  bench.feed(bob, an_ephemeral("server-1", 1));
  CHECK(bob.take_actions().empty());
}

TEST_CASE("ephemerals are bounded in size and rate, silently", "[session]") {
  Bench bench;
  auto session = bench.joined("alice");
  auto big = an_ephemeral("alice", 1);
  big.data.resize(64 * 1024 + 1);
  bench.feed(session, big);
  CHECK(session.take_actions().empty());
  big.data.resize(64 * 1024);
  bench.feed(session, big);
  CHECK(all<action::Deliver>(session.take_actions()).size() == 1);

  for (std::uint64_t count = 2; count < 500; ++count) {
    bench.feed(session, an_ephemeral("alice", count));
  }
  const auto delivered = all<action::Deliver>(session.take_actions()).size();
  CHECK(delivered == 199);
  bench.now += 1s;
  bench.feed(session, an_ephemeral("alice", 1000));
  CHECK(all<action::Deliver>(session.take_actions()).size() == 1);
}

TEST_CASE("a flood pauses reading instead of losing messages", "[session]") {
  Bench bench;
  auto session =
      bench.make({.connection = ConnectionId{1}, .messages_per_second = 10, .messages_burst = 5});
  session.opened(bench.now);
  bench.feed(session, Join{.sender = "alice"});
  session.take_actions();

  for (int i = 0; i < 4; ++i) bench.feed(session, a_sync("alice"));
  CHECK(all<action::PauseReading>(session.take_actions()).empty());
  bench.feed(session, a_sync("alice"));
  const auto actions = session.take_actions();
  CHECK(all<action::Deliver>(actions).size() == 1);
  CHECK(only<action::PauseReading>(actions).until == bench.now + 100ms);
}

TEST_CASE("an idle connection is pinged, a dead one terminated", "[session]") {
  Bench bench;
  auto session = bench.joined("alice");

  CHECK(session.next_deadline() == bench.now + 10s);
  session.tick(bench.now + 10s);
  CHECK(all<action::SendPing>(session.take_actions()).size() == 1);
  session.alive(bench.now + 11s);
  session.tick(bench.now + 20s);
  session.tick(bench.now + 30s);
  session.tick(bench.now + 40s);
  session.tick(bench.now + 50s);
  CHECK(all<action::SendPing>(session.take_actions()).size() == 4);

  session.tick(bench.now + 56s);
  const auto actions = session.take_actions();
  CHECK(all<action::Terminate>(actions).size() == 1);
  CHECK(all<action::PeerDown>(actions).size() == 1);
  CHECK(bench.registry.size() == 0);
}

TEST_CASE("a second connection of a peer displaces the first before it comes up", "[session]") {
  Bench bench;
  auto first = bench.joined("alice", 1);
  auto second = bench.make_server(2);
  second.opened(bench.now);

  bench.feed(second, Join{.sender = "alice"});

  const auto actions = second.take_actions();
  REQUIRE(actions.size() == 3);
  CHECK(std::holds_alternative<action::SendFrame>(actions[0]));
  CHECK(std::get<action::Displace>(actions[1]).connection == ConnectionId{1});
  CHECK(std::holds_alternative<action::PeerUp>(actions[2]));
  first.displaced();
  CHECK(all<action::PeerDown>(first.take_actions()).size() == 1);
  first.disconnected();
  CHECK(first.take_actions().empty());
  CHECK(bench.registry.find("alice") == ConnectionId{2});
}

TEST_CASE("the end of the socket is reported once, and only for a peer", "[session]") {
  Bench bench;
  auto joined = bench.joined("alice");
  joined.disconnected();
  CHECK(all<action::PeerDown>(joined.take_actions()).size() == 1);
  joined.disconnected();
  CHECK(joined.take_actions().empty());

  auto unjoined = bench.make_server(2);
  unjoined.opened(bench.now);
  unjoined.disconnected();
  CHECK(unjoined.take_actions().empty());
}

TEST_CASE("closing with an explanation sends error first", "[session]") {
  Bench bench;
  auto session = bench.joined("alice");
  session.close(CloseCode::kGoingAway, "stopping", "the agent stops");
  const auto actions = session.take_actions();
  REQUIRE(actions.size() == 3);
  CHECK(std::get<ErrorMessage>(sent(std::get<action::SendFrame>(actions[0]))).message ==
        "the agent stops");
  CHECK(std::holds_alternative<action::PeerDown>(actions[1]));
  CHECK(std::get<action::Close>(actions[2]).code == CloseCode::kGoingAway);
  session.send(DocUnavailable{}, bench.now);
  CHECK(session.take_actions().empty());
}

TEST_CASE("only members learn the catalog", "[session]") {
  Bench bench;
  ConnectionSession::Options options{.role = Role::kServer,
                                     .connection = ConnectionId{1},
                                     .metadata = {.storage_id = "store", .ephemeral = false}};
  options.metadata.extension = Extension{.capabilities = {"digest"}, .catalog = "the catalog"};
  options.is_member = [](const PeerInfo& info) { return info.peer_id == "member"; };
  const auto answer_to = [&](const std::string& peer) {
    auto session = bench.make(options);
    session.opened(bench.now);
    bench.feed(session, Join{.sender = peer});
    return std::get<Peer>(sent(only<action::SendFrame>(session.take_actions())));
  };

  CHECK(answer_to("member").metadata == options.metadata);
  const auto told = answer_to("stranger").metadata;
  CHECK_FALSE(told.extension->catalog);
  CHECK(told.extension->capabilities == std::vector<std::string>{"digest"});
}

}  // namespace converge::session
