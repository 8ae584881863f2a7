#pragma once

#include "core/base/result.h"
#include "core/verify/change_set.h"
#include "core/verify/orders.h"
#include "core/verify/subject.h"

#include <cstdint>
#include <string>
#include <vector>

namespace converge::verify {

/// One way in which a change set reaches a replica: batches of indices, with saves in between.
struct Arrival {
  enum class Kind : std::uint8_t { kOneByOne, kDuplicates, kBatches, kSaveLoad };

  struct Step {
    Order batch;
    bool save_and_load = false;  ///< behind the batch
  };
  std::vector<Step> steps;

  static Arrival one_by_one(const Order& order);
  /// REQUIRES: not kOneByOne. Dependencies are ignored: changes also arrive before what they depend
  /// on.
  static Arrival random(Kind kind, const ChangeSet& changes, Dice& dice);

  /// The order of first arrival.
  Order order() const;
};

/// What a replica ended as. A refusal is an outcome too: no way of arriving may be refused.
struct Outcome {
  std::string version;
  std::string state;
  std::string error;
  static Outcome refused(const Error& why) { return {{}, {}, why.message}; }
  bool operator==(const Outcome&) const = default;
  /// The part that differs, for people: error, else version, else state.
  const std::string& telling(const Outcome& other) const;
};

Outcome arrive(const ChangeSet& changes, const Arrival& arrival, const SubjectFactory& subjects);

/// What all others are compared with: one by one in index order. Errors: the subject's refusal.
Result<Outcome> reference_outcome(const ChangeSet& changes, const SubjectFactory& subjects);

}  // namespace converge::verify
