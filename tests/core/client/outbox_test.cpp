#include "core/client/outbox.h"

#include "core/base/system.h"
#include "core/client/durable_client.h"
#include "core/client/queueable.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "tests/cli/fake_agent.h"
#include "tests/support/fake_clock.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace converge::client {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
using testing::answers;
using testing::FakeAgent;
using testing::ScratchDirectory;

const SystemClock kClock;
constexpr const char* kSocket = "/run/a.sock";

OutboxEntry entry_for(const std::string& request, const std::string& socket = kSocket) {
  OutboxEntry entry;
  entry.request_id = request;
  entry.socket = socket;
  entry.method = "doc.set";
  entry.params = R"({"doc":"n","request_id":")" + request + "\"}";
  entry.command = {"set", "n", "/a", "1"};
  return entry;
}

std::chrono::steady_clock::time_point soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

std::vector<std::string> requests_in(const Outbox& outbox) {
  std::vector<std::string> out;
  const auto entries = outbox.list();
  REQUIRE(entries.has_value());
  for (const OutboxEntry& entry : *entries) out.push_back(entry.request_id);
  return out;
}

TEST_CASE("an outbox keeps entries in order, across programs", "[outbox]") {
  const ScratchDirectory scratch;
  const Outbox first(scratch / "state/outbox", kClock);
  CHECK(first.is_empty());
  for (const char* request : {"r1", "r2", "r3"}) REQUIRE(first.add(entry_for(request)).has_value());

  const Outbox second(scratch / "state/outbox", kClock);

  CHECK(requests_in(second) == std::vector<std::string>{"r1", "r2", "r3"});
  const auto found = second.find("o-2");
  REQUIRE(found.has_value());
  CHECK(found->request_id == "r2");
  CHECK(found->command == std::vector<std::string>{"set", "n", "/a", "1"});
  CHECK(to_json(*found)["kind"] == "OutboxEntry");
  CHECK(to_json(*found)["created_at"].get<std::string>().ends_with("Z"));
}

TEST_CASE("numbers of the outbox are never used twice", "[outbox]") {
  const ScratchDirectory scratch;
  const Outbox outbox(scratch / "outbox", kClock);
  const auto first = outbox.add(entry_for("r1"));
  REQUIRE(first.has_value());
  REQUIRE(outbox.remove(first->number).has_value());

  const auto second = outbox.add(entry_for("r2"));

  REQUIRE(second.has_value());
  CHECK(second->number == first->number + 1);
}

TEST_CASE("unknown and malformed entry names are not found", "[outbox]") {
  const ScratchDirectory scratch;
  const Outbox outbox(scratch / "outbox", kClock);
  REQUIRE(outbox.add(entry_for("r1")).has_value());
  for (const char* id : {"o-2", "o-", "1", "", "o-x", "o-99999999999999999999999"}) {
    const auto found = outbox.find(id);
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().id == "entry.not_found");
  }
}

TEST_CASE("what a killed program left behind is no entry", "[outbox]") {
  const ScratchDirectory scratch;
  const Outbox outbox(scratch / "outbox", kClock);
  REQUIRE(outbox.add(entry_for("r1")).has_value());
  std::ofstream(scratch / "outbox/00000000000000000002.json.new") << "{\"v\":1,\"numb";

  CHECK(requests_in(outbox) == std::vector<std::string>{"r1"});
  REQUIRE(outbox.add(entry_for("r2")).has_value());
  CHECK(requests_in(outbox) == std::vector<std::string>{"r1", "r2"});
}

TEST_CASE("a damaged outbox file is named, not skipped", "[outbox]") {
  const ScratchDirectory scratch;
  const Outbox outbox(scratch / "outbox", kClock);
  REQUIRE(outbox.add(entry_for("r1")).has_value());
  std::ofstream(scratch / "outbox/00000000000000000001.json") << "not an entry";

  const auto entries = outbox.list();

  REQUIRE_FALSE(entries.has_value());
  CHECK(entries.error().id == "input.json");
  CHECK(entries.error().message.find("00000000000000000001.json") != std::string::npos);
}

TEST_CASE("delivery sends in order and forgets what was answered", "[outbox]") {
  const ScratchDirectory scratch;
  const Outbox outbox(scratch / "outbox", kClock);
  REQUIRE(outbox.add(entry_for("r1")).has_value());
  REQUIRE(outbox.add(entry_for("elsewhere", "/run/b.sock")).has_value());
  REQUIRE(outbox.add(entry_for("r2")).has_value());
  std::vector<std::string> sent;

  const auto report = outbox.deliver(
      kSocket,
      [&sent](const std::string& method, const json& params) -> Result<json> {
        CHECK(method == "doc.set");
        sent.push_back(params["request_id"]);
        return json::object();
      },
      soon());

  REQUIRE(report.has_value());
  CHECK(report->delivered == 2);
  CHECK(sent == std::vector<std::string>{"r1", "r2"});
  CHECK(requests_in(outbox) == std::vector<std::string>{"elsewhere"});
}

TEST_CASE("what the agent refuses is kept with its error, the next one is sent", "[outbox]") {
  const ScratchDirectory scratch;
  const Outbox outbox(scratch / "outbox", kClock);
  REQUIRE(outbox.add(entry_for("bad")).has_value());
  REQUIRE(outbox.add(entry_for("good")).has_value());
  const auto send = [](const std::string&, const json& params) -> Result<json> {
    if (params["request_id"] == "bad") return make_error(ErrorId::kDocNotFound, "no such document");
    return json::object();
  };

  const auto report = outbox.deliver(kSocket, send, soon());

  REQUIRE(report.has_value());
  CHECK(report->failed == 1);
  CHECK(report->delivered == 1);
  const auto kept = outbox.list();
  REQUIRE(kept.has_value());
  REQUIRE(kept->size() == 1);
  CHECK(kept->front().state == OutboxEntry::State::kFailed);
  CHECK(kept->front().tries == 1);
  CHECK(to_json(kept->front())["last_error"]["code"] == "doc.not_found");
  // Failed entries are not sent again by themselves.
  CHECK(outbox.deliver(kSocket, send, soon())->failed == 0);
}

TEST_CASE("an agent that goes away ends delivery, everything left waits", "[outbox]") {
  for (const ErrorId reason : {ErrorId::kAgentUnreachable, ErrorId::kAgentStopping,
                               ErrorId::kTimeout, ErrorId::kStoreNoSpace}) {
    const ScratchDirectory scratch;
    const Outbox outbox(scratch / "outbox", kClock);
    for (const char* request : {"r1", "r2", "r3"})
      REQUIRE(outbox.add(entry_for(request)).has_value());

    const auto report = outbox.deliver(
        kSocket,
        [reason](const std::string&, const json& params) -> Result<json> {
          if (params["request_id"] == "r1") return json::object();
          return make_error(reason, "not now");
        },
        soon());

    REQUIRE(report.has_value());
    CHECK(report->delivered == 1);
    CHECK(report->waiting == 2);
    CHECK(requests_in(outbox) == std::vector<std::string>{"r2", "r3"});
    CHECK(outbox.list()->front().state == OutboxEntry::State::kWaiting);
  }
}

TEST_CASE("writers and deliverers at once lose nothing and send nothing twice", "[outbox]") {
  const ScratchDirectory scratch;
  const Outbox outbox(scratch / "outbox", kClock);
  constexpr int kWriters = 4;
  constexpr int kEach = 25;
  std::mutex mutex;
  std::multiset<std::string> sent;
  std::atomic<int> failures{0};
  std::atomic<bool> writing{true};
  const auto send = [&](const std::string&, const json& params) -> Result<json> {
    const std::lock_guard lock(mutex);
    sent.insert(params["request_id"].get<std::string>());
    return json::object();
  };
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < kEach; ++i) {
        if (!outbox.add(entry_for(std::to_string(writer) + "-" + std::to_string(i)))) ++failures;
      }
    });
  }
  std::vector<std::thread> deliverers;
  for (int i = 0; i < 2; ++i) {
    deliverers.emplace_back([&] {
      while (writing || !outbox.is_empty()) {
        if (!outbox.deliver(kSocket, send, soon())) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  writing = false;
  for (std::thread& thread : deliverers) thread.join();

  CHECK(failures == 0);
  CHECK(sent.size() == kWriters * kEach);
  CHECK(std::set<std::string>(sent.begin(), sent.end()).size() == kWriters * kEach);
  CHECK(outbox.is_empty());
}

TEST_CASE("only writes that mean the same later are queued", "[outbox]") {
  struct Row {
    const char* method;
    const char* params;
    bool queued;
  };
  static constexpr Row kTable[] = {
      {"doc.new", R"({"value":{}})", true},
      {"doc.new", R"({"value":{},"dry_run":true})", false},
      {"doc.set", R"({"edits":[{"pointer":"/a/b","value":1}]})", true},
      {"doc.set", R"({"edits":[{"pointer":"","value":{}}]})", true},
      {"doc.set", R"({"edits":[{"pointer":"/a/0","value":1}]})", false},
      {"doc.set", R"({"edits":[{"pointer":"/a/-","value":1}]})", false},
      {"doc.set", R"({"edits":[{"pointer":"/a"},{"pointer":"/b/7/c"}]})", false},
      {"doc.set", R"({"edits":[{"pointer":"/a/0","value":1}],"base":"1f3a9c2"})", true},
      {"doc.set", R"({"edits":[{"pointer":"/a"}],"if_heads":"1f3a9c2"})", false},
      {"doc.set", R"({"edits":[{"pointer":"/a"}],"if_value":0})", false},
      {"doc.set", R"({"edits":[{"pointer":"/a"}],"if_absent":true})", false},
      {"doc.set", R"({"edits":[{"pointer":"/a"}],"ack":"peers=1"})", false},
      {"doc.set", R"({"edits":[{"pointer":"/a"}],"ack":"local"})", true},
      {"doc.set", R"({"edits":"/a"})", false},
      {"doc.unset", R"({"pointers":["/a","/b"]})", true},
      {"doc.unset", R"({"pointers":["/a/3"]})", false},
      {"doc.incr", R"({"pointer":"/n","amount":1})", true},
      {"doc.incr", R"({"pointer":"/n/0","amount":1})", false},
      {"doc.insert", R"({"pointer":"/items/-","values":[1]})", true},
      {"doc.insert", R"({"pointer":"/items/0","values":[1]})", false},
      {"doc.insert", R"({"pointer":"/items/0/-","values":[1]})", false},
      {"doc.patch", R"({"type":"merge","patch":{"a":1}})", true},
      {"doc.patch", R"({"type":"json","patch":[{"op":"add","path":"/a","value":1}]})", true},
      {"doc.patch", R"({"patch":[{"op":"add","path":"/a/-","value":1}]})", true},
      {"doc.patch", R"({"patch":[{"op":"replace","path":"/a/1","value":1}]})", false},
      {"doc.patch", R"({"patch":[{"op":"test","path":"/a","value":1}]})", false},
      {"doc.patch", R"({"patch":[{"op":"move","from":"/a","path":"/b"}]})", false},
      {"doc.apply", R"({"value":{}})", false},
      {"doc.apply", R"({"value":{},"base":"1f3a9c2"})", true},
      {"doc.splice", R"({"pointer":"/t","index":0,"delete":0,"text":"x"})", false},
      {"doc.splice", R"({"pointer":"/t","index":0,"delete":0,"base":"1f3a9c2"})", true},
      {"doc.rm", R"({"docs":["n"]})", false},
      {"doc.rm", R"({"docs":["n"],"purge":true})", false},
      {"doc.get", R"({"doc":"n"})", false},
      {"name.set", R"({"name":"n","doc":"m"})", false},
  };
  for (const Row& row : kTable) {
    CAPTURE(row.method, row.params);
    CHECK(is_queueable(row.method, json::parse(row.params)) == row.queued);
  }
}

DurableClient::Options options_in(const ScratchDirectory& scratch) {
  DurableClient::Options options;
  options.connection.socket = scratch / "a.sock";
  options.connection.clock = &kClock;
  options.outbox = scratch / "outbox";
  options.command = {"set"};
  return options;
}

TEST_CASE("without an agent a write is queued and reads fail", "[outbox]") {
  const ScratchDirectory scratch;
  DurableClient client(options_in(scratch));

  const auto ack =
      client.call("doc.set", json::parse(R"({"doc":"n","edits":[{"pointer":"/a","value":1}]})"));
  const auto read = client.call("doc.get", {{"doc", "n"}});

  REQUIRE(ack.has_value());
  CHECK((*ack)["queued"] == true);
  CHECK((*ack)["durable"] == true);
  CHECK((*ack)["request_id"].get<std::string>().size() == 26);
  CHECK((*ack)["name"] == "n");
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().id == "agent.unreachable");
  CHECK(client.outbox().list()->size() == 1);
}

TEST_CASE("a queued new document has its id before it exists", "[outbox]") {
  const ScratchDirectory scratch;
  DurableClient client(options_in(scratch));

  const auto ack = client.call("doc.new", {{"value", json::object()}});

  REQUIRE(ack.has_value());
  const auto id = (*ack)["id"].get<std::string>();
  CHECK(id.starts_with("automerge:"));
  CHECK(json::parse(client.outbox().list()->front().params)["id"] == id);
}

TEST_CASE("nothing is queued where that is not wanted", "[outbox]") {
  const ScratchDirectory scratch;
  auto options = options_in(scratch);
  options.queue = false;
  DurableClient client(std::move(options));

  const auto ack =
      client.call("doc.set", json::parse(R"({"doc":"n","edits":[{"pointer":"/a","value":1}]})"));

  REQUIRE_FALSE(ack.has_value());
  CHECK(control::exit_code_of(ack.error()) == control::exit_code::kNoAgent);
  CHECK(client.outbox().is_empty());
}

TEST_CASE("what waits reaches the agent before the next request, with its own id", "[outbox]") {
  const ScratchDirectory scratch;
  DurableClient client(options_in(scratch));
  const json edit =
      json::parse(R"({"doc":"n","edits":[{"pointer":"/a","value":1}],"request_id":"first"})");
  REQUIRE(client.call("doc.set", edit).has_value());
  std::mutex mutex;
  std::vector<std::string> order;
  const FakeAgent agent(scratch / "a.sock",
                        answers([&](const std::string& method, const json& params) {
                          const std::lock_guard lock(mutex);
                          order.push_back(method + " " + params.value("request_id", ""));
                          return json{{"kind", "Ack"}};
                        }));

  const auto read = client.call("doc.get", {{"doc", "n"}});

  REQUIRE(read.has_value());
  CHECK(order == std::vector<std::string>{"doc.set first", "doc.get "});
  CHECK(client.outbox().is_empty());
}

TEST_CASE("a write whose reply is lost twice is queued with the id it was sent with", "[outbox]") {
  const ScratchDirectory scratch;
  const FakeAgent agent(scratch / "a.sock", [](const std::string&) {
    return std::vector<std::string>{FakeAgent::kHangUp};
  });
  DurableClient client(options_in(scratch));

  const auto ack = client.call(
      "doc.set",
      json::parse(R"({"doc":"n","edits":[{"pointer":"/a","value":1}],"request_id":"one"})"));

  REQUIRE(ack.has_value());
  CHECK((*ack)["queued"] == true);
  CHECK(client.outbox().list()->front().request_id == "one");
  CHECK(agent.seen().size() == 2);
  // An unnamed document may exist already under an id that nobody knows here.
  CHECK_FALSE(client.call("doc.new", {{"value", json::object()}}).has_value());
}

TEST_CASE("threads share one durable client while the agent is away", "[outbox]") {
  const ScratchDirectory scratch;
  DurableClient client(options_in(scratch));
  std::atomic<int> queued{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&client, &queued] {
      for (int i = 0; i < 10; ++i) {
        const auto ack = client.call(
            "doc.set", json::parse(R"({"doc":"n","edits":[{"pointer":"/a","value":1}]})"));
        if (ack && (*ack)["queued"] == true) ++queued;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  CHECK(queued == 40);
  const auto requests = requests_in(client.outbox());
  CHECK(std::set<std::string>(requests.begin(), requests.end()).size() == 40);
}

}  // namespace
}  // namespace converge::client
