#include "core/verify/convergence.h"

#include "core/base/assert.h"
#include "core/verify/arrival.h"
#include "core/verify/orders.h"
#include "core/verify/shrink.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace converge::verify {
namespace {

/// Whether an invariant holds in a state, by the set of changes it holds.
using Judged = std::unordered_map<std::vector<bool>, bool>;

class Checker {
 public:
  Checker(const ChangeSet& changes, const SubjectFactory& subjects, const Options& options)
      : changes_(changes), subjects_(subjects), options_(options) {}

  Result<ConvergenceReport> run() {
    report_.changes = changes_.size();
    report_.concurrent = changes_.concurrent_count();
    report_.orders_possible = changes_.count_orders(kOrdersCountMax);
    if (const auto reference = reference_outcome(changes_, subjects_); reference) {
      reference_ = *reference;
    } else {
      return reference.error();
    }
    run_orders();
    if (options_.duplicates) run_arrivals("duplicate", Arrival::Kind::kDuplicates);
    if (options_.batches) run_arrivals("batch", Arrival::Kind::kBatches);
    if (options_.save_load) run_arrivals("save-load", Arrival::Kind::kSaveLoad);
    for (const Invariant& invariant : options_.invariants) {
      if (auto done = run_invariant(invariant); !done) return done.error();
    }
    report_.ok = std::all_of(report_.properties.begin(), report_.properties.end(),
                             [](const PropertyResult& p) { return p.ok; });
    return std::move(report_);
  }

 private:
  bool out_of_time() {
    if (options_.stop) {
      std::uint64_t cases = 0;
      for (const PropertyResult& property : report_.properties) cases += property.cases;
      report_.timed_out = report_.timed_out || options_.stop(cases);
    }
    if (!options_.deadline) return report_.timed_out;
    ASSERT(options_.clock != nullptr);
    report_.timed_out = report_.timed_out || options_.clock->steady_now() >= *options_.deadline;
    return report_.timed_out;
  }

  void run_orders() {
    const auto start = now();
    report_.properties.push_back({.name = "order"});
    report_.all_orders =
        options_.all_orders || (!options_.orders && report_.orders_possible <= kAllOrdersMax);
    AllOrders all(changes_);
    Dice dice(options_.seed);
    const std::uint64_t limit = options_.orders.value_or(kRandomOrders);
    while (!out_of_time()) {
      std::optional<Order> order;
      if (report_.all_orders) {
        order = all.next();
      } else if (report_.orders_run < limit) {
        order = random_order(changes_, dice);
      }
      if (!order) break;
      ++report_.orders_run;
      try_arrival(report_.properties.size() - 1, Arrival::one_by_one(*order));
    }
    report_.properties.back().elapsed = since(start);
  }

  void run_arrivals(const char* name, Arrival::Kind kind) {
    const auto start = now();
    report_.properties.push_back({.name = name});
    Dice dice(options_.seed + static_cast<std::uint64_t>(kind));
    for (std::uint64_t i = 0; i < kRandomArrivals && !out_of_time(); ++i) {
      try_arrival(report_.properties.size() - 1, Arrival::random(kind, changes_, dice));
    }
    report_.properties.back().elapsed = since(start);
  }

  void try_arrival(std::size_t property, const Arrival& arrival) {
    PropertyResult& result = report_.properties[property];
    ++result.cases;
    const Outcome outcome = arrive(changes_, arrival, subjects_);
    if (outcome == reference_) return;
    result.ok = false;
    if (result.failed++ > 0) return;
    report_.counter_examples.push_back(
        shrink_arrival(result.name, changes_, arrival, subjects_, options_.minimize));
  }

  // Every state on the way of an order is closed under dependencies. Many orders share their
  // states, and a check may cost a process: each state is judged once.
  Result<bool> holds_on_the_way(const Order& order, const Invariant& invariant, Judged& judged) {
    std::vector<bool> state(changes_.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      state[order[i]] = true;
      auto known = judged.find(state);
      if (known == judged.end()) {
        const auto begin = order.begin();
        const auto outcome = arrive(
            changes_, Arrival::one_by_one(Order(begin, begin + static_cast<std::ptrdiff_t>(i) + 1)),
            subjects_);
        if (!outcome.error.empty()) return Error{ErrorCode::kCorrupt, outcome.error, "input.file"};
        const auto wrong = invariant.check(outcome.state);
        if (!wrong) return wrong.error();
        known = judged.emplace(state, !wrong->has_value()).first;
      }
      if (!known->second) return false;
    }
    return true;
  }

  Result<void> run_invariant(const Invariant& invariant) {
    const auto start = now();
    PropertyResult result{.name = invariant.name};
    AllOrders all(changes_);
    Dice dice(options_.seed);
    Judged judged;
    while ((report_.all_orders || result.cases < kRandomArrivals) && !out_of_time()) {
      const auto order = report_.all_orders ? all.next() : random_order(changes_, dice);
      if (!order) break;
      ++result.cases;
      const auto holds = holds_on_the_way(*order, invariant, judged);
      if (!holds) return holds.error();
      if (*holds) continue;
      result.ok = false;
      if (result.failed++ > 0) continue;
      if (auto shown = show_breach(*order, invariant); !shown) return shown;
    }
    result.elapsed = since(start);
    report_.properties.push_back(result);
    return {};
  }

  Result<void> show_breach(const Order& order, const Invariant& invariant) {
    const auto breach = find_breach(changes_, order, subjects_, invariant);
    if (!breach) return breach.error();
    if (!*breach)
      return Error{ErrorCode::kInvalid,
                   invariant.name + " answers differently when it is asked again", "io"};
    auto example = shrink_breach(changes_, **breach, subjects_, invariant, options_.minimize);
    if (!example) return example.error();
    report_.counter_examples.push_back(std::move(*example));
    return {};
  }

  using Time = std::chrono::steady_clock::time_point;
  Time now() const { return options_.clock == nullptr ? Time() : options_.clock->steady_now(); }
  std::chrono::milliseconds since(Time start) const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now() - start);
  }

  const ChangeSet& changes_;
  const SubjectFactory& subjects_;
  const Options& options_;
  Outcome reference_;
  ConvergenceReport report_;
};

}  // namespace

Result<ConvergenceReport> check_convergence(const ChangeSet& changes,
                                            const SubjectFactory& subjects,
                                            const Options& options) {
  return Checker(changes, subjects, options).run();
}

}  // namespace converge::verify
