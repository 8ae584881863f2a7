#include "agent/net/http_server.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace converge::net {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;

/// A server on a thread of its own: "/hello" says hello, "/missing" is 404, "/never" has no answer.
class RunningHttp {
 public:
  explicit RunningHttp(HttpServer::Options options = {.address = "127.0.0.1"}) {
    server_ = std::make_unique<HttpServer>(
        io_, std::move(options),
        [this](const std::string& path, std::function<void(HttpAnswer)> answer) {
          if (path == "/hello") return answer({.body = "hello\n"});
          if (path == "/missing") return answer({.status = 404, .body = "nothing\n"});
          unanswered_.push_back(std::move(answer));
        });
    const auto started = server_->start();
    REQUIRE(started);
    port = *started;
    thread_ = std::jthread([this] { io_.run(); });
  }
  ~RunningHttp() {
    std::promise<void> stopped;
    asio::post(io_, [&] { server_->stop([&stopped] { stopped.set_value(); }); });
    CHECK(stopped.get_future().wait_for(20s) == std::future_status::ready);
    work_.reset();
    thread_.join();
  }

  std::uint16_t port = 0;

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::vector<std::function<void(HttpAnswer)>> unanswered_;
  std::unique_ptr<HttpServer> server_;
  std::jthread thread_;
};

/// Everything the server says to these bytes until it closes.
std::string talk(std::uint16_t port, const std::string& request) {
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
  boost::system::error_code error;
  asio::write(socket, asio::buffer(request), error);
  std::string out;
  asio::read(socket, asio::dynamic_buffer(out), error);
  return out;
}

std::string get(std::uint16_t port, const std::string& path, const std::string& more = "") {
  return talk(port, "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + more + "\r\n");
}

std::string status_of(const std::string& response) { return response.substr(0, 12); }

}  // namespace

TEST_CASE("a path is answered, once a connection", "[net]") {
  RunningHttp server;

  const std::string answer = get(server.port, "/hello?x=1");

  CHECK(status_of(answer) == "HTTP/1.1 200");
  CHECK(answer.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\nhello\n"));
  CHECK(status_of(get(server.port, "/missing")) == "HTTP/1.1 404");
}

TEST_CASE("HEAD has the headers of GET and no body", "[net]") {
  RunningHttp server;

  const std::string answer = talk(server.port, "HEAD /hello HTTP/1.1\r\nHost: localhost:9\r\n\r\n");

  CHECK(status_of(answer) == "HTTP/1.1 200");
  CHECK(answer.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\n"));
}

TEST_CASE("whatever is not a plain request is refused by its status", "[net]") {
  struct Row {
    std::string request;
    const char* status;
  };
  const std::string host = "Host: 127.0.0.1\r\n";
  const Row rows[] = {
      {"POST /hello HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n", "HTTP/1.1 405"},
      {"DELETE /hello HTTP/1.1\r\n" + host + "\r\n", "HTTP/1.1 405"},
      {"GET /hello HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc", "HTTP/1.1 400"},
      {"GET /hello HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
       "HTTP/1.1 400"},
      {"GET /hello\r\n\r\n", "HTTP/1.1 400"},
      {"GET /hello HTTP/9.9\r\n\r\n", "HTTP/1.1 400"},
      {"\x16\x03\x01\x02 this is TLS\r\n\r\n", "HTTP/1.1 400"},
      {"GET /hello HTTP/1.1\r\n" + host + "X: a\x01z\r\nno colon\r\n\r\n", "HTTP/1.1 400"},
      {"GET /hello HTTP/1.1\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", "HTTP/1.1 431"},
      {"GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n", "HTTP/1.1 431"},
      {"GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403"},
      {"GET /hello HTTP/1.1\r\nHost: 192.168.1.1:80\r\n\r\n", "HTTP/1.1 403"},
      {"GET /hello HTTP/1.1\r\nHost: [::1\r\n\r\n", "HTTP/1.1 403"},
      {"GET /hello HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "HTTP/1.1 200"},
      {"GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.1 200"},
  };
  RunningHttp server;

  for (const Row& row : rows) {
    INFO(row.request.substr(0, 60));
    CHECK(status_of(talk(server.port, row.request)) == row.status);
  }
}

TEST_CASE("a client that says nothing, and a handler that says nothing, have their time", "[net]") {
  RunningHttp impatient({.address = "127.0.0.1", .request_timeout = 50ms});
  RunningHttp patient({.address = "127.0.0.1", .request_timeout = 60s, .answer_timeout = 50ms});

  CHECK(talk(impatient.port, "GET /he").empty());
  CHECK(status_of(get(patient.port, "/never")) == "HTTP/1.1 503");
}

TEST_CASE("connections are bounded, and an address of another machine is refused", "[net]") {
  {
    RunningHttp server({.address = "127.0.0.1", .connections_max = 0});
    CHECK(get(server.port, "/hello").empty());
  }
  asio::io_context io;
  for (const char* address : {"0.0.0.0", "192.0.2.1", "nowhere", ""}) {
    HttpServer server(io, {.address = address}, nullptr);
    const auto started = server.start();
    REQUIRE_FALSE(started);
    CHECK(started.error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("a port that is taken is a conflict", "[net]") {
  RunningHttp first;
  asio::io_context io;
  HttpServer second(io, {.address = "127.0.0.1", .port = first.port}, nullptr);

  const auto started = second.start();

  REQUIRE_FALSE(started);
  CHECK(started.error().code == ErrorCode::kConflict);
}

}  // namespace converge::net
