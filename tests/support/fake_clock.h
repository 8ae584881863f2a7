#pragma once

#include "core/base/clock.h"

#include <chrono>
#include <cstdint>

namespace converge::testing {

/// Time that moves only when a test says so. Not thread-safe.
class FakeClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point steady_now() const override { return steady_; }
  std::int64_t wall_now_ms() const override { return wall_ms_; }

  void advance(std::chrono::milliseconds by) {
    steady_ += by;
    wall_ms_ += by.count();
  }
  void set_wall_ms(std::int64_t wall_ms) { wall_ms_ = wall_ms; }

 private:
  std::chrono::steady_clock::time_point steady_{std::chrono::hours(1)};
  std::int64_t wall_ms_ = 1'763'629'200'120;  // 2025-11-20T09:00:00.120Z
};

}  // namespace converge::testing
