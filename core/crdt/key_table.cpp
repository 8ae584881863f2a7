#include "core/crdt/key_table.h"

#include "core/base/assert.h"

#include <bit>
#include <functional>

namespace converge::crdt {
namespace {

std::uint32_t hash_of(std::string_view text) {
  return static_cast<std::uint32_t>(std::hash<std::string_view>{}(text));
}

}  // namespace

std::size_t KeyTable::slot_of(std::string_view wanted, std::uint32_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].key != 0 && (slots_[at].hash != hash || text(slots_[at].key - 1) != wanted)) {
    at = (at + 1) & mask;
  }
  return at;
}

std::optional<KeyId> KeyTable::find_inline(std::string_view wanted) const {
  for (KeyId key = 0; key < ends_.size(); ++key) {
    if (text(key) == wanted) return key;
  }
  return std::nullopt;
}

void KeyTable::reserve(std::size_t strings) {
  if (strings <= kInlineMax || strings * 2 <= slots_.size()) return;
  grow(std::bit_ceil(strings * 2));
}

void KeyTable::grow(std::size_t slots) {
  const std::vector<Slot> old = std::move(slots_);
  slots_.assign(slots, Slot{});
  const std::size_t mask = slots_.size() - 1;
  const auto place = [&](const Slot& slot) {
    std::size_t at = slot.hash & mask;
    while (slots_[at].key != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  };
  for (const Slot& slot : old) {
    if (slot.key != 0) place(slot);
  }
  for (KeyId key = 0; old.empty() && key < ends_.size(); ++key) {
    place({key + 1, hash_of(text(key))});
  }
}

KeyId KeyTable::intern(std::string_view wanted) {
  std::uint32_t hash = 0;
  std::size_t at = 0;
  if (slots_.empty()) {
    if (const auto known = find_inline(wanted)) return *known;
  } else {
    hash = hash_of(wanted);
    at = slot_of(wanted, hash);
    if (slots_[at].key != 0) return slots_[at].key - 1;
  }
  ASSERT(fits(wanted.size()));
  const auto key = static_cast<KeyId>(ends_.size());
  bytes_.append(wanted);
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  if (!slots_.empty()) slots_[at] = {key + 1, hash};
  const bool full = slots_.empty() ? ends_.size() > kInlineMax : ends_.size() * 2 > slots_.size();
  if (full) grow(slots_.empty() ? kInlineMax * 4 : slots_.size() * 2);
  return key;
}

std::optional<KeyId> KeyTable::find(std::string_view wanted) const {
  if (slots_.empty()) return find_inline(wanted);
  const std::size_t at = slot_of(wanted, hash_of(wanted));
  if (slots_[at].key == 0) return std::nullopt;
  return slots_[at].key - 1;
}

}  // namespace converge::crdt
