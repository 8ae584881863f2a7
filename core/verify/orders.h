#pragma once

#include "core/verify/change_set.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace converge::verify {

/// Small and repeatable on every platform, unlike the standard distributions. xorshift64*.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  /// 0 .. bound-1. REQUIRES: bound > 0.
  std::uint32_t below(std::uint32_t bound) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<std::uint32_t>((state_ * 0x2545f4914f6cdd1du) >> 33) % bound;
  }

 private:
  std::uint64_t state_;
};

/// Every order of a change set in which each change comes behind its dependencies, one at a time,
/// lexicographically. Cost of a step: O(n^2) at worst, O(n) mostly. The set outlives it.
class AllOrders {
 public:
  explicit AllOrders(const ChangeSet& set);
  /// Nothing when all have been given.
  std::optional<Order> next();

 private:
  std::optional<std::uint32_t> ready_from(std::uint32_t first) const;
  bool fill();

  const ChangeSet& set_;
  Order order_;
  std::vector<bool> placed_;
  bool started_ = false;
};

/// One such order, by drawing among the changes that are ready.
Order random_order(const ChangeSet& set, Dice& dice);

/// Any order at all, dependencies ignored: what a careless network delivers.
Order shuffled(const ChangeSet& set, Dice& dice);

}  // namespace converge::verify
