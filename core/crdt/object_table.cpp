#include "core/crdt/object_table.h"

#include "core/base/assert.h"

#include <algorithm>
#include <numeric>

namespace converge::crdt {
namespace {

constexpr std::size_t kSlotsMin = 8;

std::size_t hash_of(OpId id) {
  const std::uint64_t both = (std::uint64_t{id.actor} << 32) | id.counter;
  return static_cast<std::size_t>((both * 0x9e3779b97f4a7c15u) >> 24);
}

}  // namespace

ObjectTable::ObjectTable() {
  objects_.emplace_back();
  maps_.emplace_back();
}

std::size_t ObjectTable::slot_of(OpId id) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash_of(id) & mask;
  while (slots_[at] != 0 && objects_[slots_[at] - 1].id != id) at = (at + 1) & mask;
  return at;
}

void ObjectTable::grow() {
  slots_.assign(slots_.empty() ? kSlotsMin : slots_.size() * 2, 0);
  for (std::uint32_t i = 1; i < objects_.size(); ++i) slots_[slot_of(objects_[i].id)] = i + 1;
}

std::uint32_t ObjectTable::find(OpId id) const {
  if (id.is_none()) return 0;
  if (slots_.empty()) return kNone;
  const std::size_t at = slot_of(id);
  return slots_[at] == 0 ? kNone : slots_[at] - 1;
}

std::uint32_t ObjectTable::add(const Object& object) {
  if (objects_.size() * 2 >= slots_.size()) grow();
  const auto number = static_cast<std::uint32_t>(objects_.size());
  const std::size_t at = slot_of(object.id);
  ASSERT(slots_[at] == 0);
  slots_[at] = number + 1;
  objects_.push_back(object);
  Object& added = objects_.back();
  if (is_sequence(object.type)) {
    added.data = static_cast<std::uint32_t>(sequences_.size());
    sequences_.emplace_back();
    sequences_.back().owner = number;
  } else {
    added.data = static_cast<std::uint32_t>(maps_.size());
    maps_.emplace_back();
  }
  return number;
}

void ObjectTable::drop_last() {
  ASSERT(objects_.size() > 1);
  const Object last = objects_.back();
  if (is_sequence(last.type)) {
    ASSERT(last.data + 1 == sequences_.size() && sequences_.back().empty());
    sequences_.pop_back();
  } else {
    ASSERT(last.data + 1 == maps_.size());
    maps_.pop_back();
  }
  objects_.pop_back();
  // Rare (an edit undone), so the table is simply filled again.
  slots_.assign(slots_.size(), 0);
  for (std::uint32_t i = 1; i < objects_.size(); ++i) slots_[slot_of(objects_[i].id)] = i + 1;
}

void ObjectTable::shrink() {
  objects_.shrink_to_fit();
  maps_.shrink_to_fit();
  sequences_.shrink_to_fit();
  for (MapObject& map : maps_) map.shrink();
}

std::vector<std::uint32_t> ObjectTable::sorted(const ActorTable& actors) const {
  std::vector<std::uint32_t> order(objects_.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto less = [&](std::uint32_t a, std::uint32_t b) {
    return actors.less(objects_[a].id, objects_[b].id);
  };
  if (!std::is_sorted(order.begin() + 1, order.end(), less)) {
    std::sort(order.begin() + 1, order.end(), less);
  }
  return order;
}

std::size_t ObjectTable::memory_bytes() const {
  return objects_.capacity() * sizeof(Object) + maps_.capacity() * sizeof(MapObject) +
         sequences_.capacity() * sizeof(Sequence) + slots_.capacity() * sizeof(std::uint32_t);
}

}  // namespace converge::crdt
