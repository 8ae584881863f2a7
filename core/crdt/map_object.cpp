#include "core/crdt/map_object.h"

#include "core/base/assert.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace converge::crdt {

std::size_t MapObject::slot_of(KeyId key) const {
  const std::size_t mask = slots_.size() - 1;
  // Multiplying spreads the consecutive numbers that keys get.
  std::size_t at = (std::size_t{key} * 0x9e3779b97f4a7c15u >> 20) & mask;
  while (slots_[at] != 0 && entries_[slots_[at] - 1].key != key) at = (at + 1) & mask;
  return at;
}

void MapObject::rebuild_slots() const {
  slots_.assign(std::bit_ceil(entries_.size() * 4), 0);
  for (std::uint32_t i = 0; i < entries_.size(); ++i) slots_[slot_of(entries_[i].key)] = i + 1;
}

const MapObject::Entry* MapObject::find(KeyId key) const {
  if (slots_.empty() && entries_.size() > kInlineMax) rebuild_slots();
  if (slots_.empty()) {
    for (const Entry& entry : entries_) {
      if (entry.key == key) return &entry;
    }
    return nullptr;
  }
  const std::size_t at = slot_of(key);
  return slots_[at] == 0 ? nullptr : &entries_[slots_[at] - 1];
}

MapObject::Entry* MapObject::find(KeyId key) {
  return const_cast<Entry*>(static_cast<const MapObject*>(this)->find(key));
}

MapObject::Entry& MapObject::get_or_add(KeyId key) {
  if (Entry* const found = find(key)) return *found;
  entries_.emplace_back();
  entries_.back().key = key;
  if (!slots_.empty() && entries_.size() * 2 <= slots_.size()) {
    slots_[slot_of(key)] = static_cast<std::uint32_t>(entries_.size());
  } else if (entries_.size() > kInlineMax) {
    rebuild_slots();
  }
  return entries_.back();
}

MapObject::Entry& MapObject::append(KeyId key) {
  DEBUG_ASSERT(slots_.empty());
  if (sorted_.size() == entries_.size()) {
    sorted_.push_back(static_cast<std::uint32_t>(entries_.size()));
  }
  entries_.emplace_back();
  entries_.back().key = key;
  return entries_.back();
}

void MapObject::drop_last() {
  ASSERT(!entries_.empty() && entries_.back().ops.empty());
  entries_.pop_back();
  slots_.clear();
  sorted_.clear();
}

const std::vector<std::uint32_t>& MapObject::sorted(const KeyTable& keys) const {
  const std::size_t known = sorted_.size();
  if (known == entries_.size()) return sorted_;
  const auto less = [&](std::uint32_t a, std::uint32_t b) {
    return keys.text(entries_[a].key) < keys.text(entries_[b].key);
  };
  sorted_.resize(entries_.size());
  const auto middle = sorted_.begin() + static_cast<std::ptrdiff_t>(known);
  std::iota(middle, sorted_.end(), static_cast<std::uint32_t>(known));
  // A loaded document brings its keys in order already.
  if (!std::is_sorted(middle, sorted_.end(), less)) std::sort(middle, sorted_.end(), less);
  if (known > 0) std::inplace_merge(sorted_.begin(), middle, sorted_.end(), less);
  return sorted_;
}

}  // namespace converge::crdt
