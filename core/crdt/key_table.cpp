#include "core/crdt/key_table.h"

#include "core/base/assert.h"

#include <functional>

namespace converge::crdt {
namespace {

constexpr std::size_t kSlotsMin = 16;

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

void KeyTable::grow() {
  const std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.empty() ? kSlotsMin : old.size() * 2, Slot{});
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.key == 0) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].key != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

KeyId KeyTable::intern(std::string_view wanted) {
  if (ends_.size() * 2 >= slots_.size()) grow();
  const std::uint32_t hash = hash_of(wanted);
  const std::size_t at = slot_of(wanted, hash);
  if (slots_[at].key != 0) return slots_[at].key - 1;

  ASSERT(fits(wanted.size()));
  const auto key = static_cast<KeyId>(ends_.size());
  bytes_.append(wanted);
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  slots_[at] = {key + 1, hash};
  return key;
}

std::optional<KeyId> KeyTable::find(std::string_view wanted) const {
  if (slots_.empty()) return std::nullopt;
  const std::size_t at = slot_of(wanted, hash_of(wanted));
  if (slots_[at].key == 0) return std::nullopt;
  return slots_[at].key - 1;
}

}  // namespace converge::crdt
