#pragma once

#include "cli/commands/session.h"

#include <chrono>

namespace converge::cli {

/// Between two attempts to reach an agent that went away: from 200 ms, twice as long each time, up
/// to 10 s.
class Backoff {
 public:
  explicit Backoff(Session& session) : session_(session) {}

  /// Says that the agent is away and sleeps; shorter when the command is to stop.
  void wait();
  /// The agent answers again.
  void reset() { pause_ = kFirst; }

 private:
  static constexpr std::chrono::milliseconds kFirst{200};

  Session& session_;
  std::chrono::milliseconds pause_ = kFirst;
};

}  // namespace converge::cli
