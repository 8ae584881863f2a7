#include "agent/control/dispatch.h"

#include "agent/control/methods.h"
#include "core/control/error_table.h"
#include "tests/agent/control/fake_services.h"

#include <catch2/catch.hpp>

#include <string>

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
}
