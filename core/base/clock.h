#pragma once

#include <chrono>
#include <cstdint>

namespace converge {

/// Source of time. core never reads a clock by itself; tests pass a fake one. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic, for deadlines and intervals.
  virtual std::chrono::steady_clock::time_point steady_now() const = 0;
  /// Milliseconds since 1970 UTC, for display and receipts only; never decides a merge.
  virtual std::int64_t wall_now_ms() const = 0;
};

}  // namespace converge
