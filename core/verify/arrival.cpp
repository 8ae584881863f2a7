#include "core/verify/arrival.h"

#include "core/base/assert.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace converge::verify {
namespace {

constexpr std::uint32_t kBatchMax = 8;

Order with_duplicates(Order order, Dice& dice) {
  const auto size = static_cast<std::uint32_t>(order.size());
  for (std::uint32_t i = 0; i < size; ++i) {
    if (dice.below(2) == 0) continue;
    const std::uint32_t at = dice.below(static_cast<std::uint32_t>(order.size()) + 1);
    order.insert(order.begin() + at, order[dice.below(static_cast<std::uint32_t>(order.size()))]);
  }
  return order;
}

}  // namespace

Arrival Arrival::one_by_one(const Order& order) {
  Arrival out;
  for (const std::uint32_t index : order) out.steps.push_back({{index}});
  return out;
}

Arrival Arrival::random(Kind kind, const ChangeSet& changes, Dice& dice) {
  ASSERT(kind != Kind::kOneByOne);
  Order order = shuffled(changes, dice);
  if (kind == Kind::kDuplicates) order = with_duplicates(std::move(order), dice);
  Arrival out;
  for (std::size_t i = 0; i < order.size();) {
    const std::size_t wanted = kind == Kind::kBatches ? 1 + dice.below(kBatchMax) : 1;
    const std::size_t count = std::min(wanted, order.size() - i);
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(i);
    Step step{Order(begin, begin + static_cast<std::ptrdiff_t>(count))};
    step.save_and_load = kind == Kind::kSaveLoad && dice.below(3) == 0;
    out.steps.push_back(std::move(step));
    i += count;
  }
  return out;
}

Order Arrival::order() const {
  Order out;
  for (const Step& step : steps) {
    for (const std::uint32_t index : step.batch) {
      if (std::find(out.begin(), out.end(), index) == out.end()) out.push_back(index);
    }
  }
  return out;
}

const std::string& Outcome::telling(const Outcome& other) const {
  if (error != other.error) return error;
  return version != other.version ? version : state;
}

Outcome arrive(const ChangeSet& changes, const Arrival& arrival, const SubjectFactory& subjects) {
  const auto subject = subjects();
  for (const Arrival::Step& step : arrival.steps) {
    std::vector<Bytes> batch;
    for (const std::uint32_t index : step.batch) batch.push_back(changes.at(index).chunk);
    if (auto applied = subject->apply(batch); !applied) return Outcome::refused(applied.error());
    if (!step.save_and_load) continue;
    if (auto loaded = subject->save_and_load(); !loaded) return Outcome::refused(loaded.error());
  }
  return {subject->version(), subject->state(), {}};
}

Result<Outcome> reference_outcome(const ChangeSet& changes, const SubjectFactory& subjects) {
  Order order(changes.size());
  std::iota(order.begin(), order.end(), 0u);
  Outcome outcome = arrive(changes, Arrival::one_by_one(order), subjects);
  if (!outcome.error.empty()) return Error{ErrorCode::kCorrupt, outcome.error, "input.file"};
  return outcome;
}

}  // namespace converge::verify
