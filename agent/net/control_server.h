#pragma once

#include "core/base/limits.h"
#include "core/base/result.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

namespace boost::asio {
class io_context;
}

namespace converge::net {

/// Names one control connection while the process lives; never reused.
struct ControlClientId {
  std::uint64_t value = 0;
  auto operator<=>(const ControlClientId&) const = default;
};

/// Who is at the other end, as the kernel says (SO_PEERCRED).
struct ControlClient {
  ControlClientId id = {};
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// The Unix socket: lines in, lines out, guarded by file mode and peer credentials. Knows nothing
/// of JSON. Everything, the handlers included, runs on the thread of the io_context; post to it
/// from others. Source: store.md 20, core/control/PROTOCOL.md.
class ControlServer {
 public:
  struct Options {
    std::filesystem::path path = {};  ///< under 108 bytes
    /// A listening descriptor inherited from the service manager; the path is then not touched.
    std::optional<int> inherited = {};
    /// Group that may connect besides our own user and root (system agent); modes 0750/0660 then.
    std::optional<gid_t> group = {};
    std::size_t line_bytes_max = limits::kControlMessageBytesMax;
    std::size_t clients_max = 256;
    std::size_t queue_max_bytes = 256u << 20;  ///< unread answers of one client: closed above it
    std::size_t queue_high_bytes = 8u << 20;   ///< reading from it pauses above this
    /// Lines of one client that wait for their answer; no more is read of it meanwhile. Enough to
    /// keep every thread busy, few enough to stay in the processor's cache.
    std::size_t unanswered_max = 1024;
    std::chrono::milliseconds stall_timeout{60'000};
  };

  struct Handlers {
    std::function<void(const ControlClient&)> connected = {};
    /// One line without its newline. Never empty. Each wants one answer().
    std::function<void(ControlClientId, std::string)> line = {};
    /// Once per connected client, whoever closed.
    std::function<void(ControlClientId)> disconnected = {};
    /// A line is over the limit: returns the line to answer before the connection closes.
    std::function<std::string()> oversized = {};
    /// Somebody else's process connected: returns the line to answer before the connection closes.
    std::function<std::string()> denied = {};
    std::function<void(char level, const std::string& line)> log = {};
  };

  ControlServer(boost::asio::io_context& io, Options options, Handlers handlers);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Makes the directory (0700) and the socket (0600) where needed, and accepts. REQUIRES: the
  /// caller holds the agent's lock, so a left-over socket that refuses connections may be removed.
  /// Errors: kConflict (another process answers there), kDenied (directory owned by another user or
  /// open to others, not ours to bind in), kInvalid (path too long), kIo.
  Result<void> start();

  /// Queues `line` and a newline. Dropped when the client is gone.
  void send(ControlClientId client, std::string line);
  /// The same for the answer to one of the lines that the client sent; empty: there is nothing to
  /// say.
  void answer(ControlClientId client, std::string line);
  void close_after_flush(ControlClientId client);
  std::size_t client_count() const;

  /// Stops accepting at once and removes the socket; flushes answers until `deadline`, then cuts.
  /// Calls `stopped` once.
  void stop(std::chrono::milliseconds deadline, std::function<void()> stopped);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace converge::net
