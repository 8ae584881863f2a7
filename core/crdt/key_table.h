#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::crdt {

/// Number of a string interned in one document.
using KeyId = std::uint32_t;

/// The map keys and mark names of a document, each kept once, one behind the other. A few are
/// searched in line; more through open addressing, half full at most. Views are valid until the
/// next intern of a new string. Cost: O(length) to hash and compare.
class KeyTable {
 public:
  KeyId intern(std::string_view text);
  std::optional<KeyId> find(std::string_view text) const;
  /// Makes room for so many strings in all, so that bulk loading does not grow step by step.
  void reserve(std::size_t strings);
  std::string_view text(KeyId key) const {
    const std::size_t begin = key == 0 ? 0 : ends_[key - 1];
    return std::string_view(bytes_).substr(begin, ends_[key] - begin);
  }
  std::size_t size() const { return ends_.size(); }
  /// Whether another string of that length still has a place.
  bool fits(std::size_t more) const { return bytes_.size() + more < UINT32_MAX; }
  /// Gives slack back.
  void shrink() {
    bytes_.shrink_to_fit();
    ends_.shrink_to_fit();
  }
  std::size_t memory_bytes() const {
    return bytes_.capacity() + ends_.capacity() * sizeof(std::uint32_t) +
           slots_.capacity() * sizeof(Slot);
  }

 private:
  /// The hash decides nearly every comparison and spares hashing again when the table grows.
  struct Slot {
    std::uint32_t key = 0;  ///< KeyId + 1; 0 is free
    std::uint32_t hash = 0;
  };

  static constexpr std::size_t kInlineMax = 16;

  std::size_t slot_of(std::string_view text, std::uint32_t hash) const;
  std::optional<KeyId> find_inline(std::string_view text) const;
  void grow(std::size_t slots);

  std::string bytes_;
  std::vector<std::uint32_t> ends_;
  std::vector<Slot> slots_;  ///< empty while there are few
};

}  // namespace converge::crdt
