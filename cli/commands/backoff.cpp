#include "cli/commands/backoff.h"

#include "cli/commands/interrupt.h"

#include <algorithm>

namespace converge::cli {
namespace {

constexpr std::chrono::milliseconds kLongest{10'000};

}  // namespace

void Backoff::wait() {
  session_.out().note("the agent is away, trying again");
  pause_or_stop(pause_);
  pause_ = std::min(pause_ * 2, kLongest);
}

}  // namespace converge::cli
