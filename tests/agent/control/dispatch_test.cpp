#include "agent/control/dispatch.h"

#include "agent/control/methods.h"
#include "agent/control/shard_document.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "tests/agent/control/fake_services.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace converge;
using converge::testing::FakeServices;
using Json = nlohmann::json;

TEST_CASE("a method that does not exist is refused by its name", "[control]") {
  FakeServices services;

  for (const char* method : {"", "doc", "doc.explode", "agent.hello ", "AGENT.HELLO", "\xff"}) {
    const auto answer = services.ask(method, Json::object());
    REQUIRE(answer);
    REQUIRE_FALSE(*answer);
    CHECK(control::is(answer->error(), control::ErrorId::kUsageCommand));
  }
}

TEST_CASE("every method of the table is found, and none twice", "[control]") {
  const auto all = handlers::methods();

  CHECK(all.size() > 50);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(handlers::find_method(all[i].name) == &all[i]);
    if (i > 0) CHECK(all[i - 1].name < all[i].name);
  }
}

TEST_CASE("a request id is a string of at most 256 bytes", "[control]") {
  FakeServices services;

  CHECK(*services.ask("agent.hello", {{"request_id", std::string(256, 'r')}}));
  const auto long_id = services.ask("agent.hello", {{"request_id", std::string(257, 'r')}});
  REQUIRE_FALSE(*long_id);
  CHECK(control::is(long_id->error(), control::ErrorId::kLimitExceeded));
  CHECK_FALSE(*services.ask("agent.hello", {{"request_id", 7}}));
}

TEST_CASE("the same request id again is answered with the first result", "[control]") {
  FakeServices services;
  services.must("doc.new", {{"name", "n"}, {"value", {{"count", 1}}}});
  const Json edit = {{"doc", "n"},
                     {"edits", {{{"pointer", "/count"}, {"value", 2}}}},
                     {"request_id", "01J9ZK3V9W"}};

  const Json first = services.must("doc.set", edit);
  services.must("doc.set", {{"doc", "n"}, {"edits", {{{"pointer", "/count"}, {"value", 3}}}}});
  const Json again = services.must("doc.set", edit);

  CHECK(again["change"] == first["change"]);
  CHECK(services.must("doc.get", {{"doc", "n"}, {"pointer", "/count"}})["value"] == 3);
}

TEST_CASE("answers are counted by method and outcome", "[control]") {
  FakeServices services;
  services.must("agent.hello", Json::object());
  services.ask("doc.get", {{"doc", "nobody"}});

  const std::string text = services.metrics().text();

  CHECK(text.find("syncd_requests_total{method=\"agent.hello\",result=\"ok\"} 1") !=
        std::string::npos);
  CHECK(text.find("syncd_requests_total{method=\"doc.get\",result=\"error\"} 1") !=
        std::string::npos);
}

TEST_CASE("whoever asks for it is told how far a long request is", "[control]") {
  FakeServices services;
  services.must("doc.new", {{"name", "n"}, {"value", {{"a", 1}}}});
  services.must("store.compact", {{"all", true}});
  CHECK(services.events.empty());

  services.must("store.compact", {{"all", true}, {"progress", true}});

  REQUIRE_FALSE(services.events.empty());
  const Json& note = services.events.front();
  CHECK(note["kind"] == "Progress");
  CHECK(note["op"] == "store.compact");
  CHECK(note["unit"] == "documents");
  CHECK(note["done"] == 1);
  CHECK(note["total"] >= 1);
  CHECK_FALSE(*services.ask("store.compact", {{"progress", "yes"}}));
  CHECK_FALSE(*services.ask("store.backup", {{"path", "/b"}, {"progress", "yes"}}));
}

TEST_CASE("to sync with a peer that is away is refused, with the rest it is not", "[control]") {
  FakeServices services;
  handlers::PeerView nas;
  nas.name = "nas";
  nas.state = "connecting";
  nas.last_error = "connection refused";
  services.peer_views.push_back(nas);

  const auto alone = services.ask("sync.now", {{"peers", {"nas"}}});
  REQUIRE_FALSE(*alone);
  CHECK(control::is(alone->error(), control::ErrorId::kPeerUnreachable));
  CHECK(alone->error().message.find("connection refused") != std::string::npos);
  CHECK(*services.ask("sync.now", Json::object()));
  CHECK(*services.ask("sync.now", {{"peers", {"nas"}}, {"dry_run", true}}));

  services.peer_views[0].is_untrusted = true;
  CHECK(control::exit_code_of(services.ask("sync.now", {{"peers", {"nas"}}})->error()) ==
        control::exit_code::kDenied);
  services.peer_views[0].state = "paused";
  CHECK(services.ask("sync.now", {{"peers", {"nas"}}})->error().hint.find("resume") !=
        std::string::npos);
}

TEST_CASE("a word that nothing is called names what is, for programs too", "[control]") {
  FakeServices services;
  services.must("doc.new", {{"name", "todo/home"}, {"value", Json::object()}});
  handlers::PeerView nas;
  nas.name = "attic";
  services.peer_views.push_back(nas);

  const Error document = services.ask("doc.get", {{"doc", "todo/hme"}})->error();
  CHECK(document.subject == "todo/hme");
  CHECK(document.candidates == std::vector<std::string>{"todo/home"});
  CHECK(document.hint == "did you mean \"todo/home\"?");
  const Error peer = services.ask("peer.show", {{"peer", "atttic"}})->error();
  CHECK(peer.candidates == std::vector<std::string>{"attic"});
  const Error far = services.ask("doc.get", {{"doc", "unlike"}})->error();
  CHECK(far.subject == "unlike");
  CHECK(far.candidates.empty());
}

TEST_CASE("an id prefix of several documents lists their ids", "[control]") {
  FakeServices services;
  std::vector<std::string> ids;
  for (const char* last : {"A", "B"}) {
    Bytes bytes(16, std::byte{7});
    bytes.back() = static_cast<std::byte>(*last);
    DocumentId id;
    std::ranges::copy(bytes, id.bytes.begin());
    services.must("doc.new", {{"id", id.to_url()}, {"value", {{"from", last}}}});
    ids.push_back(id.to_base58());
  }
  std::ranges::sort(ids);

  Error error = services.ask("doc.get", {{"doc", ids[0].substr(0, 6)}})->error();

  CHECK(control::is(error, control::ErrorId::kDocAmbiguous));
  CHECK(error.subject == ids[0].substr(0, 6));
  std::ranges::sort(error.candidates);
  CHECK(error.candidates == ids);
}

TEST_CASE("a wait ends when its time is up, not at the next look", "[control]") {
  FakeServices services;
  services.must("doc.new", {{"name", "n"}, {"value", {{"a", 1}}}});
  const auto begin = services.clock().steady_now();

  const auto answer =
      services.ask("sync.wait", {{"doc", "n"}, {"for", "value=/a=2"}, {"timeout_ms", 70U}});

  REQUIRE_FALSE(*answer);
  CHECK(control::is(answer->error(), control::ErrorId::kTimeout));
  CHECK(answer->error().message.find("/a holds another value") != std::string::npos);
  CHECK(services.clock().steady_now() - begin == std::chrono::milliseconds(70));
}

TEST_CASE("an ack as text is the ack as a tree", "[control]") {
  handlers::Target target;
  target.id.bytes.fill(std::byte{3});
  handlers::Call call;
  verbs::Outcome outcome;
  outcome.summary = "replace /a";
  const auto same = [&](bool durable) {
    CHECK(control::to_compact(handlers::prepared_ack(target, call, outcome, durable)) ==
          control::to_compact(handlers::make_ack(target, call, outcome, durable)));
  };
  same(true);
  target.name = "todo/\"gr\u00fcn\"\x7f";
  call.request_id = "r\\1";
  outcome.unchanged = false;
  outcome.ops = 12;
  outcome.change = ChangeHash{};
  outcome.heads = {ChangeHash{}};
  same(false);
  outcome.heads.push_back(ChangeHash{});
  outcome.summary = "replace /\n \xf0\x9d\x84\x9e";
  target.id.bytes.fill(std::byte{4});
  same(true);
}

TEST_CASE("a write that waits for a peer that nobody knows is refused, and not done", "[control]") {
  FakeServices services;
  services.must("doc.new", {{"name", "n"}, {"value", {{"a", 1}}}});

  const auto answer = services.ask(
      "doc.set",
      {{"doc", "n"}, {"edits", {{{"pointer", "/a"}, {"value", 2}}}}, {"ack", "peer=nobody"}});

  REQUIRE_FALSE(*answer);
  CHECK(control::exit_code_of(answer->error()) == control::exit_code::kNotFound);
  CHECK(services.must("doc.get", {{"doc", "n"}})["value"] == Json{{"a", 1}});
}
