#pragma once

#include "core/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace converge::crdt {

/// Where the element with a given id is: per actor, an ordered map from counter ranges to leaves.
/// An entry reaches to the next one, gaps included, so a leaf found here *may* hold the id; only
/// looking into it tells. That keeps the map far smaller than one entry a span: typing extends the
/// last entry in place, and a span that is split inside its leaf changes nothing here.
///
/// Entries lie in blocks of at most kBlockMax, so an insertion moves at most one block.
/// Costs: find and assign O(log entries).
class IdIndex {
 public:
  static constexpr std::uint32_t kNone = 0xffffffffu;

  /// The leaf that holds the element if any does; kNone when no id up to it was ever assigned.
  std::uint32_t find(model::OpId id) const;
  /// Elements [first, first + length) are in `leaf` now.
  void assign(model::OpId first, std::uint32_t length, std::uint32_t leaf);
  void clear() { lanes_.clear(); }

  std::size_t memory_bytes() const;

 private:
  static constexpr std::size_t kBlockMax = 128;

  struct Entry {
    std::uint32_t counter;
    std::uint32_t leaf;
  };
  using Block = std::vector<Entry>;
  /// One actor's entries, ascending; no block is empty.
  struct Lane {
    std::vector<Block> blocks;
    std::uint64_t limit = 0;  ///< one past the greatest counter ever assigned
  };
  struct Spot {
    std::size_t block;
    std::size_t entry;
  };

  /// The first entry with counter >= the wanted one; block == blocks.size() when there is none.
  static Spot lower_bound(const Lane& lane, std::uint32_t counter);
  static std::uint32_t find_in(const Lane& lane, std::uint32_t counter);
  static void insert(Lane& lane, Spot at, Entry entry);
  static void erase(Lane& lane, Spot at);

  std::vector<Lane> lanes_;  ///< by actor index
};

}  // namespace converge::crdt
