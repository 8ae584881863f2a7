#include "core/crdt/key_table.h"

#include "core/base/assert.h"

#include <functional>

namespace converge::crdt {
namespace {

constexpr std::size_t kSlotsMin = 16;

}  // namespace

std::size_t KeyTable::slot_of(std::string_view wanted) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = std::hash<std::string_view>{}(wanted)&mask;
  while (slots_[at] != 0 && text(slots_[at] - 1) != wanted) at = (at + 1) & mask;
  return at;
}

void KeyTable::grow() {
  slots_.assign(slots_.empty() ? kSlotsMin : slots_.size() * 2, 0);
  for (KeyId key = 0; key < ends_.size(); ++key) slots_[slot_of(text(key))] = key + 1;
}

KeyId KeyTable::intern(std::string_view wanted) {
  if (ends_.size() * 2 >= slots_.size()) grow();
  const std::size_t at = slot_of(wanted);
  if (slots_[at] != 0) return slots_[at] - 1;

  ASSERT(fits(wanted.size()));
  const auto key = static_cast<KeyId>(ends_.size());
  bytes_.append(wanted);
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  slots_[at] = key + 1;
  return key;
}

std::optional<KeyId> KeyTable::find(std::string_view wanted) const {
  if (slots_.empty()) return std::nullopt;
  const std::size_t at = slot_of(wanted);
  if (slots_[at] == 0) return std::nullopt;
  return slots_[at] - 1;
}

}  // namespace converge::crdt
