#include "agent/session/document_sync.h"

#include "core/sync/message.h"
#include "tests/agent/session/sync_node.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

namespace converge::session {
namespace {

using namespace std::chrono_literals;

sync::Message payload(const document_action::Send& send) {
  const auto& sync = std::get<Sync>(send.message);
  auto message = sync::decode_message(sync.data);
  REQUIRE(message);
  return *message;
}

DocumentMessage a_request() {
  // What every client sends for a document it does not have (repo-protocol 11.3).
  return Sync{.request = true, .data = *from_hex("42000001000000020284")};
}

DocumentMessage empty_sync() {
  // What stock servers send beside doc-unavailable (repo-protocol 11.4).
  return Sync{.data = *from_hex("43000001000001"
                                "0e856f4a83b81a9544000400000000"
                                "020284")};
}

Ephemeral an_ephemeral(const std::string& author) {
  return Ephemeral{author, "", DocumentId{}, "session", 1, to_bytes(as_bytes("x"))};
}

bool is_unavailable(const document_action::Send& send) {
  return std::holds_alternative<DocUnavailable>(send.message);
}

bool is_request(const document_action::Send& send) {
  const auto* sync = std::get_if<Sync>(&send.message);
  return sync != nullptr && sync->request;
}

}  // namespace

TEST_CASE("a document moves from a client through a server to another client", "[session]") {
  SyncNode server(0);
  SyncNode alice(1);
  SyncNode bob(2);
  SyncNetwork network({&server, &alice, &bob});
  alice.put("hello", "world");
  network.connect(0, 1, kServe, kAnnounce);
  network.connect(0, 2, kServe, kAnnounce);

  bob.sync.find_locally(bob.now);
  REQUIRE(network.settle());

  CHECK(server.heads() == alice.heads());
  CHECK(bob.heads() == alice.heads());
  CHECK(bob.settled_searches.back());

  const auto before = network.sent;
  bob.put("more", "x");
  REQUIRE(network.settle());
  CHECK(alice.heads() == bob.heads());
  CHECK(network.sent - before == 4);  // push and acknowledgement on each link
  for (const auto* node : {&server, &alice, &bob}) {
    for (const auto& status : node->sync.status()) CHECK(status.has_everything);
  }
}

TEST_CASE("a missing document is answered at once when there is nobody to ask", "[session]") {
  SyncNode server(0);
  server.up(1, kServe, "client");
  server.up(2, kServe, "idle client");
  server.receive(1, a_request());

  const auto sends = server.work();

  REQUIRE(sends.size() == 1);
  CHECK(sends[0].to == ConnectionId{1});
  CHECK(is_unavailable(sends[0]));

  SECTION("a repeated request gets a fresh answer") {
    server.receive(1, a_request());
    const auto again = server.work();
    REQUIRE(again.size() == 1);
    CHECK(is_unavailable(again[0]));
  }
  SECTION("a sync without heads is treated like a request") {
    server.receive(2, empty_sync());
    const auto again = server.work();
    REQUIRE(again.size() == 1);
    CHECK(is_unavailable(again[0]));
    CHECK(server.persisted.empty());
  }
  SECTION("when the document appears later it is sent unasked") {
    server.put("k", "v");
    const auto later = server.work();
    REQUIRE(later.size() == 1);
    CHECK(later[0].to == ConnectionId{1});
    CHECK(payload(later[0]).heads == server.heads());
  }
}

TEST_CASE("nothing is sent while the document is loading", "[session]") {
  SyncNode server(0, {.loading_messages_max = 2});
  server.put("k", "v");
  server.up(1, kServe, "client");
  server.sync.begin_loading();
  server.receive(1, a_request());
  CHECK(server.work().empty());
  CHECK_FALSE(server.sync.has_work());

  SECTION("then the messages that waited are answered in order") {
    server.sync.finish_loading(server.now);
    const auto sends = server.work();
    REQUIRE(sends.size() == 1);
    CHECK(payload(sends[0]).heads == server.heads());
  }
  SECTION("what does not fit the queue closes the connection") {
    server.receive(1, a_request());
    server.receive(1, a_request());
    CHECK(server.work().empty());
    CHECK(server.closed == std::vector{ConnectionId{1}});
  }
  SECTION("a connection that goes takes its messages along") {
    server.down(1);
    server.sync.finish_loading(server.now);
    CHECK(server.work().empty());
  }
}

TEST_CASE("a relay asks upstream and answers when the search settles", "[session]") {
  SyncNode relay(0);
  relay.up(1, kServe, "client");
  relay.up(2, kAnnounce, "upstream a");
  relay.up(3, kAnnounce, "upstream b");
  CHECK(relay.work().empty());
  relay.receive(1, a_request());
  const auto asked = relay.work();
  REQUIRE(asked.size() == 2);
  CHECK(is_request(asked[0]));
  CHECK(is_request(asked[1]));
  CHECK(asked[0].to == ConnectionId{2});

  SECTION("unavailable when every upstream says so") {
    relay.receive(2, empty_sync());
    relay.receive(2, DocUnavailable{});
    CHECK(relay.work().empty());
    relay.receive(3, DocUnavailable{});
    relay.receive(3, empty_sync());
    const auto sends = relay.work();
    REQUIRE(sends.size() == 1);
    CHECK(is_unavailable(sends[0]));
    CHECK(sends[0].to == ConnectionId{1});
  }
  SECTION("an upstream that is gone, asks us, or says nothing counts as not having it") {
    relay.down(2);
    CHECK(relay.work().empty());
    SECTION("asks us") {
      relay.receive(3, a_request());
      const auto sends = relay.work();
      REQUIRE(sends.size() == 2);
      CHECK(is_unavailable(sends[0]));
      CHECK(is_unavailable(sends[1]));
    }
    SECTION("says nothing") {
      REQUIRE(relay.sync.next_deadline() == relay.now + 15s);
      relay.now += 15s;
      relay.sync.tick(relay.now);
      const auto sends = relay.work();
      REQUIRE(sends.size() == 1);
      CHECK(is_unavailable(sends[0]));
    }
  }
  SECTION("delivered when one upstream has it") {
    SyncNode upstream(1);
    upstream.put("k", "v");
    upstream.up(2, kServe, "relay");
    upstream.receive(2, asked[0].message);
    for (int round = 0; round < 5; ++round) {
      for (auto& send : upstream.work()) relay.receive(2, send.message);
      for (auto& send : relay.work()) {
        if (send.to == ConnectionId{2}) upstream.receive(2, send.message);
        if (send.to == ConnectionId{1}) CHECK(payload(send).heads == upstream.heads());
      }
    }
    CHECK(relay.heads() == upstream.heads());
  }
}

TEST_CASE("whoever comes during a search takes part in it", "[session]") {
  SyncNode relay(0);
  relay.up(1, kServe, "client");
  relay.up(2, kAnnounce, "upstream");
  relay.receive(1, a_request());
  REQUIRE(relay.work().size() == 1);

  SECTION("a second requester waits for the same answer") {
    relay.up(4, kServe, "client two");
    relay.receive(4, a_request());
    CHECK(relay.work().empty());
    relay.receive(2, DocUnavailable{});
    CHECK(relay.work().size() == 2);
  }
  SECTION("a new upstream is asked as well") {
    relay.up(5, kAnnounce, "upstream two");
    const auto more = relay.work();
    REQUIRE(more.size() == 1);
    CHECK(is_request(more[0]));
    CHECK(more[0].to == ConnectionId{5});
    relay.receive(2, DocUnavailable{});
    CHECK(relay.work().empty());
    relay.receive(5, DocUnavailable{});
    CHECK(relay.work().size() == 1);
  }
}

TEST_CASE("wanters hear nothing before the supplier has delivered", "[session]") {
  SyncNode server(0);
  SyncNode supplier(1);
  supplier.put("k", "v");
  supplier.up(1, kAnnounce, "server");
  server.up(1, kServe, "supplier");
  server.up(2, kServe, "client");

  server.receive(1, supplier.work().at(0).message);  // heads, no changes yet
  server.receive(2, a_request());
  const auto asks = server.work();
  REQUIRE(asks.size() == 1);
  CHECK(asks[0].to == ConnectionId{1});
  CHECK(payload(asks[0]).need == supplier.heads());

  SECTION("and get the document then") {
    supplier.receive(1, asks[0].message);
    server.receive(1, supplier.work().at(0).message);
    const auto sends = server.work();
    REQUIRE(sends.size() == 2);  // acknowledgement, and the document to the client
    CHECK(payload(sends[1]).heads == supplier.heads());
  }
  SECTION("or that it is missing when the supplier goes") {
    server.down(1);
    const auto sends = server.work();
    REQUIRE(sends.size() == 1);
    CHECK(is_unavailable(sends[0]));
  }
  SECTION("or when it never delivers") {
    server.now += 15s;
    server.sync.tick(server.now);
    const auto sends = server.work();
    REQUIRE(sends.size() == 1);
    CHECK(is_unavailable(sends[0]));
  }
}

TEST_CASE("a document that may not be created is unavailable", "[session]") {
  SyncNode server(0);
  server.may_create = false;
  SyncNode client(1);
  client.put("k", "v");
  client.up(1, kAnnounce, "server");
  server.up(1, kServe, "client");
  server.receive(1, client.work().at(0).message);
  const auto sends = server.work();
  REQUIRE(sends.size() == 1);
  CHECK(is_unavailable(sends[0]));
}

TEST_CASE("access decides what a peer sees", "[session]") {
  SyncNode server(0);
  server.put("k", "v");
  server.up(1, {.announce = true, .access = false}, "client");
  CHECK(server.work().empty());
  server.receive(1, a_request());
  const auto denied = server.work();
  REQUIRE(denied.size() == 1);
  CHECK(is_unavailable(denied[0]));

  SECTION("granted later, it gets what it had asked for") {
    server.sync.set_policy(ConnectionId{1}, kServe, server.now);
    const auto sends = server.work();
    REQUIRE(sends.size() == 1);
    CHECK(payload(sends[0]).heads == server.heads());
    SECTION("and taken away again, it hears that it is gone") {
      server.sync.set_policy(ConnectionId{1}, {.access = false}, server.now);
      const auto gone = server.work();
      REQUIRE(gone.size() == 1);
      CHECK(is_unavailable(gone[0]));
      server.put("k", "w");
      CHECK(server.work().empty());
    }
  }
  SECTION("ephemerals of the denied are dropped") {
    server.up(2, kAnnounce, "other");
    server.work();
    server.receive(1, an_ephemeral("client"));
    CHECK(server.work().empty());
    CHECK(server.ephemerals.empty());
  }
}

TEST_CASE("a read-only peer is served, told so, and changes nothing", "[session]") {
  SyncNode server(0);
  SyncNode client(1);
  SyncNetwork network({&server, &client});
  server.put("k", "v");
  network.connect(0, 1, {.write = false}, kAnnounce);
  client.sync.find_locally(client.now);
  REQUIRE(network.settle());
  CHECK(client.heads() == server.heads());

  client.put("mine", "x");
  REQUIRE(network.settle());

  CHECK(server.document->change_count() == 1);
  CHECK(server.persisted.empty());
}

TEST_CASE("a sync message that makes no sense closes the connection", "[session]") {
  SyncNode server(0);
  server.put("k", "v");
  server.up(1, kServe, "client");
  SECTION("not a message") { server.receive(1, Sync{.data = *from_hex("41")}); }
  SECTION("changes that are none") {
    server.receive(1, Sync{.data = *from_hex("42"
                                             "00"
                                             "00"
                                             "00"
                                             "01"
                                             "02"
                                             "abcd")});
  }
  server.work();
  CHECK(server.closed == std::vector{ConnectionId{1}});
  server.put("k", "w");
  CHECK(server.work().empty());
}

TEST_CASE("ephemerals go to all peers active on the document but source and author", "[session]") {
  SyncNode server(0);
  server.put("k", "v");
  server.up(1, kServe, "author");
  server.up(2, kServe, "reader");
  server.up(3, kServe, "idle");
  server.up(4, kAnnounce, "upstream");
  server.receive(2, a_request());
  server.work();

  server.receive(1, an_ephemeral("author"));
  const auto sends = server.work();

  std::vector<ConnectionId> to;
  for (const auto& send : sends) {
    if (std::holds_alternative<Ephemeral>(send.message)) to.push_back(send.to);
  }
  CHECK(to == std::vector{ConnectionId{2}, ConnectionId{4}});
  CHECK(server.ephemerals.size() == 1);
  // The author now counts as interested: it is offered the document as well.
  CHECK(std::any_of(sends.begin(), sends.end(), [](const auto& send) {
    return send.to == ConnectionId{1} && std::holds_alternative<Sync>(send.message);
  }));

  server.receive(4, an_ephemeral("author"));  // came round another way
  for (const auto& send : server.work()) CHECK(send.to == ConnectionId{2});
}

TEST_CASE("an ephemeral for a document that is not here leaves no trace", "[session]") {
  SyncNode server(0);
  server.up(1, kServe, "author");
  server.receive(1, an_ephemeral("author"));
  CHECK(server.work().empty());
  CHECK(server.sync.is_idle());
}

TEST_CASE("what is due waits while the peer's queue is full", "[session]") {
  SyncNode server(0);
  server.put("k", "v");
  server.up(1, kServe, "client");
  server.sync.set_congested(ConnectionId{1}, true);
  server.receive(1, a_request());
  CHECK(server.work().empty());
  CHECK_FALSE(server.sync.has_work());
  server.sync.set_congested(ConnectionId{1}, false);
  CHECK(server.sync.has_work());
  CHECK(server.work().size() == 1);
}

TEST_CASE("shared heads are saved late and once, and used at the next connection", "[session]") {
  SyncNode server(0);
  SyncNode client(1);
  SyncNetwork network({&server, &client});
  client.put("k", "v");
  const auto first = network.connect(0, 1, kServe, kAnnounce);
  REQUIRE(network.settle());
  CHECK(server.kept_heads.empty());
  REQUIRE(server.sync.next_deadline() == server.now + 100ms);
  server.now += 100ms;
  server.sync.tick(server.now);
  server.work();
  REQUIRE(server.kept_heads.contains("storage1"));
  CHECK_FALSE(server.sync.next_deadline());

  network.cut(first);  // the client's are saved by the end of the connection
  client.work();
  CHECK(client.kept_heads.contains("storage0"));

  const auto before = network.sent;
  network.connect(0, 1, kServe, kAnnounce);
  REQUIRE(network.settle());
  CHECK(network.sent - before == 2);  // both say that they are equal

  SECTION("heads that were lost with the data are not claimed") {
    network.cut(network.connections().front());
    client.document.reset();
    network.connect(0, 1, kServe, kAnnounce);
    client.sync.find_locally(client.now);
    REQUIRE(network.settle());
    CHECK(client.heads() == server.heads());
  }
  SECTION("a server that lost its data is filled again") {
    network.cut(network.connections().front());
    server.document.reset();
    network.connect(0, 1, kServe, kAnnounce);
    REQUIRE(network.settle());
    CHECK(server.heads() == client.heads());
  }
}

TEST_CASE("a lost write makes everybody start over", "[session]") {
  SyncNode server(0);
  server.put("k", "v");
  server.up(1, kServe, "client");
  server.receive(1, a_request());
  server.sync.document_lost("disk full");
  CHECK(server.work().empty());
  CHECK(server.closed == std::vector{ConnectionId{1}});
}

TEST_CASE("a big document goes in pieces, a window at a time", "[session]") {
  const DocumentSync::Options options{
      .split_above_bytes = 20'000, .split_piece_bytes = 10'000, .split_window = 2};
  SyncNode server(0, options);
  SyncNode client(1);
  std::mt19937 random(7);
  const auto noise = [&] {
    std::string text(1000, 'x');
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    return text;
  };
  for (int i = 0; i < 100; ++i) server.put("k" + std::to_string(i), noise());
  SyncNetwork network({&server, &client});
  network.connect(0, 1, kServe, kAnnounce);

  SECTION("to a peer that has nothing") {
    client.sync.find_locally(client.now);
    network.work(1);
    network.deliver(1, 0);
    network.work(0);
    CHECK(network.sent == 1 + 2);
    // An edit in the middle of it arrives with the rest.
    server.put("late", "edit");
    REQUIRE(network.settle());
    CHECK(network.sent > 12);
    CHECK(network.sent < 40);
  }
  SECTION("and from the peer what it has meanwhile") {
    client.put("mine", noise());
    REQUIRE(network.settle());
    CHECK(client.document->change_count() == 101);
  }
  CHECK(client.heads() == server.heads());
  const auto before = network.sent;
  REQUIRE(network.settle());
  CHECK(network.sent == before);
  // Nothing came back: the client sent only statements.
  for (const auto& persist : server.persisted) CHECK(persist.report.applied.size() == 1);
}

TEST_CASE("random edits over a network that breaks converge, and then it is silent", "[session]") {
  const auto seed = GENERATE(range(1u, 25u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::size_t count = 2 + below(4);
  std::vector<std::unique_ptr<SyncNode>> nodes;
  std::vector<SyncNode*> pointers;
  const DocumentSync::Options options{.split_above_bytes = 3000, .split_piece_bytes = 1000};
  for (std::size_t n = 0; n < count; ++n) {
    nodes.push_back(std::make_unique<SyncNode>(static_cast<std::uint8_t>(n), options));
    pointers.push_back(nodes.back().get());
  }
  SyncNetwork network(pointers);
  const bool persistent = below(2) == 0;
  const auto join = [&](std::size_t a, std::size_t b) {
    // One side announces at least, as with a client and a server, or two agents.
    network.connect(a, b, kAnnounce, below(2) == 0 ? kAnnounce : kServe, persistent);
  };

  for (int step = 0; step < 600; ++step) {
    const std::size_t n = below(count);
    switch (below(8)) {
      case 0:
        nodes[n]->put("k" + std::to_string(below(5)),
                      std::to_string(step) + std::string(below(200), 'x'));
        break;
      case 1:
        if (network.connections().size() < count * 2 && below(3) == 0) {
          join(n, (n + 1 + below(count - 1)) % count);
        }
        break;
      case 2: {
        const auto open = network.connections();
        if (!open.empty() && below(10) == 0) network.cut(open[below(open.size())]);
        break;
      }
      case 3:
      case 4:
        network.work(n);
        break;
      default: {
        const auto open = network.connections();
        if (open.empty()) break;
        const auto connection = open[below(open.size())];
        const auto [a, b] = network.ends(connection);
        network.deliver(connection, below(2) == 0 ? a : b);
        break;
      }
    }
    for (auto& node : nodes) {
      node->now += std::chrono::milliseconds(below(30));
      node->sync.tick(node->now);
    }
  }
  nodes[0]->put("last", "edit");
  for (std::size_t n = 1; n < count; ++n) join(n - 1, n);
  REQUIRE(network.settle());

  for (const auto& node : nodes) {
    CHECK(node->heads() == nodes[0]->heads());
    CHECK(node->closed.empty());
    node->document->check_invariants();
  }
  const auto before = network.sent;
  REQUIRE(network.settle());
  CHECK(network.sent == before);
  for (const auto& node : nodes) CHECK_FALSE(node->sync.has_work());
}

TEST_CASE("a peer that may not read gives everything and learns nothing", "[session]") {
  SyncNode taker(0);
  SyncNode giver(1);
  SyncNode empty(2);
  SyncNetwork network({&taker, &giver, &empty});
  taker.put("secret", "x");
  giver.put("open", "y");
  const Heads theirs = giver.heads();
  network.connect(0, 1, {.announce = true, .read = false}, kAnnounce);
  REQUIRE(network.settle());

  CHECK(giver.heads() == theirs);
  CHECK(taker.document->change_count() == 2);
  CHECK(taker.sync.status()[0].is_settled);
  CHECK_FALSE(taker.sync.status()[0].has_everything);
  CHECK(giver.sync.status()[0].is_settled);

  taker.put("secret", "z");
  giver.put("more", "y");
  REQUIRE(network.settle());
  CHECK(giver.document->change_count() == 2);
  CHECK(taker.document->change_count() == 4);

  SECTION("it hears that there is nothing when it asks with empty hands") {
    network.connect(0, 2, {.announce = true, .read = false}, kAnnounce);
    empty.sync.find_locally(empty.now);
    REQUIRE(network.settle());
    CHECK(empty.settled_searches == std::vector<bool>{false});
    CHECK(empty.heads().empty());
    CHECK(taker.sync.status().back().is_settled);
  }
}

TEST_CASE("a peer may be asked without being announced to", "[session]") {
  SyncNode client(0);
  SyncNode server(1);
  SyncNetwork network({&client, &server});
  server.put("k", "v");
  client.up(7, {}, "stranger");  // asks us, is never asked
  network.connect(0, 1, {.ask = true}, kServe);
  REQUIRE(network.settle());
  CHECK(client.heads().empty());

  client.sync.find_locally(client.now);
  REQUIRE(network.settle());
  CHECK(client.heads() == server.heads());
  CHECK(client.settled_searches == std::vector<bool>{true});
}

TEST_CASE("a settled document may be forgotten, one under way may not", "[session]") {
  SyncNode left(0);
  SyncNode right(1);
  SyncNetwork network({&left, &right});
  left.put("k", "v");
  network.connect(0, 1, kAnnounce, kAnnounce);
  CHECK_FALSE(left.sync.is_settled());
  REQUIRE(network.settle());
  left.now += std::chrono::seconds(1);
  left.sync.tick(left.now);  // the delayed save
  left.work();
  CHECK(left.sync.is_settled());
  CHECK_FALSE(left.sync.is_idle());

  left.put("k", "w");
  CHECK_FALSE(left.sync.is_settled());
  CHECK(left.sync.owed_bytes(ConnectionId{1}) > 0);
  CHECK(left.sync.owed_bytes(ConnectionId{9}) == 0);
  left.up(2, kServe, "client");
  REQUIRE(network.settle());
  left.receive(2, a_request());
  left.work();
  left.now += std::chrono::seconds(1);
  left.sync.tick(left.now);
  left.work();
  CHECK_FALSE(left.sync.is_settled());  // a client that asked would not be told of changes
}

}  // namespace converge::session
