#include "agent/net/pace.h"
#include "tests/agent/net/running_hub.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

namespace converge::net {
namespace {

using namespace std::chrono_literals;

session::Sync a_message(std::size_t bytes) {
  return {.document = DocumentId{}, .data = Bytes(bytes, std::byte{1})};
}

std::string url_to(std::uint16_t port) { return "ws://127.0.0.1:" + std::to_string(port); }

}  // namespace

TEST_CASE("a pace spreads bytes evenly and forgets idle time", "[net]") {
  Pace pace;
  const Pace::Time start{1h};
  pace.spend(1'000'000, start);
  CHECK(pace.free_at() <= start);  // no limit
  CHECK(pace.piece(4096) == 4096);

  pace.limit(100'000);
  pace.spend(50'000, start);
  CHECK(pace.free_at() == start + 500ms);
  pace.spend(50'000, start);
  CHECK(pace.free_at() == start + 1s);
  pace.spend(10'000, start + 10s);
  CHECK(pace.free_at() == start + 10s + 100ms);

  CHECK(pace.piece(1u << 20) == 25'000);
  CHECK(pace.piece(1000) == 1000);
  pace.limit(1000);
  CHECK(pace.piece(1u << 20) == 1024);
}

TEST_CASE("a held connection takes nothing, stays alive and goes on where it stopped", "[net]") {
  auto options = RunningHub::options_for("server");
  options.silence_max = 3s;
  options.ping_interval = 500ms;
  RunningHub server(options);
  RunningHub client("client");
  client.dial({.name = "hub", .url = url_to(server.listen())});
  const auto up = server.wait('u');
  const auto link = client.wait('u');
  server.run([&](PeerHub& hub) { hub.hold(up.connection, true); });
  client.run([&](PeerHub& hub) {
    for (int i = 0; i < 10; ++i) hub.send(link.connection, a_message(1000));
  });
  // Longer than the silence that ends a connection: it is we who do not listen.
  std::this_thread::sleep_for(4s);
  CHECK(server.count('m') <= 1);  // a read that had begun may end
  CHECK(server.count('d') == 0);

  server.run([&](PeerHub& hub) { hub.hold(up.connection, false); });
  server.wait('m', 9);
  CHECK(server.count('d') == 0);
}

TEST_CASE("a limited connection takes the time that its rate says", "[net]") {
  RunningHub server("server");
  RunningHub client("client");
  client.dial({.name = "hub", .url = url_to(server.listen())});
  const auto up = server.wait('u');
  const auto link = client.wait('u');
  constexpr std::size_t kBytes = 200'000;
  const auto begin = std::chrono::steady_clock::now();

  SECTION("sending") {
    client.run([&](PeerHub& hub) {
      hub.limit_rate(link.connection, 400'000);
      hub.send(link.connection, a_message(kBytes));
      hub.send(link.connection, a_message(1));
    });
  }
  SECTION("receiving") {
    server.run([&](PeerHub& hub) { hub.limit_rate(up.connection, 400'000); });
    client.run([&](PeerHub& hub) {
      hub.send(link.connection, a_message(kBytes));
      hub.send(link.connection, a_message(1));
    });
  }
  server.wait('m', 1);
  // Never faster; how much slower is the machine's affair.
  CHECK(std::chrono::steady_clock::now() - begin >= 300ms);
}

TEST_CASE("the round trip is known soon after the handshake", "[net]") {
  RunningHub server("server");
  RunningHub client("client");
  client.dial({.name = "hub", .url = url_to(server.listen())});
  client.wait('u');
  const auto end = std::chrono::steady_clock::now() + 30s;
  std::optional<std::chrono::microseconds> rtt;
  while (!rtt && std::chrono::steady_clock::now() < end) {
    const auto connections = client.run([](PeerHub& hub) { return hub.connections(); });
    if (!connections.empty()) rtt = connections.front().rtt;
    std::this_thread::sleep_for(5ms);
  }
  REQUIRE(rtt);
  CHECK(rtt->count() > 0);
}

}  // namespace converge::net
