#include "agent/net/peer_hub.h"

#include "agent/session/message.h"
#include "tests/agent/net/running_hub.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace converge::net {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ws = boost::beast::websocket;
using asio::ip::tcp;
using session::ConnectionId;
using session::DocumentMessage;

std::string url_of(std::uint16_t port, const char* scheme = "ws") {
  return std::string(scheme) + "://127.0.0.1:" + std::to_string(port) + "/any/path?x=y";
}

session::Sync a_sync(std::size_t bytes, bool request = false) {
  return session::Sync{.request = request, .document = {}, .data = Bytes(bytes, std::byte{7})};
}

const session::Sync& sync_of(const RunningHub::Event& event) {
  return std::get<session::Sync>(*event.message);
}

/// A blocking WebSocket client that sends what no proper peer would.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, const std::string& origin = {}) : stream_(io_) {
    stream_.next_layer().connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
    if (!origin.empty()) {
      stream_.set_option(ws::stream_base::decorator([origin](ws::request_type& request) {
        request.set(beast::http::field::origin, origin);
      }));
    }
    stream_.handshake("127.0.0.1", "/", error);
  }
  void send(ByteView bytes, bool is_binary = true) {
    stream_.binary(is_binary);
    stream_.write(asio::const_buffer(bytes.data(), bytes.size()), error);
  }
  void send(const session::Message& message) { send(session::encode_message(message)); }
  session::Message receive() {
    beast::flat_buffer buffer;
    stream_.read(buffer);
    const auto data = buffer.cdata();
    auto message =
        session::decode_message({static_cast<const std::byte*>(data.data()), data.size()});
    REQUIRE(message);
    return *message;
  }
  /// Reads until the server closes; the code it gave.
  unsigned close_code() {
    beast::flat_buffer buffer;
    boost::system::error_code e;
    while (!e) {
      buffer.clear();
      stream_.read(buffer, e);
    }
    return e == ws::error::closed ? stream_.reason().code : 0u;
  }
  tcp::socket& socket() { return stream_.next_layer(); }

  boost::system::error_code error;

 private:
  asio::io_context io_;
  ws::stream<tcp::socket> stream_;
};

}  // namespace

TEST_CASE("two hubs connect, exchange messages and part", "[net]") {
  RunningHub server("server");
  RunningHub client("client");
  const auto port = server.listen();
  client.dial({.name = "hub", .url = url_of(port), .invite = "token"});

  const auto at_server = server.wait('u');
  const auto at_client = client.wait('u');
  CHECK(at_server.peer->peer_id == "client");
  CHECK(at_server.peer->role == session::Role::kServer);
  CHECK(at_server.peer->address == "127.0.0.1");
  CHECK(at_server.peer->is_persistent());
  CHECK(at_server.peer->metadata.extension->invite == "token");
  CHECK(at_client.peer->peer_id == "server");
  CHECK(at_client.peer->dialled == "hub");

  client.run([&](PeerHub& hub) { hub.send(at_client.connection, a_sync(3, true)); });
  CHECK(sync_of(server.wait('m')).request);
  CHECK(sync_of(server.wait('m')).sender == "client");
  server.run([&](PeerHub& hub) { hub.send(at_server.connection, a_sync(4)); });
  CHECK(sync_of(client.wait('m')).data.size() == 4);

  const auto dials = client.run([](PeerHub& hub) { return hub.dials(); });
  REQUIRE(dials.size() == 1);
  CHECK(dials[0].connection == at_client.connection);
  CHECK(dials[0].attempts == 1);
  CHECK(server.run([](PeerHub& hub) { return hub.connections().size(); }) == 1);

  CHECK(client.run([](PeerHub& hub) { return hub.undial("hub"); }));
  server.wait('d');
  client.wait('d');
  CHECK(client.run([](PeerHub& hub) { return hub.dials().empty(); }));
  CHECK_FALSE(client.run([](PeerHub& hub) { return hub.undial("hub"); }));
}

TEST_CASE("large messages arrive whole, and congestion is reported and relieved", "[net]") {
  RunningHub server("server");
  RunningHub client("client");
  client.dial({.name = "hub", .url = url_of(server.listen())});
  const auto up = client.wait('u');

  client.run([&](PeerHub& hub) {
    for (std::size_t i = 0; i < 6; ++i) hub.send(up.connection, a_sync((2u << 20) + i));
  });

  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(sync_of(server.wait('m', i)).data == a_sync((2u << 20) + i).data);
  }
  CHECK(client.wait('c').connection == up.connection);
  CHECK(client.wait('r').connection == up.connection);
}

TEST_CASE("a lost connection is dialled again", "[net]") {
  RunningHub client("client");
  std::uint16_t port = 0;
  {
    RunningHub server("server");
    port = server.listen();
    client.dial({.name = "hub", .url = url_of(port)});
    client.wait('u');
    server.wait('u');
    CHECK(server.stop());
    client.wait('d');
  }
  RunningHub again("server");
  CHECK(again.listen({.port = port}) == port);

  CHECK(client.wait('u', 1).peer->peer_id == "server");
  CHECK(client.count('d') == 1);
}

TEST_CASE("a peer is refused by policy and hears why", "[net]") {
  auto options = RunningHub::options_for("server");
  options.refuse = [](const session::PeerInfo&) -> std::optional<session::Refusal> {
    return session::Refusal{session::CloseCode::kUnauthenticated, "no such token"};
  };
  RunningHub server(options);
  RunningHub client("client");
  client.dial({.name = "hub", .url = url_of(server.listen())});

  CHECK(client.wait_for_log("no such token"));
  const auto dials = client.run([](PeerHub& hub) { return hub.dials(); });
  REQUIRE(dials.size() == 1);
  CHECK(client.count('u') == 0);
  CHECK(server.count('u') == 0);
}

TEST_CASE("broken peers are closed with the code that says why", "[net]") {
  auto options = RunningHub::options_for("server");
  options.frame_bytes_max = 1000;
  RunningHub server(options);
  const auto port = server.listen();
  RawClient client(port);
  client.send(session::Join{.sender = "raw"});
  CHECK(std::get<session::Peer>(client.receive()).sender == "server");

  SECTION("text") {
    client.send(as_bytes("hello"), false);
    CHECK(client.close_code() == 1003);
  }
  SECTION("no CBOR") {
    client.send(as_bytes("\xff"));
    CHECK(client.close_code() == 1002);
  }
  SECTION("empty") {
    client.send(ByteView{});
    CHECK(client.close_code() == 1002);
  }
  SECTION("too big") {
    const Bytes big(1001, std::byte{0});
    client.send(big);
    CHECK(client.close_code() == 1009);
  }
  SECTION("a second join") {
    client.send(session::Join{.sender = "raw"});
    CHECK(client.close_code() == 1002);
  }
  server.wait('d');
}

TEST_CASE("a newer connection with the same peer id wins", "[net]") {
  RunningHub server("server");
  const auto port = server.listen();
  RawClient first(port);
  first.send(session::Join{.sender = "twin"});
  first.receive();
  RawClient second(port);
  second.send(session::Join{.sender = "twin"});
  second.receive();

  CHECK(first.close_code() == 1000);
  server.wait('u', 1);
  server.wait('d');
  second.send(session::DocUnavailable{"twin", "server", {}});
  CHECK(server.wait('m').connection == server.wait('u', 1).connection);
}

TEST_CASE("origins are checked, requests without one pass", "[net]") {
  RunningHub server("server");
  const auto port = server.listen({.origins = {"https://notes.example"}});

  CHECK_FALSE(RawClient(port).error);
  CHECK_FALSE(RawClient(port, "https://notes.example").error);
  CHECK(RawClient(port, "https://evil.example").error);
  CHECK(server.wait_for_log("origin https://evil.example"));
}

TEST_CASE("plain HTTP is answered and closed", "[net]") {
  RunningHub server("server");
  const auto port = server.listen();
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
  asio::write(socket, asio::buffer(std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));

  std::string answer;
  boost::system::error_code error;
  asio::read(socket, asio::dynamic_buffer(answer), error);

  CHECK(answer.starts_with("HTTP/1.1 426"));
}

TEST_CASE("silent connections are closed when the handshake is overdue", "[net]") {
  auto options = RunningHub::options_for("server");
  options.handshake_timeout = 100ms;
  RunningHub server(options);
  const auto port = server.listen();
  SECTION("before the upgrade") {
    asio::io_context io;
    tcp::socket socket(io);
    socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
    char byte = 0;
    boost::system::error_code error;
    asio::read(socket, asio::buffer(&byte, 1), error);
    CHECK(error);
  }
  SECTION("before join") {
    RawClient client(port);
    CHECK(client.close_code() == 1000);
  }
}

TEST_CASE("connections without a handshake are bounded, and waiting ones get their turn", "[net]") {
  auto options = RunningHub::options_for("server");
  options.unauthenticated_per_address_max = 2;
  options.unauthenticated_max = 3;
  options.handshake_timeout = 2500ms;
  RunningHub server(options);
  const auto port = server.listen();
  RawClient first(port);
  RawClient second(port);

  asio::io_context io;
  tcp::socket third(io);
  third.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
  first.send(session::Join{.sender = "first"});
  first.receive();  // its slot is free again

  RawClient fourth(port);  // gets in when the third's time is over
  CHECK_FALSE(fourth.error);
}

TEST_CASE("a dead peer is noticed and terminated", "[net]") {
  auto options = RunningHub::options_for("server");
  options.ping_interval = 50ms;
  options.silence_max = 200ms;
  RunningHub server(options);
  RawClient client(server.listen());
  client.send(session::Join{.sender = "raw"});
  client.receive();

  // It never reads again, so it never answers the pings.
  server.wait('d');
  CHECK(server.wait_for_log("silent for too long"));
}

TEST_CASE("a peer that does not read is cut when sending stalls", "[net]") {
  auto options = RunningHub::options_for("server");
  options.stall_timeout = 200ms;
  options.silence_max = 60s;
  RunningHub server(options);
  RawClient client(server.listen());
  client.send(session::Join{.sender = "raw"});
  const auto up = server.wait('u');

  server.run([&](PeerHub& hub) { hub.send(up.connection, a_sync(30u << 20)); });

  server.wait('d');
  CHECK(server.wait_for_log("no progress in sending"));
}

TEST_CASE("a send queue over its bound ends the connection", "[net]") {
  auto options = RunningHub::options_for("server");
  options.queue_high_bytes = 1000;
  options.queue_low_bytes = 100;
  options.queue_max_bytes = 10'000;
  RunningHub server(options);
  RawClient client(server.listen());
  client.send(session::Join{.sender = "raw"});
  const auto up = server.wait('u');

  server.run([&](PeerHub& hub) {
    for (int i = 0; i < 20; ++i) hub.send(up.connection, a_sync(900));
  });

  server.wait('c');
  server.wait('d');
  CHECK(server.wait_for_log("send queue over its bound"));
}

TEST_CASE("pings measure the round trip", "[net]") {
  RunningHub server("server");
  RunningHub client("client");
  client.dial({.name = "hub", .url = url_of(server.listen())});
  const auto up = client.wait('u');

  const auto measure = [&](ConnectionId id) {
    std::promise<std::optional<std::chrono::microseconds>> answer;
    client.run([&](PeerHub& hub) { hub.ping(id, 5s, [&](auto rtt) { answer.set_value(rtt); }); });
    return answer.get_future().get();
  };
  const auto rtt = measure(up.connection);
  REQUIRE(rtt);
  CHECK(*rtt < 5s);
  CHECK_FALSE(measure(ConnectionId{999}));
}

TEST_CASE("two agents that dial each other keep one connection", "[net]") {
  RunningHub a("a");
  RunningHub b("b");
  const auto port_a = a.listen();
  const auto port_b = b.listen();
  b.dial({.name = "a", .url = url_of(port_a)});
  a.wait('u');
  b.wait('u');

  a.dial({.name = "b", .url = url_of(port_b)});  // a is smaller: its own dial stays

  CHECK(a.wait('u', 1).peer->role == session::Role::kClient);
  CHECK(b.wait('u', 1).peer->role == session::Role::kServer);
  b.wait('d');
  const auto b_up = b.wait('u', 1);
  b.run([&](PeerHub& hub) { hub.send(b_up.connection, a_sync(1)); });
  a.wait('m');
  const auto is_up = [](const ConnectionStatus& c) { return c.up; };
  const auto connections = a.run([](PeerHub& hub) { return hub.connections(); });
  CHECK(std::count_if(connections.begin(), connections.end(), is_up) == 1);
}

TEST_CASE("wss carries messages between pinned devices", "[net]") {
  const auto server_identity = TlsIdentity::create("server");
  const auto client_identity = TlsIdentity::create("client");
  REQUIRE(server_identity);
  REQUIRE(client_identity);
  auto server_options = RunningHub::options_for("server");
  server_options.tls = &*server_identity;
  RunningHub server(server_options);
  const auto port = server.listen({.tls = true});
  auto client_options = RunningHub::options_for("client");

  SECTION("with a client certificate") {
    client_options.tls = &*client_identity;
    RunningHub client(client_options);
    client.dial(
        {.name = "hub", .url = url_of(port, "wss"), .fingerprint = server_identity->fingerprint()});
    CHECK(server.wait('u').peer->fingerprint == client_identity->fingerprint());
    const auto up = client.wait('u');
    CHECK(up.peer->fingerprint == server_identity->fingerprint());
    client.run([&](PeerHub& hub) { hub.send(up.connection, a_sync(1u << 20)); });
    CHECK(sync_of(server.wait('m')).data.size() == 1u << 20);
  }
  SECTION("without one") {
    RunningHub client(client_options);
    client.dial(
        {.name = "hub", .url = url_of(port, "wss"), .fingerprint = server_identity->fingerprint()});
    CHECK(server.wait('u').peer->fingerprint.empty());
  }
  SECTION("a wrong pin ends the dial") {
    RunningHub client(client_options);
    client.dial(
        {.name = "hub", .url = url_of(port, "wss"), .fingerprint = client_identity->fingerprint()});
    CHECK(client.wait_for_log("not the pinned"));
    CHECK(client.count('u') == 0);
    const auto dials = client.run([](PeerHub& hub) { return hub.dials(); });
    REQUIRE(dials.size() == 1);
    CHECK(dials[0].last_error_id == "peer.untrusted");
  }
  SECTION("without a pin an unknown authority is refused") {
    RunningHub client(client_options);
    client.dial({.name = "hub", .url = url_of(port, "wss")});
    CHECK(client.wait_for_log("certificate verify failed"));
  }
}

TEST_CASE("one port serves wss and ws where both are wanted, and only wss elsewhere", "[net]") {
  const auto identity = TlsIdentity::create("server");
  REQUIRE(identity);
  auto server_options = RunningHub::options_for("server");
  server_options.tls = &*identity;
  RunningHub server(server_options);
  RunningHub client("client");

  SECTION("both") {
    const auto port = server.listen({.tls = true, .plain_too = true});
    client.dial({.name = "plain", .url = url_of(port)});
    CHECK(server.wait('u').peer->fingerprint.empty());
    CHECK(client.wait('u').peer->fingerprint.empty());
    client.run([](PeerHub& hub) { return hub.undial("plain"); });
    client.wait('d');
    client.dial(
        {.name = "secure", .url = url_of(port, "wss"), .fingerprint = identity->fingerprint()});
    CHECK(client.wait('u', 1).peer->fingerprint == identity->fingerprint());
  }
  SECTION("only wss") {
    const auto port = server.listen({.tls = true});
    client.dial({.name = "plain", .url = url_of(port)});
    CHECK(client.wait_for_log("websocket upgrade"));
    CHECK(client.count('u') == 0);
  }
}

TEST_CASE("bad dial and listen options are refused at once", "[net]") {
  RunningHub hub("hub");
  const auto port = hub.listen();
  const auto dial_error = [&](const PeerHub::DialOptions& options) {
    const auto result = hub.run([&](PeerHub& h) { return h.dial(options); });
    REQUIRE_FALSE(result);
    return result.error().code;
  };
  CHECK(dial_error({.name = "x", .url = "http://a"}) == ErrorCode::kInvalid);
  CHECK(dial_error({.name = "x", .url = "ws://a", .fingerprint = std::string(64, 'a')}) ==
        ErrorCode::kInvalid);
  CHECK(dial_error({.name = "x", .url = "wss://a", .fingerprint = "abc"}) == ErrorCode::kInvalid);
  hub.dial({.name = "x", .url = "ws://127.0.0.1:1"});
  CHECK(dial_error({.name = "x", .url = "ws://127.0.0.1:1"}) == ErrorCode::kConflict);

  const auto listen_error = [&](const PeerHub::ListenOptions& options) {
    const auto result = hub.run([&](PeerHub& h) { return h.listen(options); });
    REQUIRE_FALSE(result);
    return result.error().code;
  };
  CHECK(listen_error({.port = port}) == ErrorCode::kConflict);
  CHECK(listen_error({.address = "localhost"}) == ErrorCode::kInvalid);
  CHECK(listen_error({.address = "192.0.2.1"}) == ErrorCode::kInvalid);
  CHECK(listen_error({.tls = true}) == ErrorCode::kInvalid);
}

TEST_CASE("a hub stops in time whatever is under way", "[net]") {
  auto options = RunningHub::options_for("server");
  options.handshake_timeout = 60s;
  options.dial_timeout = 60s;
  RunningHub server(options);
  const auto port = server.listen();
  asio::io_context io;
  tcp::socket silent(io);
  silent.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
  RawClient joined(port);
  joined.send(session::Join{.sender = "raw"});
  server.wait('u');
  // A listener that never answers, so that the dial hangs in the upgrade.
  tcp::acceptor mute(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  server.dial({.name = "mute", .url = url_of(mute.local_endpoint().port())});
  mute.accept();

  const auto began = std::chrono::steady_clock::now();
  CHECK(server.stop(300ms));
  CHECK(std::chrono::steady_clock::now() - began < 5s);
  server.wait('d');
}

TEST_CASE("a hub may die without being stopped", "[net]") {
  SeededRandom random;
  asio::io_context io;
  PeerHub hub(io, RunningHub::options_for("x"), {}, random);
  const auto port = hub.listen({});
  REQUIRE(port);
  REQUIRE(hub.dial({.name = "self", .url = url_of(*port)}));
  io.run_for(50ms);
}

}  // namespace converge::net
