#pragma once

#include "core/base/clock.h"
#include "core/base/random.h"

namespace converge {

/// The machine's clocks. Programs make one and hand it down; core only ever sees the interface. Any
/// thread.
class SystemClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point steady_now() const override;
  std::int64_t wall_now_ms() const override;
};

/// The kernel's random generator (getrandom). Any thread. A kernel that refuses aborts the program:
/// ids made without randomness could repeat, and that is the one error a merge cannot repair.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

}  // namespace converge
