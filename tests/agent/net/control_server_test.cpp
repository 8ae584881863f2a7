#include "agent/net/control_server.h"

#include "agent/net/unix_socket.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace converge::net {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::local::stream_protocol;

class TempDir {
 public:
  TempDir() {
    std::string pattern = (fs::temp_directory_path() / "converge-control-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TempDir() { fs::remove_all(path); }
  fs::path path;
};

/// A server that answers "echo LINE", N bytes of 'x' to "big N", and nothing yet to "later", on its
/// own thread.
class RunningServer {
 public:
  explicit RunningServer(ControlServer::Options options) {
    server_.emplace(io_, std::move(options), handlers());
    started = server_->start();
    thread_ = std::jthread([this] { io_.run(); });
  }
  ~RunningServer() {
    stop(2s);
    work_.reset();
    thread_.join();
    server_.reset();
  }
  bool stop(std::chrono::milliseconds deadline) {
    if (std::exchange(stop_called_, true)) return true;
    const auto done = std::make_shared<std::promise<void>>();
    asio::post(io_,
               [this, done, deadline] { server_->stop(deadline, [done] { done->set_value(); }); });
    return done->get_future().wait_for(deadline + 5s) == std::future_status::ready;
  }
  bool wait(std::function<bool()> condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, condition);
  }

  void answer_waiting(const std::string& line) {
    asio::post(io_, [this, line] {
      const std::lock_guard lock(mutex_);
      for (const ControlClientId client : waiting) server_->answer(client, line);
    });
  }

  Result<void> started;
  std::vector<ControlClientId> waiting;  ///< guarded by the lock of wait(), like all below
  int connected = 0;
  int disconnected = 0;
  uid_t uid = 0;
  pid_t pid = 0;
  std::string log;

 private:
  ControlServer::Handlers handlers() {
    ControlServer::Handlers out;
    out.connected = [this](const ControlClient& client) {
      const std::lock_guard lock(mutex_);
      ++connected;
      uid = client.uid;
      pid = client.pid;
      changed_.notify_all();
    };
    out.disconnected = [this](ControlClientId) {
      const std::lock_guard lock(mutex_);
      ++disconnected;
      changed_.notify_all();
    };
    out.line = [this](ControlClientId client, const std::string& line) { answer(client, line); };
    out.oversized = [] { return std::string("too long"); };
    out.log = [this](char, const std::string& line) {
      const std::lock_guard lock(mutex_);
      log += line + "\n";
      changed_.notify_all();
    };
    return out;
  }

  void answer(ControlClientId client, const std::string& line) {
    if (line.starts_with("later")) {
      const std::lock_guard lock(mutex_);
      waiting.push_back(client);
      changed_.notify_all();
    } else if (line.starts_with("bye")) {
      server_->answer(client, "good bye");
      server_->close_after_flush(client);
    } else if (line.starts_with("big ")) {
      server_->answer(client, std::string(std::stoul(line.substr(4)), 'x'));
    } else {
      server_->answer(client, "echo " + line);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  asio::io_context io_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{
      asio::make_work_guard(io_)};
  std::optional<ControlServer> server_;
  bool stop_called_ = false;
  std::jthread thread_;
};

class Client {
 public:
  explicit Client(const fs::path& path) : socket_(io_) {
    socket_.connect(stream_protocol::endpoint(path.string()));
  }
  void send(const std::string& text) { asio::write(socket_, asio::buffer(text), error); }
  /// Without its newline; empty at the end of the stream.
  std::string line() {
    const std::size_t n = asio::read_until(socket_, asio::dynamic_buffer(input_), '\n', error);
    if (error) return {};
    std::string out = input_.substr(0, n - 1);
    input_.erase(0, n);
    return out;
  }
  void shutdown_send() { socket_.shutdown(stream_protocol::socket::shutdown_send); }

  boost::system::error_code error;

 private:
  asio::io_context io_;
  stream_protocol::socket socket_;
  std::string input_;
};

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

ErrorCode start_error(const fs::path& path) {
  const auto descriptor = listen_unix(path, std::nullopt);
  if (descriptor) ::close(*descriptor);
  REQUIRE_FALSE(descriptor);
  return descriptor.error().code;
}

}  // namespace

TEST_CASE("lines are answered, in order, on a socket of our own mode", "[net]") {
  const TempDir dir;
  const auto path = dir.path / "run" / "control.sock";
  RunningServer server({.path = path});
  REQUIRE(server.started);
  CHECK(mode_of(path) == 0600);
  CHECK(mode_of(path.parent_path()) == 0700);

  Client client(path);
  client.send("one\n\ntwo\nthr");
  CHECK(client.line() == "echo one");
  CHECK(client.line() == "echo two");
  client.send("ee\n");
  CHECK(client.line() == "echo three");
  CHECK(server.wait([&] { return server.connected == 1; }));
  CHECK(server.uid == ::geteuid());
  CHECK(server.pid == ::getpid());

  SECTION("a client that stops sending still gets its answers") {
    client.send("last\n");
    client.shutdown_send();
    CHECK(client.line() == "echo last");
    CHECK(client.line().empty());
    CHECK(server.wait([&] { return server.disconnected == 1; }));
  }
  SECTION("the server may end the conversation") {
    client.send("bye\nignored\n");
    CHECK(client.line() == "good bye");
    CHECK(client.line().empty());
  }
  SECTION("stopping flushes, closes and removes the socket") {
    client.send("big 3000000\n");
    CHECK(client.line().size() == 3'000'000);
    CHECK(server.stop(2s));
    CHECK(client.line().empty());
    CHECK_FALSE(fs::exists(path));
  }
}

TEST_CASE("a line may be as long as the limit and no longer", "[net]") {
  const TempDir dir;
  RunningServer server({.path = dir.path / "s", .line_bytes_max = 1000});
  Client client(dir.path / "s");
  client.send(std::string(1000, 'a') + "\n");
  CHECK(client.line().size() == 1005);
  client.send(std::string(1001, 'a') + "\n");
  CHECK(client.line() == "too long");
  CHECK(client.line().empty());
}

TEST_CASE("a client that does not read is paused and then cut", "[net]") {
  const TempDir dir;
  RunningServer server({.path = dir.path / "s",
                        .queue_max_bytes = 20u << 20,
                        .queue_high_bytes = 1u << 20,
                        .stall_timeout = 200ms});
  Client client(dir.path / "s");
  SECTION("for stalling") {
    client.send("big 5000000\n");
    CHECK(server.wait([&] { return server.log.find("does not read") != std::string::npos; }));
  }
  SECTION("for too much unread") {
    client.send("big 30000000\n");
    CHECK(server.wait([&] { return server.log.find("unread") != std::string::npos; }));
  }
  CHECK(server.wait([&] { return server.disconnected == 1; }));
}

TEST_CASE("a client with many requests unanswered is not read until some are", "[net]") {
  const TempDir dir;
  RunningServer server({.path = dir.path / "s", .unanswered_max = 4});
  Client client(dir.path / "s");
  client.send("later\nlater\nlater\nlater\nx\ny\n");
  CHECK(server.wait([&] { return server.waiting.size() == 4; }));
  server.answer_waiting("now");
  for (const char* line : {"now", "now", "now", "now", "echo x", "echo y"})
    CHECK(client.line() == line);
}

TEST_CASE("the number of clients is bounded", "[net]") {
  const TempDir dir;
  RunningServer server({.path = dir.path / "s", .clients_max = 1});
  Client first(dir.path / "s");
  first.send("x\n");
  CHECK(first.line() == "echo x");
  Client second(dir.path / "s");
  CHECK(second.line().empty());
}

TEST_CASE("a left-over socket is replaced, a living one is not", "[net]") {
  const TempDir dir;
  const auto path = dir.path / "s";
  {
    const auto left = listen_unix(path, std::nullopt);
    REQUIRE(left);
    ::close(*left);  // as a killed agent leaves it
  }
  REQUIRE(fs::exists(path));
  RunningServer server({.path = path});
  CHECK(server.started);
  CHECK(start_error(path) == ErrorCode::kConflict);
  Client client(path);
  client.send("x\n");
  CHECK(client.line() == "echo x");
}

TEST_CASE("what is not ours is neither used nor removed", "[net]") {
  const TempDir dir;
  const auto path = dir.path / "s";
  SECTION("a file in the socket's place") {
    std::ofstream(path) << "x";
    CHECK(start_error(path) == ErrorCode::kDenied);
    CHECK(fs::exists(path));
  }
  SECTION("a link in the socket's place") {
    fs::create_symlink(dir.path / "elsewhere", path);
    CHECK(start_error(path) == ErrorCode::kDenied);
    CHECK(fs::is_symlink(path));
  }
  SECTION("a directory that others can write") {
    REQUIRE(::chmod(dir.path.c_str(), 0777) == 0);
    CHECK(start_error(path) == ErrorCode::kDenied);
    REQUIRE(::chmod(dir.path.c_str(), 0770) == 0);
    CHECK(start_error(path) == ErrorCode::kDenied);
  }
  SECTION("a directory that is a link") {
    fs::create_directory_symlink("/tmp", dir.path / "link");
    CHECK(start_error(dir.path / "link" / "s") == ErrorCode::kDenied);
  }
  SECTION("a directory of another user") {
    if (::geteuid() != 0) {
      WARN("SKIPPED: giving a directory away needs root");
      return;
    }
    REQUIRE(::chown(dir.path.c_str(), 12345, 12345) == 0);
    CHECK(start_error(path) == ErrorCode::kDenied);
    REQUIRE(::chown(dir.path.c_str(), 0, 0) == 0);
  }
  SECTION("paths that are too long or relative") {
    const std::string name(200, 'x');
    CHECK(start_error(dir.path / name) == ErrorCode::kInvalid);
    CHECK(start_error("relative") == ErrorCode::kInvalid);
  }
}

TEST_CASE("only our own user, root and the group may connect", "[net]") {
  const uid_t me = ::geteuid();
  CHECK(may_connect({1, me, 5, {}}, std::nullopt));
  CHECK(may_connect({1, 0, 0, {}}, std::nullopt));
  CHECK_FALSE(may_connect({1, me + 1, 5, {7}}, std::nullopt));
  CHECK(may_connect({1, me + 1, 7, {}}, 7));
  CHECK(may_connect({1, me + 1, 5, {6, 7}}, 7));
  CHECK_FALSE(may_connect({1, me + 1, 5, {6}}, 7));
}

TEST_CASE("a listening socket can be inherited, anything else is refused", "[net]") {
  const TempDir dir;
  const auto path = dir.path / "s";
  const auto inherited = listen_unix(path, std::nullopt);
  REQUIRE(inherited);
  {
    RunningServer server({.path = "/nonexistent/never/touched", .inherited = *inherited});
    REQUIRE(server.started);
    Client client(path);
    client.send("x\n");
    CHECK(client.line() == "echo x");
  }
  CHECK(fs::exists(path));  // it belongs to whoever made it

  const int other = ::dup(0);
  CHECK_FALSE(adopt_unix(other));
}

}  // namespace converge::net
