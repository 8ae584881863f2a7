#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace converge::net {

/// Spreads bytes over time so that no second carries more than the rate. A pure value; whoever
/// moves the bytes waits until free_at(). Rate 0: no limit.
class Pace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void limit(std::uint64_t bytes_per_second) { bytes_per_second_ = bytes_per_second; }
  bool is_limited() const { return bytes_per_second_ > 0; }

  /// These bytes were moved just now.
  void spend(std::size_t bytes, Time now) {
    if (!is_limited()) return;
    const std::chrono::duration<double> taken(static_cast<double>(bytes) /
                                              static_cast<double>(bytes_per_second_));
    const Time begin = free_at_ > now ? free_at_ : now;
    free_at_ = begin + std::chrono::duration_cast<Time::duration>(taken);
  }
  /// Nothing more before this moment; in the past when there is no reason to wait.
  Time free_at() const { return free_at_; }

  /// A piece that takes a quarter of a second, within bounds.
  std::size_t piece(std::size_t bytes_max) const {
    constexpr std::size_t kPieceMin = 1024;
    if (!is_limited()) return bytes_max;
    const std::uint64_t quarter = bytes_per_second_ / 4;
    if (quarter >= bytes_max) return bytes_max;
    return quarter < kPieceMin ? kPieceMin : static_cast<std::size_t>(quarter);
  }

 private:
  std::uint64_t bytes_per_second_ = 0;
  Time free_at_{};
};

}  // namespace converge::net
