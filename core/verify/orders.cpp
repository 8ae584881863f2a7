#include "core/verify/orders.h"

#include <algorithm>
#include <numeric>

namespace converge::verify {

AllOrders::AllOrders(const ChangeSet& set) : set_(set), placed_(set.size()) {}

std::optional<std::uint32_t> AllOrders::ready_from(std::uint32_t first) const {
  for (std::uint32_t i = first; i < set_.size(); ++i) {
    if (placed_[i]) continue;
    const auto& deps = set_.at(i).deps;
    if (std::all_of(deps.begin(), deps.end(), [this](std::uint32_t d) { return placed_[d]; }))
      return i;
  }
  return std::nullopt;
}

bool AllOrders::fill() {
  while (order_.size() < set_.size()) {
    const auto next = ready_from(0);
    if (!next) return false;
    placed_[*next] = true;
    order_.push_back(*next);
  }
  return true;
}

std::optional<Order> AllOrders::next() {
  if (!started_) {
    started_ = true;
    if (!fill()) return std::nullopt;
    return order_;
  }
  while (!order_.empty()) {
    const std::uint32_t last = order_.back();
    order_.pop_back();
    placed_[last] = false;
    const auto other = ready_from(last + 1);
    if (!other) continue;
    placed_[*other] = true;
    order_.push_back(*other);
    fill();
    return order_;
  }
  return std::nullopt;
}

Order random_order(const ChangeSet& set, Dice& dice) {
  std::vector<std::vector<std::uint32_t>> dependents(set.size());
  std::vector<std::size_t> waiting(set.size());
  Order ready;
  for (std::uint32_t i = 0; i < set.size(); ++i) {
    waiting[i] = set.at(i).deps.size();
    for (const std::uint32_t dep : set.at(i).deps) dependents[dep].push_back(i);
    if (waiting[i] == 0) ready.push_back(i);
  }
  Order out;
  while (!ready.empty()) {
    const std::uint32_t pick = dice.below(static_cast<std::uint32_t>(ready.size()));
    const std::uint32_t next = ready[pick];
    ready[pick] = ready.back();
    ready.pop_back();
    out.push_back(next);
    for (const std::uint32_t d : dependents[next]) {
      if (--waiting[d] == 0) ready.push_back(d);
    }
  }
  return out;
}

Order shuffled(const ChangeSet& set, Dice& dice) {
  Order out(set.size());
  std::iota(out.begin(), out.end(), 0u);
  for (std::size_t i = out.size(); i > 1; --i) {
    std::swap(out[i - 1], out[dice.below(static_cast<std::uint32_t>(i))]);
  }
  return out;
}

}  // namespace converge::verify
