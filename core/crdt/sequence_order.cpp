#include "core/base/assert.h"
#include "core/crdt/sequence.h"

namespace converge::crdt {

std::uint64_t SequenceForest::rank(const Place& at) const {
  constexpr unsigned kSlotBits = 6;
  static_assert(kLeafMax <= 1u << kSlotBits && kInnerMax <= 1u << kSlotBits);
  std::uint64_t out = at.span;
  unsigned shift = kSlotBits;
  std::uint32_t child = at.leaf;
  for (std::uint32_t parent = leaves_[at.leaf]->parent; parent != kNone;) {
    const Inner& inner = *inners_[parent];
    ASSERT(shift < 64);  // eleven levels would hold more spans than a document may
    out |= std::uint64_t{slot_of(inner, child)} << shift;
    shift += kSlotBits;
    child = parent;
    parent = inner.parent;
  }
  return out;
}

}  // namespace converge::crdt
