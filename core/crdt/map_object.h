#pragma once

#include "core/crdt/key_table.h"
#include "core/crdt/register.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace converge::crdt {

/// The registers of one map (or table). Entries keep the order in which keys first came, so an
/// entry's number never changes; small maps are searched in line, larger ones through a hash table;
/// the sorted order is built when somebody iterates and extended by the keys that came since.
///
/// Costs: find O(1), iteration O(keys) plus sorting the new ones.
class MapObject {
 public:
  struct Entry {
    KeyId key = 0;
    Register ops;
  };

  Entry* find(KeyId key);
  const Entry* find(KeyId key) const;
  /// The key's entry, new and empty if there was none. References to entries end here.
  Entry& get_or_add(KeyId key);
  /// The same for a key greater than all there are, which nobody has to search for: bulk loading.
  Entry& append(KeyId key);
  /// REQUIRES: the entry added last, without ops.
  void drop_last();

  /// Entry numbers ascending by the UTF-8 bytes of their keys.
  const std::vector<std::uint32_t>& sorted(const KeyTable& keys) const;
  const Entry& entry(std::uint32_t number) const { return entries_[number]; }
  const std::vector<Entry>& entries() const { return entries_; }
  void reserve(std::size_t keys) { entries_.reserve(keys); }

  /// Gives slack back.
  void shrink() {
    entries_.shrink_to_fit();
    sorted_.shrink_to_fit();
  }

  /// Keys with at least one visible value. Kept by whoever changes registers.
  std::uint32_t visible_keys = 0;

  std::size_t memory_bytes() const {
    return entries_.capacity() * sizeof(Entry) +
           (slots_.capacity() + sorted_.capacity()) * sizeof(std::uint32_t);
  }

 private:
  static constexpr std::size_t kInlineMax = 16;

  std::size_t slot_of(KeyId key) const;
  void rebuild_slots() const;

  std::vector<Entry> entries_;
  /// entry number + 1; 0 is free. Empty while the map is small or nobody searched yet.
  mutable std::vector<std::uint32_t> slots_;
  mutable std::vector<std::uint32_t> sorted_;
};

}  // namespace converge::crdt
