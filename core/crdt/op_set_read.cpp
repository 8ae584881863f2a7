#include "core/base/assert.h"
#include "core/crdt/op_set.h"

#include <algorithm>

namespace converge::crdt {

using model::Action;

bool OpSet::visible(const Register& ops, const OpRecord& op, const Clock* clock) const {
  if (clock == nullptr) return successors_.visible(op);
  if (op.action == Action::kInc || !clock->covers(op.id)) return false;
  const std::size_t count = successors_.count(op);
  for (std::size_t i = 0; i < count; ++i) {
    const OpId succ = successors_.at(op, i);
    if (!clock->covers(succ)) continue;
    if (!op.is_counter()) return false;
    const OpRecord* const by = ops.find(succ, actors_);
    if (by == nullptr || by->action != Action::kInc) return false;
  }
  return true;
}

const OpRecord* OpSet::winner(const Register& ops, const Clock* clock) const {
  if (clock == nullptr && ops.visible == 0) return nullptr;
  for (const OpRecord* op = ops.values_end(); op != ops.begin();) {
    --op;
    if (visible(ops, *op, clock)) return op;
  }
  return nullptr;
}

std::vector<const OpRecord*> OpSet::visible_ops(const Register& ops, const Clock* clock) const {
  std::vector<const OpRecord*> out;
  const std::size_t wanted = clock == nullptr ? ops.visible : ops.size();
  for (const OpRecord* op = ops.values_end(); op != ops.begin() && out.size() < wanted;) {
    --op;
    if (visible(ops, *op, clock)) out.push_back(op);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::int64_t OpSet::counter_value(const Register& ops, const OpRecord& op,
                                  const Clock* clock) const {
  // Wrapping arithmetic, as automerge-format 6.3 asks.
  auto sum = static_cast<std::uint64_t>(value(op).as_int());
  if (clock == nullptr) {
    return static_cast<std::int64_t>(sum + static_cast<std::uint64_t>(successors_.increments(op)));
  }
  const std::size_t count = successors_.count(op);
  for (std::size_t i = 0; i < count; ++i) {
    const OpId succ = successors_.at(op, i);
    if (!clock->covers(succ)) continue;
    const OpRecord* const by = ops.find(succ, actors_);
    if (by == nullptr || by->action != Action::kInc) continue;
    sum += static_cast<std::uint64_t>(amount_of(value(*by)));
  }
  return static_cast<std::int64_t>(sum);
}

const Register* OpSet::map_register(const Object& object, std::string_view key) const {
  if (is_sequence(object.type)) return nullptr;
  const auto id = keys_.find(key);
  if (!id) return nullptr;
  const MapObject::Entry* const entry = objects_.map(object).find(*id);
  return entry == nullptr ? nullptr : &entry->ops;
}

std::size_t OpSet::memory_bytes() const {
  return sizeof(OpSet) + keys_.memory_bytes() + content_.memory_bytes() +
         successors_.memory_bytes() + objects_.memory_bytes() + forest_.memory_bytes();
}

}  // namespace converge::crdt
