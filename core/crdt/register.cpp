#include "core/crdt/register.h"

#include "core/base/assert.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace converge::crdt {

// ------------------------------------------------------------------------------------ Successors

Successors::Spill& Successors::spill(OpRecord& op) {
  if (op.has(OpRecord::kSpilled)) return spills_[op.succ.counter];

  std::uint32_t at = 0;
  if (free_.empty()) {
    at = static_cast<std::uint32_t>(spills_.size());
    spills_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
    spills_[at] = Spill{};
  }
  Spill& out = spills_[at];
  if (!op.succ.is_none()) {
    out.ids.push_back(op.succ);
    out.hiding = 1;  // an increment of a counter never sits inline
    ++ids_;
  }
  op.flags = static_cast<std::uint8_t>(op.flags | OpRecord::kSpilled);
  op.succ = OpId{at, 0};
  return out;
}

std::vector<OpId>::iterator Successors::place_of(Spill& list, OpId succ) const {
  // The youngest op nearly always comes, or goes, last.
  if (list.ids.empty() || actors_->less(list.ids.back(), succ)) return list.ids.end();
  return std::lower_bound(list.ids.begin(), list.ids.end(), succ,
                          [this](OpId a, OpId b) { return actors_->less(a, b); });
}

void Successors::add(OpRecord& op, OpId succ, bool increments, std::int64_t amount) {
  const bool adds = increments && op.is_counter();
  if (!adds && !op.has(OpRecord::kSpilled) && op.succ.is_none()) {
    op.succ = succ;
    return;
  }
  Spill& list = spill(op);
  list.ids.insert(place_of(list, succ), succ);
  ++ids_;
  if (adds) {
    // Wrapping, as automerge-format 6.3 asks.
    list.sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(list.sum) +
                                         static_cast<std::uint64_t>(amount));
  } else {
    ++list.hiding;
  }
}

void Successors::remove(OpRecord& op, OpId succ, bool increments, std::int64_t amount) {
  if (!op.has(OpRecord::kSpilled)) {
    ASSERT(op.succ == succ);
    op.succ = OpId{};
    return;
  }
  Spill& list = spills_[op.succ.counter];
  const auto at = place_of(list, succ);
  ASSERT(at != list.ids.end() && *at == succ);
  list.ids.erase(at);
  --ids_;
  if (increments && op.is_counter()) {
    list.sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(list.sum) -
                                         static_cast<std::uint64_t>(amount));
  } else {
    --list.hiding;
  }
  // Back to the inline form as soon as it can say the same.
  if (list.ids.empty()) {
    clear(op);
  } else if (list.ids.size() == 1 && list.hiding == 1) {
    const OpId only = list.ids[0];
    clear(op);
    op.succ = only;
  }
}

void Successors::clear(OpRecord& op) {
  if (op.has(OpRecord::kSpilled)) {
    ids_ -= spills_[op.succ.counter].ids.size();
    spills_[op.succ.counter] = Spill{};
    free_.push_back(op.succ.counter);
    op.flags = static_cast<std::uint8_t>(op.flags & ~OpRecord::kSpilled);
  }
  op.succ = OpId{};
}

std::size_t Successors::count(const OpRecord& op) const {
  if (op.has(OpRecord::kSpilled)) return spills_[op.succ.counter].ids.size();
  return op.succ.is_none() ? 0 : 1;
}

OpId Successors::at(const OpRecord& op, std::size_t index) const {
  if (op.has(OpRecord::kSpilled)) return spills_[op.succ.counter].ids[index];
  return op.succ;
}

bool Successors::contains(const OpRecord& op, OpId succ) const {
  if (!op.has(OpRecord::kSpilled)) return op.succ == succ && !succ.is_none();
  const auto& ids = spilled(op).ids;
  return std::binary_search(ids.begin(), ids.end(), succ,
                            [this](OpId a, OpId b) { return actors_->less(a, b); });
}

bool Successors::visible(const OpRecord& op) const {
  if (op.action == Action::kInc) return false;
  if (op.has(OpRecord::kSpilled)) return spills_[op.succ.counter].hiding == 0;
  return op.succ.is_none();
}

std::int64_t Successors::increments(const OpRecord& op) const {
  return op.has(OpRecord::kSpilled) ? spills_[op.succ.counter].sum : 0;
}

// -------------------------------------------------------------------------------------- Register

Register::Register(Register&& other) noexcept
    : visible(other.visible),
      size_(other.size_),
      capacity_(other.capacity_),
      increments_(other.increments_) {
  if (capacity_ == 0) {
    inline_ = other.inline_;
  } else {
    heap_ = other.heap_;
  }
  other.size_ = 0;
  other.capacity_ = 0;
  other.increments_ = 0;
  other.visible = 0;
}

Register& Register::operator=(Register&& other) noexcept {
  if (this == &other) return *this;
  if (capacity_ != 0) delete[] heap_;
  visible = other.visible;
  size_ = other.size_;
  capacity_ = other.capacity_;
  increments_ = other.increments_;
  if (capacity_ == 0) {
    inline_ = other.inline_;
  } else {
    heap_ = other.heap_;
  }
  other.size_ = 0;
  other.capacity_ = 0;
  other.increments_ = 0;
  other.visible = 0;
  return *this;
}

Register::~Register() {
  if (capacity_ != 0) delete[] heap_;
}

std::size_t Register::lower_bound(OpId id, const ActorTable& actors) const {
  const OpRecord* first = begin();
  // New ops nearly always come last.
  if (size_ == 0 || actors.less(first[size_ - 1].id, id)) return size_;
  const OpRecord* at = std::lower_bound(
      first, first + size_, id,
      [&actors](const OpRecord& op, OpId wanted) { return actors.less(op.id, wanted); });
  return static_cast<std::size_t>(at - first);
}

const OpRecord* Register::find(OpId id, const ActorTable& actors) const {
  const std::size_t at = lower_bound(id, actors);
  return at < size_ && begin()[at].id == id ? begin() + at : nullptr;
}

OpRecord* Register::find(OpId id, const ActorTable& actors) {
  const std::size_t at = lower_bound(id, actors);
  return at < size_ && begin()[at].id == id ? begin() + at : nullptr;
}

OpRecord& Register::insert(const OpRecord& op, const ActorTable& actors) {
  const std::size_t at = lower_bound(op.id, actors);
  if (at + increments_ >= size_) {
    const auto behind = static_cast<std::uint32_t>(size_ - at);
    increments_ = op.action == Action::kInc ? increments_ + 1 : behind;
  }
  if (size_ == 0 && capacity_ == 0) {
    inline_ = op;
    size_ = 1;
    return inline_;
  }
  const std::uint32_t room = capacity_ == 0 ? 1 : capacity_;
  if (size_ == room) {
    const std::uint32_t grown = room * 2;
    auto* const more = new OpRecord[grown];
    std::copy(begin(), end(), more);
    if (capacity_ != 0) delete[] heap_;
    heap_ = more;
    capacity_ = grown;
  }
  OpRecord* const place = begin() + at;
  std::copy_backward(place, end(), end() + 1);
  *place = op;
  ++size_;
  return *place;
}

void Register::erase(OpId id, const ActorTable& actors) {
  const std::size_t at = lower_bound(id, actors);
  ASSERT(at < size_ && begin()[at].id == id);
  std::copy(begin() + at + 1, end(), begin() + at);
  --size_;
  if (at + increments_ > size_) --increments_;
  while (increments_ < size_ && (values_end() - 1)->action == Action::kInc) ++increments_;
}

}  // namespace converge::crdt
