#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string_view>

namespace converge::client {

/// A connected, non-blocking Unix stream socket. Owns its descriptor.
class Socket {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Errors: agent.unreachable, auth.denied, usage.argument.
  static Result<Socket> connect(const std::filesystem::path& path, const Clock& clock,
                                std::chrono::milliseconds limit);
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&&) = delete;

  struct Ready {
    bool readable = false;
    bool writable = false;
  };
  /// Waits for what is asked; nothing ready when the deadline passes. A wake-up by shutdown()
  /// counts as readable.
  Ready wait(bool read, bool write, const Clock& clock, Deadline deadline) const;

  /// Bytes moved; 0 when the socket is not ready; nothing when the connection is gone.
  std::optional<std::size_t> write_some(std::string_view bytes) const;
  std::optional<std::size_t> read_some(char* into, std::size_t size) const;

  /// Ends both directions; whoever waits wakes up.
  void shutdown() const;

 private:
  int descriptor_ = -1;
};

}  // namespace converge::client
