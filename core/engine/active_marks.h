#pragma once

#include "core/crdt/op_set.h"

#include <map>
#include <string_view>
#include <vector>

namespace converge::engine {

/// Mark names and their values at one place, null ones left out. Views into the op set.
using MarkSet = std::map<std::string_view, model::ScalarRef>;

/// The marks open at one point of a walk through a text (automerge-format 6.8). Cost: take O(open
/// marks), current O(1) between two takes.
class ActiveMarks {
 public:
  explicit ActiveMarks(const crdt::OpSet& ops) : ops_(ops) {}

  /// The walk passed a visible mark op.
  void take(const crdt::OpRecord& mark);
  /// Name to the value of the open mark with the greatest id.
  const MarkSet& current() const;

 private:
  const crdt::OpSet& ops_;
  std::vector<const crdt::OpRecord*> begun_;
  mutable MarkSet current_;
  mutable bool stale_ = false;
};

}  // namespace converge::engine
