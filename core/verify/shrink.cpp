#include "core/verify/shrink.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <unordered_map>

namespace converge::verify {
namespace {

using model::ChangeHash;

// An arrival without the changes that `smaller` no longer has, renumbered.
Arrival restricted(const Arrival& arrival, const ChangeSet& from, const ChangeSet& smaller) {
  std::unordered_map<ChangeHash, std::uint32_t, model::ChangeHashHasher> place;
  for (std::uint32_t i = 0; i < smaller.size(); ++i) place.emplace(smaller.at(i).hash, i);
  Arrival out;
  for (const Arrival::Step& step : arrival.steps) {
    Arrival::Step kept{{}, step.save_and_load};
    for (const std::uint32_t index : step.batch) {
      const auto found = place.find(from.at(index).hash);
      if (found != place.end()) kept.batch.push_back(found->second);
    }
    if (!kept.batch.empty()) out.steps.push_back(std::move(kept));
  }
  return out;
}

// Drops what can be dropped while `still_fails` says that the rest shows the failure.
void minimise(ChangeSet& changes, Arrival& arrival,
              const std::function<bool(const ChangeSet&, const Arrival&)>& still_fails) {
  for (bool shrunk = true; shrunk;) {
    shrunk = false;
    for (auto i = static_cast<std::uint32_t>(changes.size()); i-- > 0;) {
      if (i >= changes.size()) continue;  // more than one went with an earlier drop
      ChangeSet smaller = changes.without(i);
      Arrival rest = restricted(arrival, changes, smaller);
      if (smaller.size() == 0 || !still_fails(smaller, rest)) continue;
      changes = std::move(smaller);
      arrival = std::move(rest);
      shrunk = true;
    }
  }
}

std::vector<ChangeHash> hashes_of(const ChangeSet& changes, const Order& order) {
  std::vector<ChangeHash> out;
  for (const std::uint32_t index : order) out.push_back(changes.at(index).hash);
  return out;
}

}  // namespace

CounterExample shrink_arrival(const std::string& property, const ChangeSet& changes,
                              const Arrival& arrival, const SubjectFactory& subjects,
                              bool minimize) {
  ChangeSet small = changes;
  Arrival way = arrival;
  if (minimize) {
    minimise(small, way, [&subjects](const ChangeSet& set, const Arrival& a) {
      const auto reference = reference_outcome(set, subjects);
      return reference && !(arrive(set, a, subjects) == *reference);
    });
  }
  const Outcome got = arrive(small, way, subjects);
  const auto reference = reference_outcome(small, subjects);
  const Outcome expected = reference ? *reference : Outcome::refused(reference.error());
  return {
      property, small, hashes_of(small, way.order()), expected.telling(got), got.telling(expected),
      got.state};
}

Result<std::optional<Breach>> find_breach(const ChangeSet& changes, const Order& order,
                                          const SubjectFactory& subjects,
                                          const Invariant& invariant) {
  const auto subject = subjects();
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (auto applied = subject->apply({changes.at(order[i]).chunk}); !applied)
      return applied.error();
    std::string state = subject->state();
    auto wrong = invariant.check(state);
    if (!wrong) return wrong.error();
    if (!*wrong) continue;
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    return std::optional<Breach>({Order(order.begin(), end), std::move(state), std::move(**wrong)});
  }
  return std::optional<Breach>();
}

Result<CounterExample> shrink_breach(const ChangeSet& changes, const Breach& breach,
                                     const SubjectFactory& subjects, const Invariant& invariant,
                                     bool minimize) {
  ChangeSet small = changes;
  Arrival way = Arrival::one_by_one(breach.order);
  Breach shown = breach;
  std::optional<Error> failure;
  const auto breaks = [&](const ChangeSet& set, const Arrival& a) {
    const auto found = find_breach(set, a.order(), subjects, invariant);
    if (!found) failure = found.error();
    if (!found || !*found) return false;
    shown = **found;
    return true;
  };
  // What never arrived has no part in it.
  for (auto i = static_cast<std::uint32_t>(small.size()); i-- > 0;) {
    const Order order = way.order();
    if (std::find(order.begin(), order.end(), i) != order.end()) continue;
    ChangeSet smaller = small.without(i);
    way = restricted(way, small, smaller);
    small = std::move(smaller);
  }
  if (minimize) minimise(small, way, breaks);
  if (failure) return *failure;
  const auto last = find_breach(small, way.order(), subjects, invariant);
  if (!last) return last.error();
  if (*last) shown = **last;
  return CounterExample{invariant.name, small,      hashes_of(small, shown.order),
                        "holds",        shown.what, shown.state};
}

}  // namespace converge::verify
