#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace converge::client {

/// A blocking connection to the agent's control socket (core/control/PROTOCOL.md).
///
/// Any thread, any number of them. There is no thread of its own: of the callers that wait for an
/// answer one reads the socket for all, the others sleep until theirs is there. Requests may be
/// pipelined: send() as many as wanted, then wait() for each in any order. Once the connection is
/// lost every call fails; make a new one.
class Client {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  static constexpr Deadline kNoDeadline = Deadline::max();

  struct Options {
    std::filesystem::path socket;
    const Clock* clock = nullptr;  ///< must outlive the client
    std::chrono::milliseconds connect_limit{2000};
    /// Sees every line sent (true) and received (false), for --debug. May be empty.
    std::function<void(bool sent, std::string_view line)> trace = {};
  };

  /// Errors: agent.unreachable (no socket, nobody listens, the limit passed), auth.denied (the
  /// socket belongs to somebody else), usage.argument (the path is too long for a socket).
  static Result<std::unique_ptr<Client>> connect(const Options& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  using Ticket = std::int64_t;

  /// Hands a request to the agent. Errors: agent.unreachable (connection lost), timeout,
  /// input.too_large (params over limits::kControlMessageBytesMax).
  Result<Ticket> send(std::string_view method, const nlohmann::json& params,
                      Deadline deadline = kNoDeadline);

  /// The answer, once. Errors: what the agent answered; agent.unreachable; timeout, after which the
  /// answer is thrown away when it comes. REQUIRES: the ticket is of this client and not yet waited
  /// for.
  Result<nlohmann::json> wait(Ticket ticket, Deadline deadline = kNoDeadline);

  /// send and wait.
  Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params,
                              Deadline deadline = kNoDeadline);

  /// The next notification's params, in order of arrival; nothing when the deadline passes first.
  /// The socket is read only while a caller waits, so a slow reader slows the stream. Calls made
  /// beside a stream keep its notifications, at most kNotificationsMax; beyond that the connection
  /// counts as lost. Errors: agent.unreachable, limit.exceeded.
  Result<std::optional<nlohmann::json>> next_notification(Deadline deadline = kNoDeadline);
  static constexpr std::size_t kNotificationsMax = 1024;

  const std::filesystem::path& socket() const;

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::client
