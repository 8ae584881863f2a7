#pragma once

#include "core/verify/arrival.h"
#include "core/verify/change_set.h"
#include "core/verify/convergence.h"
#include "core/verify/orders.h"
#include "core/verify/subject.h"

#include <optional>
#include <string>

/// From a failing case to the fewest changes that still fail. Greedy: drop one change with
/// everything that depends on it, newest first, keep the drop if the rest still fails, until
/// nothing can be dropped.
namespace converge::verify {

/// REQUIRES: `arrival` ends in another outcome than the reference.
CounterExample shrink_arrival(const std::string& property, const ChangeSet& changes,
                              const Arrival& arrival, const SubjectFactory& subjects,
                              bool minimize);

/// A prefix of an order whose state breaks an invariant.
struct Breach {
  Order order;  ///< up to and with the change that broke it
  std::string state;
  std::string what;
};

/// Checks the state after every step. Nothing: the invariant held throughout.
Result<std::optional<Breach>> find_breach(const ChangeSet& changes, const Order& order,
                                          const SubjectFactory& subjects,
                                          const Invariant& invariant);

Result<CounterExample> shrink_breach(const ChangeSet& changes, const Breach& breach,
                                     const SubjectFactory& subjects, const Invariant& invariant,
                                     bool minimize);

}  // namespace converge::verify
