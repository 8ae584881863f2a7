#include "core/client/client.h"

#include "core/base/system.h"
#include "core/control/error_table.h"
#include "core/control/rpc.h"
#include "tests/cli/fake_agent.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

namespace converge::client {
namespace {

using control::ErrorId;
using nlohmann::json;
using std::chrono::milliseconds;
using testing::FakeAgent;
using testing::ScratchDirectory;

struct Fixture {
  ScratchDirectory scratch;
  SystemClock clock;

  Result<std::unique_ptr<Client>> connect() {
    return Client::connect({.socket = scratch / "s", .clock = &clock});
  }
  Client::Deadline in(milliseconds time) const { return clock.steady_now() + time; }
};

std::string result_line(std::int64_t id, const json& result) {
  std::string line = control::encode_result(control::RequestId(id), result);
  line.pop_back();
  return line;
}

std::int64_t id_of(const std::string& line) { return json::parse(line)["id"].get<std::int64_t>(); }

TEST_CASE("a call brings back what the agent answers", "[client]") {
  Fixture f;
  const FakeAgent agent(f.scratch / "s",
                        testing::answers([](const std::string& method, const json& params) {
                          return json{{"method", method}, {"params", params}};
                        }));
  const auto client = f.connect();
  REQUIRE(client);

  const auto answer = (*client)->call("doc.get", {{"doc", "a"}}, f.in(milliseconds(5000)));

  REQUIRE(answer);
  CHECK((*answer)["method"] == "doc.get");
  CHECK((*answer)["params"]["doc"] == "a");
}

TEST_CASE("an error of the agent arrives as that error", "[client]") {
  Fixture f;
  const FakeAgent agent(f.scratch / "s", testing::answers([](const std::string&, const json&) {
                          return json{{"kind", "Error"},
                                      {"code", "doc.not_found"},
                                      {"exit", 3},
                                      {"message", "no document is called \"a\""},
                                      {"hint", "look"}};
                        }));
  const auto client = f.connect();
  REQUIRE(client);

  const auto answer = (*client)->call("doc.get", {{"doc", "a"}});

  REQUIRE_FALSE(answer);
  CHECK(is(answer.error(), ErrorId::kDocNotFound));
  CHECK(answer.error().hint == "look");
}

TEST_CASE("pipelined answers may come in another order", "[client]") {
  Fixture f;
  std::vector<std::string> held;
  const FakeAgent agent(f.scratch / "s", [&](const std::string& line) {
    held.push_back(line);
    std::vector<std::string> out;
    if (held.size() == 3)
      for (auto it = held.rbegin(); it != held.rend(); ++it)
        out.push_back(result_line(id_of(*it), json::parse(*it)["params"]["n"]));
    return out;
  });
  const auto client = f.connect();
  REQUIRE(client);

  std::vector<Client::Ticket> tickets;
  for (int n = 0; n < 3; ++n) {
    const auto ticket = (*client)->send("m", {{"n", n}});
    REQUIRE(ticket);
    tickets.push_back(*ticket);
  }

  for (int n = 0; n < 3; ++n) {
    const auto answer =
        (*client)->wait(tickets[static_cast<std::size_t>(n)], f.in(milliseconds(5000)));
    REQUIRE(answer);
    CHECK(*answer == n);
  }
}

TEST_CASE("many threads share one connection", "[client]") {
  Fixture f;
  const FakeAgent agent(
      f.scratch / "s",
      testing::answers([](const std::string&, const json& params) { return params["n"]; }));
  const auto client = f.connect();
  REQUIRE(client);

  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto answer = (*client)->call("m", {{"n", t * 1000 + i}}, f.in(milliseconds(20000)));
        if (answer && *answer == t * 1000 + i) ++right;
      }
    });
  for (std::thread& thread : threads) thread.join();

  CHECK(right == 400);
}

TEST_CASE("a silent agent is a time-out, and a late answer is thrown away", "[client]") {
  Fixture f;
  std::string first;
  const FakeAgent agent(f.scratch / "s", [&](const std::string& line) -> std::vector<std::string> {
    if (first.empty()) {
      first = line;
      return {};
    }
    return {result_line(id_of(first), "late"), result_line(id_of(line), "right")};
  });
  const auto client = f.connect();
  REQUIRE(client);

  const auto start = f.clock.steady_now();
  const auto late = (*client)->call("m", json::object(), f.in(milliseconds(100)));
  const auto took = f.clock.steady_now() - start;
  const auto next = (*client)->call("m", json::object(), f.in(milliseconds(5000)));

  REQUIRE_FALSE(late);
  CHECK(is(late.error(), ErrorId::kTimeout));
  CHECK(took >= milliseconds(95));
  REQUIRE(next);
  CHECK(*next == "right");
}

TEST_CASE("a connection that closes fails every call from then on", "[client]") {
  Fixture f;
  const FakeAgent agent(f.scratch / "s", [](const std::string&) {
    return std::vector<std::string>{FakeAgent::kHangUp};
  });
  const auto client = f.connect();
  REQUIRE(client);

  for (int i = 0; i < 2; ++i) {
    const auto answer = (*client)->call("m", json::object(), f.in(milliseconds(5000)));
    REQUIRE_FALSE(answer);
    CHECK(is(answer.error(), ErrorId::kAgentUnreachable));
  }
}

TEST_CASE("an answer that is no JSON-RPC ends the connection with an internal error", "[client]") {
  Fixture f;
  const FakeAgent agent(
      f.scratch / "s", [](const std::string&) { return std::vector<std::string>{"HTTP/1.1 200"}; });
  const auto client = f.connect();
  REQUIRE(client);

  const auto answer = (*client)->call("m", json::object(), f.in(milliseconds(5000)));

  REQUIRE_FALSE(answer);
  CHECK(is(answer.error(), ErrorId::kInternal));
}

TEST_CASE("nobody at the socket is agent.unreachable", "[client]") {
  Fixture f;

  SECTION("no socket") {}
  SECTION("a file that is no socket") { f.scratch.write("s", "x"); }

  const auto client = f.connect();
  REQUIRE_FALSE(client);
  CHECK(is(client.error(), ErrorId::kAgentUnreachable));
  CHECK(client.error().message.find((f.scratch / "s").string()) != std::string::npos);
  CHECK_FALSE(client.error().hint.empty());
}

TEST_CASE("a socket path that is too long is a usage error", "[client]") {
  Fixture f;
  const auto client =
      Client::connect({.socket = f.scratch / std::string(200, 'x'), .clock = &f.clock});

  REQUIRE_FALSE(client);
  CHECK(is(client.error(), ErrorId::kUsageArgument));
}

TEST_CASE("notifications are kept in order while calls go on", "[client]") {
  Fixture f;
  const FakeAgent agent(f.scratch / "s", [](const std::string& line) {
    std::vector<std::string> out;
    for (int n = 0; n < 3; ++n) {
      std::string note = control::encode_notification("event", {{"n", n}});
      note.pop_back();
      out.push_back(note);
    }
    out.insert(out.begin() + 1, result_line(id_of(line), {{"subscription", 1}}));
    return out;
  });
  const auto client = f.connect();
  REQUIRE(client);

  REQUIRE((*client)->call("watch.start", json::object(), f.in(milliseconds(5000))));
  for (int n = 0; n < 3; ++n) {
    const auto note = (*client)->next_notification(f.in(milliseconds(5000)));
    REQUIRE(note);
    REQUIRE(*note);
    CHECK((**note)["n"] == n);
  }
  const auto none = (*client)->next_notification(f.in(milliseconds(50)));
  REQUIRE(none);
  CHECK_FALSE(*none);
}

}  // namespace
}  // namespace converge::client
