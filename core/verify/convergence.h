#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/verify/change_set.h"
#include "core/verify/subject.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Does a set of changes give one document, whatever way it arrives? The question that a CI job
/// asks (`syncctl verify convergence`) and that our own property tests ask.
namespace converge::verify {

/// Something that must hold of the document in every state that is closed under dependencies: in
/// all of them where all orders are tried, else in those on the way of kRandomArrivals orders.
struct Invariant {
  std::string name;  ///< "schema", "invariant:1"
  /// Gets the state's JSON. Says what is wrong, or nothing. Errors stop the run.
  std::function<Result<std::optional<std::string>>(const std::string& state)> check;
};

struct Options {
  /// How many orders; nothing: all when there are at most kAllOrdersMax, else kRandomOrders.
  std::optional<std::uint64_t> orders = {};
  bool all_orders = false;  ///< however many there are
  std::uint64_t seed = 0;
  bool duplicates = true;
  bool batches = true;
  bool save_load = true;
  bool minimize = true;
  std::vector<Invariant> invariants = {};
  const Clock* clock = nullptr;  ///< required with a deadline; without one nothing is timed
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  /// Asked between two cases with the number of cases so far; true ends the run as a deadline does.
  /// May be empty.
  std::function<bool(std::uint64_t cases)> stop = {};
};

inline constexpr std::uint64_t kAllOrdersMax = 5040;
inline constexpr std::uint64_t kRandomOrders = 2000;
/// Of each of the other ways to arrive: duplicated, in batches, with saves in between.
inline constexpr std::uint64_t kRandomArrivals = 50;

struct PropertyResult {
  std::string name;  ///< order, duplicate, batch, save-load, or an invariant's
  bool ok = true;
  std::uint64_t cases = 0;
  std::uint64_t failed = 0;
  std::chrono::milliseconds elapsed = {};
};

/// The smallest change set found that still breaks a property, and one way to arrive that shows it.
struct CounterExample {
  std::string property;
  ChangeSet changes;
  std::vector<model::ChangeHash> order;  ///< of arrival
  std::string expected;
  std::string got;
  std::string state;  ///< JSON of the wrong state
};

struct ConvergenceReport {
  bool ok = true;
  std::size_t changes = 0;
  std::size_t concurrent = 0;
  bool all_orders = false;
  std::uint64_t orders_possible = 0;  ///< capped at kOrdersCountMax
  std::uint64_t orders_run = 0;
  bool timed_out = false;
  std::vector<PropertyResult> properties;
  std::vector<CounterExample> counter_examples;  ///< at most one a property
};

inline constexpr std::uint64_t kOrdersCountMax = 10'000'000;

/// The same changes, options and seed give the same report, but for the times. Errors: those of an
/// invariant; the first order's failure to apply at all (a change set that no replica accepts).
Result<ConvergenceReport> check_convergence(const ChangeSet& changes,
                                            const SubjectFactory& subjects, const Options& options);

}  // namespace converge::verify
