#include "core/engine/active_marks.h"

namespace converge::engine {

using crdt::OpRecord;
using model::OpId;

void ActiveMarks::take(const OpRecord& mark) {
  stale_ = true;
  if (mark.has(OpRecord::kNamed)) {
    begun_.push_back(&mark);
    return;
  }
  const OpId begin{mark.id.counter - 1, mark.id.actor};
  std::erase_if(begun_, [&](const OpRecord* open) { return open->id == begin; });
}

const MarkSet& ActiveMarks::current() const {
  if (!stale_) return current_;
  stale_ = false;
  std::map<std::string_view, const OpRecord*> winners;
  for (const OpRecord* const mark : begun_) {
    const OpRecord*& winner = winners[ops_.keys().text(mark->extra)];
    if (winner == nullptr || ops_.actors().less(winner->id, mark->id)) winner = mark;
  }
  current_.clear();
  for (const auto& [name, mark] : winners) {
    const model::ScalarRef value = ops_.value(*mark);
    if (!value.is(model::ScalarType::kNull)) current_.emplace(name, value);
  }
  return current_;
}

}  // namespace converge::engine
