#pragma once

#include "agent/config/config.h"
#include "agent/telemetry/log.h"
#include "core/base/result.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

namespace converge::runtime {

/// What the agent asks of the process that runs it. Called on threads of the agent.
struct ProcessHooks {
  /// A client asks the agent to stop within the deadline.
  std::function<void(std::chrono::milliseconds deadline)> stop;
  /// The settings as they are now: flags, environment and file are read again.
  std::function<Result<config::Config>()> read_config;
  /// These settings are in force from now on.
  std::function<void(const config::Config&)> applied;
};

/// One running agent: a store, its threads, its sockets. Everything between start() and stop()
/// happens on the agent's own threads; the object itself belongs to the thread that made it.
///
/// Stop, in this order: refuse requests, close peers, let requests under way finish, flush and
/// close the socket, finish the commit queue and close the store, end the threads. Each step has
/// its share of the deadline; what is not done by then is as after a crash, which loses nothing
/// that was acknowledged.
class Agent {
 public:
  /// Errors: those of store::open_store; kIo for a port or socket that is taken; kInvalid, kDenied.
  /// On error nothing is left running, and no file was changed but those of an opened store.
  static Result<std::unique_ptr<Agent>> start(const config::Config& config, telemetry::Log& log,
                                              ProcessHooks hooks);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  /// Has the configuration read again soon, as `agent reload` does; what comes of it is logged.
  void reload();

  /// Blocks until everything has ended. Errors: those of closing the store.
  Result<void> stop(std::chrono::milliseconds deadline);

  const std::filesystem::path& socket() const;
  /// "127.0.0.1:4433" with the port that was taken; nothing when listening is off.
  std::optional<std::string> listen_address() const;
  /// Where monitoring programs ask; nothing when that is off.
  std::optional<std::string> metrics_address() const;
  /// "ws://127.0.0.1:4433", or wss where the listener speaks nothing else.
  std::optional<std::string> listen_url() const;

 private:
  struct Impl;
  explicit Agent(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::runtime
