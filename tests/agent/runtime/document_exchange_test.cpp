#include "agent/runtime/document_exchange.h"

#include "core/sync/message.h"
#include "tests/agent/runtime/exchange_node.h"

#include <catch2/catch.hpp>

#include <string>

namespace converge::runtime {
namespace {

constexpr auto kConnection = ExchangePair::kConnection;

session::Sync a_request(int number) {
  converge::sync::Message question;
  question.have.emplace_back();
  return {.request = true,
          .document = ExchangeNode::id_of(number),
          .data = converge::sync::encode_message(question)};
}

}  // namespace

TEST_CASE("a collection holds what is below its name and what its pattern matches", "[runtime]") {
  CHECK(is_in_collections({"todo"}, "todo/home"));
  CHECK(is_in_collections({"todo"}, "todo/old/home"));
  CHECK(is_in_collections({"notes", "todo"}, "todo/home"));
  CHECK(is_in_collections({"todo/*"}, "todo/home"));
  CHECK_FALSE(is_in_collections({"todo/*"}, "todo/old/home"));
  CHECK_FALSE(is_in_collections({"todo"}, "todos/home"));
  CHECK_FALSE(is_in_collections({"todo/home"}, "todo"));
  CHECK_FALSE(is_in_collections({}, "todo/home"));
}

TEST_CASE("announced documents reach the other side, and later changes follow", "[runtime]") {
  ExchangePair pair;
  for (int i = 0; i < 20; ++i) pair.left.put(i, "a", i);
  pair.connect();
  for (int i = 0; i < 20; ++i) pair.left.exchange.announce(kConnection, ExchangeNode::id_of(i));
  pair.carry();
  for (int i = 0; i < 20; ++i) CHECK(pair.right.changes(i) == 1);
  CHECK(pair.left.settlements.size() == 20);
  CHECK(pair.left.exchange.progress(kConnection).behind == 0);
  CHECK(pair.left.exchange.has_everything(kConnection, ExchangeNode::id_of(3)));
  CHECK(pair.left.exchange.progress(kConnection).changes_sent == 20);
  CHECK(pair.right.exchange.progress(kConnection).changes_received == 20);

  pair.left.put(3, "b", 1);
  CHECK_FALSE(pair.left.exchange.has_everything(kConnection, ExchangeNode::id_of(3)));
  CHECK(pair.left.exchange.progress(kConnection).behind == 1);
  CHECK(pair.left.exchange.progress(kConnection).bytes > 0);
  pair.carry();
  CHECK(pair.right.changes(3) == 2);
  CHECK(pair.left.exchange.progress(kConnection).bytes == 0);
  // Two changes: more than a third of the history, so the whole document went again.
  CHECK(pair.left.exchange.progress(kConnection).changes_sent == 22);
  CHECK(pair.right.exchange.progress(kConnection).changes_received == 21);
  CHECK(pair.right.exchange.progress(kConnection).changes_sent == 0);
}

TEST_CASE("state of settled documents is bounded and made anew when it is needed", "[runtime]") {
  constexpr int kDocuments = 200;
  ExchangePair pair({.settled_max = 10}, {.settled_max = 10});
  for (int i = 0; i < kDocuments; ++i) pair.left.put(i, "a", i);
  pair.connect();
  for (int i = 0; i < kDocuments; ++i) {
    pair.left.exchange.announce(kConnection, ExchangeNode::id_of(i));
    pair.carry();
  }
  CHECK(pair.left.settlements.size() == kDocuments);
  CHECK(pair.left.exchange.documents_in_exchange() <= 10);
  CHECK(pair.right.exchange.documents_in_exchange() <= 10);

  // The first one was forgotten long ago; its changes still travel, both ways.
  pair.left.put(0, "b", 1);
  pair.carry();
  CHECK(pair.right.changes(0) == 2);
  pair.right.put(1, "b", 1);
  pair.carry();
  CHECK(pair.left.changes(1) == 2);
  CHECK(pair.left.exchange.documents_in_exchange() <= 10);
}

TEST_CASE("a connection cut in the middle of a sync loses nothing", "[runtime]") {
  const auto cut_after = GENERATE(range<std::size_t>(0, 12));
  ExchangePair pair;
  for (int i = 0; i < 6; ++i) pair.left.put(i, "left", i);
  for (int i = 3; i < 9; ++i) pair.right.put(i, "right", i);
  const auto announce_all = [&pair] {
    pair.connect();
    for (int i = 0; i < 6; ++i) pair.left.exchange.announce(kConnection, ExchangeNode::id_of(i));
    for (int i = 3; i < 9; ++i) pair.right.exchange.announce(kConnection, ExchangeNode::id_of(i));
  };
  announce_all();
  pair.carry(cut_after);
  pair.cut();
  pair.left.put(0, "meanwhile", 1);
  pair.right.put(8, "meanwhile", 1);
  announce_all();
  pair.carry();

  for (int i = 0; i < 9; ++i) {
    const auto left = pair.left.repo.open(ExchangeNode::id_of(i));
    REQUIRE(left);
    const Heads heads = (*left)->heads();
    const auto right = pair.right.repo.open(ExchangeNode::id_of(i));
    REQUIRE(right);
    CHECK((*right)->heads() == heads);
  }
  CHECK(pair.left.exchange.progress(kConnection).behind == 0);
  CHECK(pair.right.exchange.progress(kConnection).behind == 0);
}

TEST_CASE("a peer with some of the collections gets nothing else and cannot tell why",
          "[runtime]") {
  ExchangePair pair;
  pair.left.put(1, "a", 1);
  pair.left.put(2, "a", 2);
  pair.left.put(3, "a", 3);  // without a name
  pair.left.put(4, "catalog", 4);
  pair.left.name("todo/home", 1);
  pair.left.name("secret/plan", 2);
  auto limited = ExchangePair::link_to("right");
  limited.collections = {"todo"};
  limited.catalog = ExchangeNode::id_of(4);
  pair.connect(limited, ExchangePair::link_to("left"));
  for (int i = 1; i <= 4; ++i) pair.left.exchange.announce(kConnection, ExchangeNode::id_of(i));
  pair.carry();
  CHECK(pair.right.changes(1) == 1);
  CHECK(pair.right.changes(2) == 0);
  CHECK(pair.right.changes(3) == 0);
  CHECK(pair.right.changes(4) == 1);
  CHECK(pair.left.settlements.size() == 4);  // nobody waits for what is not shared
  CHECK(pair.left.exchange.progress(kConnection).behind == 0);

  SECTION("asking by id gets the answer that a missing document gets") {
    bool found = true;
    pair.right.exchange.find(ExchangeNode::id_of(2), [&found](bool is) { found = is; });
    pair.carry();
    CHECK_FALSE(found);
  }
  SECTION("what it pushes into another collection is not taken") {
    pair.right.put(2, "mine", 1);
    pair.right.exchange.announce(kConnection, ExchangeNode::id_of(2));
    pair.carry();
    CHECK(pair.left.changes(2) == 1);
  }
  SECTION("a document that moves into the collection is shared from then on") {
    pair.left.name("todo/plan", 2);
    pair.left.exchange.review();
    pair.left.exchange.announce(kConnection, ExchangeNode::id_of(2));
    pair.carry();
    CHECK(pair.right.changes(2) == 1);
  }
}

TEST_CASE("pull takes and gives nothing, push gives and takes nothing", "[runtime]") {
  ExchangePair pair;
  pair.left.put(1, "left", 1);
  pair.right.put(1, "right", 1);
  auto link = ExchangePair::link_to("right");

  SECTION("pull") {
    link.read = false;
    pair.connect(link, ExchangePair::link_to("left"));
    pair.left.exchange.announce(kConnection, ExchangeNode::id_of(1));
    pair.right.exchange.announce(kConnection, ExchangeNode::id_of(1));
    pair.carry();
    CHECK(pair.left.changes(1) == 2);
    CHECK(pair.right.changes(1) == 1);
    CHECK(pair.left.exchange.progress(kConnection).behind == 0);
    CHECK(pair.right.exchange.progress(kConnection).behind == 0);
    pair.right.put(1, "more", 2);
    pair.left.put(1, "kept", 2);
    pair.carry();
    CHECK(pair.left.changes(1) == 4);
    CHECK(pair.right.changes(1) == 2);
  }
  SECTION("push") {
    link.write = false;
    pair.connect(link, ExchangePair::link_to("left"));
    pair.left.exchange.announce(kConnection, ExchangeNode::id_of(1));
    pair.right.exchange.announce(kConnection, ExchangeNode::id_of(1));
    pair.carry();
    CHECK(pair.left.changes(1) == 1);
    CHECK(pair.right.changes(1) == 2);
    CHECK(pair.right.exchange.progress(kConnection).behind == 0);
    pair.right.put(1, "kept", 2);
    pair.left.put(1, "more", 2);
    pair.carry();
    CHECK(pair.left.changes(1) == 2);
    CHECK(pair.right.changes(1) == 4);
    CHECK(pair.left.exchange.progress(kConnection).behind == 0);
    CHECK(pair.right.exchange.progress(kConnection).behind == 0);
  }
}

TEST_CASE("a document that is not here is found at a peer that only may be asked", "[runtime]") {
  ExchangePair pair;
  pair.right.put(1, "a", 1);
  auto asked = ExchangePair::link_to("right");
  asked.announce = false;
  asked.ask = true;
  auto quiet = ExchangePair::link_to("left");
  quiet.announce = false;
  pair.connect(asked, quiet);

  std::vector<bool> answers;
  pair.left.exchange.find(ExchangeNode::id_of(1), [&](bool found) { answers.push_back(found); });
  pair.carry();
  CHECK(answers == std::vector<bool>{true});
  CHECK(pair.left.changes(1) == 1);

  pair.left.exchange.find(ExchangeNode::id_of(2), [&](bool found) { answers.push_back(found); });
  pair.carry();
  CHECK(answers == std::vector<bool>{true, false});

  // Asked again, it is looked for again.
  pair.right.put(2, "a", 1);
  pair.left.exchange.find(ExchangeNode::id_of(2), [&](bool found) { answers.push_back(found); });
  pair.carry();
  CHECK(answers == std::vector<bool>{true, false, true});
}

TEST_CASE("a peer that does not answer is given up after the deadline", "[runtime]") {
  ExchangePair pair;
  pair.connect();
  std::vector<bool> answers;
  pair.left.exchange.find(ExchangeNode::id_of(1), [&](bool found) { answers.push_back(found); });
  pair.left.run();
  REQUIRE(pair.left.exchange.next_deadline());
  pair.left.clock.advance(std::chrono::seconds(14));
  pair.left.exchange.tick();
  CHECK(answers.empty());
  pair.left.clock.advance(std::chrono::seconds(2));
  pair.left.exchange.tick();
  CHECK(answers == std::vector<bool>{false});
}

TEST_CASE("a peer may keep us busy with so many documents and not one more", "[runtime]") {
  ExchangeNode node({.settled_max = 10, .documents_per_connection_max = 3});
  for (int i = 1; i <= 5; ++i) node.put(i, "a", i);
  PeerLink client = ExchangePair::link_to("client");
  client.announce = false;
  node.exchange.peer_up(client);
  const auto answer_to = [&node](int number) {
    node.exchange.receive(kConnection, a_request(number));
    node.run();
    REQUIRE(node.sent.size() == 1);
    const auto answer = node.sent.front().second;
    node.sent.clear();
    return std::holds_alternative<session::DocUnavailable>(answer);
  };
  for (int i = 1; i <= 3; ++i) CHECK_FALSE(answer_to(i));
  CHECK(client.inflow->documents() == 3);
  CHECK(answer_to(4));
  CHECK(answer_to(4));

  SECTION("those that it has go on") { CHECK_FALSE(answer_to(2)); }
  SECTION("another peer has its own count") {
    PeerLink other = client;
    other.link.connection = session::ConnectionId{2};
    other.inflow = std::make_shared<Inflow>(1u << 20, 1u << 19);
    node.exchange.peer_up(other);
    node.exchange.receive(other.link.connection, a_request(4));
    node.run();
    CHECK(std::holds_alternative<session::Sync>(node.sent.front().second));
  }
}

TEST_CASE("a flood of questions for documents that nobody has leaves no state", "[runtime]") {
  ExchangeNode node({.settled_max = 10, .documents_per_connection_max = 100});
  PeerLink client = ExchangePair::link_to("client");
  client.announce = false;
  node.exchange.peer_up(client);
  for (int i = 0; i < 500; ++i) {
    node.exchange.receive(kConnection, a_request(i));
    node.run();
  }
  CHECK(node.sent.size() == 500);
  CHECK(node.exchange.documents_in_exchange() <= 100);
}

TEST_CASE("changes asked for by name come, and only to who may read", "[runtime]") {
  ExchangePair pair;
  const DocumentId id = ExchangeNode::id_of(1);
  pair.right.put(1, "a", 1);
  pair.right.put(1, "b", 2);
  const engine::Document& whole = **pair.right.repo.open(id);
  const auto made = whole.all_changes();
  {
    const auto part = pair.left.repo.create(id);
    REQUIRE(part);
    REQUIRE((*part)->apply_changes({*whole.change_bytes(made[0])}));
    pair.left.repo.commit(id, {}, [](const Result<repo::Committed>&) {});
    pair.left.run();
  }
  PeerLink left_as_seen = ExchangePair::link_to("left");
  left_as_seen.announce = false;
  PeerLink right_as_seen = ExchangePair::link_to("right");
  right_as_seen.announce = false;
  std::vector<Result<std::uint64_t>> got;
  const auto ask = [&](std::vector<ChangeHash> hashes) {
    pair.left.exchange.fetch(kConnection, id, std::move(hashes),
                             [&](Result<std::uint64_t> count) { got.push_back(std::move(count)); });
  };
  SECTION("exactly those that it has") {
    pair.connect(right_as_seen, left_as_seen);
    ask({ChangeHash{}, made[1]});
    pair.carry();
    REQUIRE(got.size() == 1);
    CHECK(got[0].value() == 1);
    CHECK(pair.left.changes(1) == 2);
    CHECK(pair.left.store->header(id)->heads == whole.heads());
  }
  SECTION("none to a peer that may not read") {
    left_as_seen.read = false;
    pair.connect(right_as_seen, left_as_seen);
    ask({made[1]});
    pair.carry();
    REQUIRE(got.size() == 1);
    CHECK(got[0].value() == 0);
    CHECK(pair.left.changes(1) == 1);
  }
  SECTION("an answer with anything else brings nothing") {
    pair.connect(right_as_seen, left_as_seen);
    ask({made[1]});
    session::Fetch lie;
    lie.is_answer = true;
    lie.document = id;
    const Bytes other = *whole.change_bytes(made[0]);
    lie.data.push_back(static_cast<std::byte>(other.size()));
    lie.data.insert(lie.data.end(), other.begin(), other.end());
    REQUIRE(other.size() < 128);
    pair.left.exchange.receive(kConnection, lie);
    REQUIRE(got.size() == 1);
    CHECK(got[0].value() == 0);
  }
  SECTION("a question ends with its connection, or with its time") {
    pair.connect(right_as_seen, left_as_seen);
    ask({made[1]});
    pair.left.clock.advance(std::chrono::seconds(16));
    pair.left.exchange.tick();
    REQUIRE(got.size() == 1);
    CHECK(got[0].error().code == ErrorCode::kTimeout);
    ask({made[1]});
    pair.cut();
    REQUIRE(got.size() == 2);
    CHECK(got[1].error().code == ErrorCode::kUnavailable);
  }
}

}  // namespace converge::runtime
