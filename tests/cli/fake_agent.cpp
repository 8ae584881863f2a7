#include "tests/cli/fake_agent.h"

#include "core/control/error_json.h"
#include "core/control/rpc.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace converge::testing {

ScratchDirectory::ScratchDirectory() {
  std::string name = "/tmp/converge-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = name;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchDirectory::write(const std::string& name, const std::string& content) const {
  std::filesystem::create_directories((path_ / name).parent_path());
  std::ofstream(path_ / name, std::ios::binary) << content;
  return (path_ / name).string();
}

FakeAgent::FakeAgent(const std::filesystem::path& socket, Script script)
    : script_(std::move(script)) {
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 8) != 0)
    throw std::runtime_error("cannot listen on " + socket.string());
  thread_ = std::thread([this] { serve(); });
}

FakeAgent::~FakeAgent() {
  stopping_ = true;
  thread_.join();
  ::close(listener_);
}

std::vector<std::string> FakeAgent::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void FakeAgent::serve() {
  while (!stopping_) {
    pollfd wait{listener_, POLLIN, 0};
    if (::poll(&wait, 1, 10) <= 0) continue;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    talk(connection);
    ::close(connection);
  }
}

void FakeAgent::talk(int connection) {
  control::LineSplitter splitter;
  while (!stopping_) {
    pollfd wait{connection, POLLIN, 0};
    if (::poll(&wait, 1, 10) <= 0) continue;
    char buffer[4096];
    const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) return;
    splitter.feed({buffer, static_cast<std::size_t>(got)});
    while (true) {
      const auto line = splitter.next();
      if (!line || !*line) break;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(**line);
      }
      for (const std::string& answer : script_(**line)) {
        if (answer == kHangUp) return;
        const std::string bytes = answer + "\n";
        if (::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
      }
    }
  }
}

FakeAgent::Script answers(
    std::function<nlohmann::json(const std::string&, const nlohmann::json&)> answer) {
  return [answer = std::move(answer)](const std::string& line) -> std::vector<std::string> {
    const auto parsed = control::parse_request(line);
    const auto* request = std::get_if<control::Request>(&parsed);
    if (request == nullptr) return {FakeAgent::kHangUp};
    const nlohmann::json result = answer(request->method, *request->params);
    std::string out = result.is_object() && result.value("kind", "") == "Error"
                          ? control::encode_error(request->id, control::from_json(result))
                          : control::encode_result(request->id, result);
    out.pop_back();
    return {out};
  };
}

}  // namespace converge::testing
