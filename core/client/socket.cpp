#include "core/client/socket.h"

#include "core/control/error_table.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace converge::client {
namespace {

using control::ErrorId;
using control::make_error;

constexpr const char* kStartHint =
    "start it with \"systemctl --user start syncd\", or read a stopped store with --store DIR";

Error refused(const std::filesystem::path& path, int error) {
  if (error == EACCES || error == EPERM)
    return make_error(ErrorId::kAuthDenied, "permission denied on the socket " + path.string(),
                      "the socket belongs to another user or group; see \"ls -l\" on it");
  std::string why;
  if (error == ECONNREFUSED) why = "\nthe socket is there but nobody listens on it";
  if (error == ETIMEDOUT) why = "\nit took the connection but did not answer in time";
  if (error != ECONNREFUSED && error != ENOENT && error != ETIMEDOUT)
    why = "\n" + std::generic_category().message(error);
  return make_error(ErrorId::kAgentUnreachable, "no agent answers at " + path.string() + why,
                    kStartHint);
}

/// Milliseconds for poll: -1 is for ever.
int poll_limit(const Clock& clock, Socket::Deadline deadline) {
  if (deadline == Socket::Deadline::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.steady_now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

}  // namespace

Result<Socket> Socket::connect(const std::filesystem::path& path, const Clock& clock,
                               std::chrono::milliseconds limit) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof address.sun_path)
    return make_error(ErrorId::kUsageArgument,
                      "the socket path " + text + " is longer than " +
                          std::to_string(sizeof address.sun_path - 1) + " bytes",
                      "use a shorter path, or a symbolic link to its directory");
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0)
    return make_error(ErrorId::kIo, "no socket: " + std::generic_category().message(errno));
  Socket socket(descriptor);
  const Deadline deadline = clock.steady_now() + limit;
  // A Unix socket connects at once or says EAGAIN when the listener's queue is full.
  while (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EINPROGRESS) return refused(path, errno);
    if (clock.steady_now() >= deadline) return refused(path, ETIMEDOUT);
    ::poll(nullptr, 0, 10);
  }
  return socket;
}

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Socket::Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket::Ready Socket::wait(bool read, bool write, const Clock& clock, Deadline deadline) const {
  pollfd entry{descriptor_, 0, 0};
  if (read) entry.events |= POLLIN;
  if (write) entry.events |= POLLOUT;
  do {
    const int got = ::poll(&entry, 1, poll_limit(clock, deadline));
    if (got > 0) break;
    if (got < 0 && errno != EINTR) break;
  } while (deadline == Deadline::max() || clock.steady_now() < deadline);
  const bool broken = (entry.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  return {broken || (entry.revents & POLLIN) != 0, broken || (entry.revents & POLLOUT) != 0};
}

std::optional<std::size_t> Socket::write_some(std::string_view bytes) const {
  const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  return std::nullopt;
}

std::optional<std::size_t> Socket::read_some(char* into, std::size_t size) const {
  const ssize_t got = ::recv(descriptor_, into, size, 0);
  if (got > 0) return static_cast<std::size_t>(got);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  return std::nullopt;
}

void Socket::shutdown() const { ::shutdown(descriptor_, SHUT_RDWR); }

}  // namespace converge::client
