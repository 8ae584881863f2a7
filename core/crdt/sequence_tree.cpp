// The nodes of a sequence's tree: making, splitting and dropping them, and their aggregates.

#include "core/base/assert.h"
#include "core/crdt/sequence.h"

#include <algorithm>

namespace converge::crdt {

// ---------------------------------------------------------------------------------------- nodes

std::uint32_t SequenceForest::new_leaf() {
  if (!free_leaves_.empty()) {
    const std::uint32_t leaf = free_leaves_.back();
    free_leaves_.pop_back();
    *leaves_[leaf] = Leaf{};
    return leaf;
  }
  leaves_.push_back(std::make_unique<Leaf>());
  return static_cast<std::uint32_t>(leaves_.size() - 1);
}

std::uint32_t SequenceForest::new_inner() {
  if (!free_inners_.empty()) {
    const std::uint32_t inner = free_inners_.back();
    free_inners_.pop_back();
    *inners_[inner] = Inner{};
    return inner;
  }
  inners_.push_back(std::make_unique<Inner>());
  return static_cast<std::uint32_t>(inners_.size() - 1);
}

std::uint32_t SequenceForest::new_record() {
  if (!free_records_.empty()) {
    const std::uint32_t record = free_records_.back();
    free_records_.pop_back();
    return record;
  }
  records_.emplace_back();
  return static_cast<std::uint32_t>(records_.size() - 1);
}

void SequenceForest::free_record(std::uint32_t number) {
  records_[number] = ElementRecord{};
  free_records_.push_back(number);
}

std::size_t SequenceForest::slot_of(const Inner& inner, std::uint32_t child) const {
  const auto* const begin = inner.child.data();
  const auto* const at = std::find(begin, begin + inner.count, child);
  DEBUG_ASSERT(at != begin + inner.count);
  return static_cast<std::size_t>(at - begin);
}

void SequenceForest::set_parent(std::uint32_t child, bool leaf, std::uint32_t parent) {
  (leaf ? leaves_[child]->parent : inners_[child]->parent) = parent;
}

OpId SequenceForest::least_of(std::uint32_t node, bool leaf) const {
  OpId least;
  const auto take = [&](OpId id) {
    if (least.is_none() || actors_->less(id, least)) least = id;
  };
  if (leaf) {
    for (const Span& span : leaves_[node]->spans) take(span.first);
  } else {
    const Inner& inner = *inners_[node];
    for (std::size_t i = 0; i < inner.count; ++i) take(inner.least[i]);
  }
  return least;
}

Metrics SequenceForest::metrics_of(std::uint32_t node, bool leaf) const {
  Metrics total;
  if (leaf) {
    for (const Span& span : leaves_[node]->spans) total += metrics(span);
  } else {
    const Inner& inner = *inners_[node];
    for (std::size_t i = 0; i < inner.count; ++i) total += inner.metrics[i];
  }
  return total;
}

void SequenceForest::add_metrics(Sequence& sequence, std::uint32_t leaf, const Metrics& change) {
  if (change == Metrics{}) return;
  if (leaf != leaf_start_.leaf) leaf_start_ = {};
  sequence.total += change;
  std::uint32_t child = leaf;
  std::uint32_t parent = leaves_[leaf]->parent;
  while (parent != kNone) {
    Inner& inner = *inners_[parent];
    inner.metrics[slot_of(inner, child)] += change;
    child = parent;
    parent = inner.parent;
  }
}

void SequenceForest::lower_least(std::uint32_t leaf, OpId id) {
  std::uint32_t child = leaf;
  std::uint32_t parent = leaves_[leaf]->parent;
  while (parent != kNone) {
    Inner& inner = *inners_[parent];
    OpId& least = inner.least[slot_of(inner, child)];
    if (!actors_->less(id, least)) return;
    least = id;
    child = parent;
    parent = inner.parent;
  }
}

void SequenceForest::refresh_least(std::uint32_t leaf) {
  std::uint32_t child = leaf;
  bool is_leaf = true;
  std::uint32_t parent = leaves_[leaf]->parent;
  while (parent != kNone) {
    Inner& inner = *inners_[parent];
    inner.least[slot_of(inner, child)] = least_of(child, is_leaf);
    child = parent;
    is_leaf = false;
    parent = inner.parent;
  }
}

// --------------------------------------------------------------------------------------- growing

void SequenceForest::new_root(Sequence& sequence, std::uint32_t left, std::uint32_t right,
                              bool leaves) {
  const std::uint32_t root = new_inner();
  Inner& inner = *inners_[root];
  inner.above_leaves = leaves;
  inner.count = 2;
  const std::array<std::uint32_t, 2> children{left, right};
  for (std::size_t i = 0; i < 2; ++i) {
    inner.child[i] = children[i];
    inner.metrics[i] = metrics_of(children[i], leaves);
    inner.least[i] = least_of(children[i], leaves);
    set_parent(children[i], leaves, root);
  }
  sequence.root = root;
  sequence.root_is_leaf = false;
}

void SequenceForest::split_inner(Sequence& sequence, std::uint32_t number) {
  const std::uint32_t right_number = new_inner();
  Inner& inner = *inners_[number];
  Inner& right = *inners_[right_number];
  const std::size_t keep = kInnerMax / 2;
  right.above_leaves = inner.above_leaves;
  right.count = static_cast<std::uint16_t>(inner.count - keep);
  for (std::size_t i = 0; i < right.count; ++i) {
    right.child[i] = inner.child[keep + i];
    right.metrics[i] = inner.metrics[keep + i];
    right.least[i] = inner.least[keep + i];
    set_parent(right.child[i], right.above_leaves, right_number);
  }
  inner.count = static_cast<std::uint16_t>(keep);
  if (inner.parent == kNone) {
    new_root(sequence, number, right_number, false);
  } else {
    insert_child(sequence, inner.parent, number, right_number, false);
  }
}

void SequenceForest::insert_child(Sequence& sequence, std::uint32_t parent, std::uint32_t left,
                                  std::uint32_t right, bool leaves) {
  if (inners_[parent]->count == kInnerMax) {
    split_inner(sequence, parent);
    parent = leaves ? leaves_[left]->parent : inners_[left]->parent;
  }
  Inner& inner = *inners_[parent];
  const std::size_t slot = slot_of(inner, left) + 1;
  const auto open = [&](auto& array) {
    std::copy_backward(array.begin() + static_cast<std::ptrdiff_t>(slot),
                       array.begin() + inner.count, array.begin() + inner.count + 1);
  };
  open(inner.child);
  open(inner.metrics);
  open(inner.least);
  ++inner.count;
  inner.child[slot] = right;
  set_parent(right, leaves, parent);
  for (std::size_t i = slot - 1; i <= slot; ++i) {
    inner.metrics[i] = metrics_of(inner.child[i], leaves);
    inner.least[i] = least_of(inner.child[i], leaves);
  }
}

void SequenceForest::split_leaf(Sequence& sequence, std::uint32_t number, std::size_t edited) {
  const std::uint32_t right_number = new_leaf();
  Leaf& leaf = *leaves_[number];
  Leaf& right = *leaves_[right_number];
  // Writing at the end leaves full leaves behind; anywhere else both halves get room.
  const bool appending = leaf.next == kNone && edited + 2 >= leaf.spans.size();
  const std::size_t keep = appending ? leaf.spans.size() - 4 : leaf.spans.size() / 2;
  right.owner = leaf.owner;
  right.spans.reserve(kLeafMax + 2);
  right.spans.assign(leaf.spans.begin() + static_cast<std::ptrdiff_t>(keep), leaf.spans.end());
  leaf.spans.resize(keep);
  right.previous = number;
  right.next = leaf.next;
  leaf.next = right_number;
  if (right.next != kNone) leaves_[right.next]->previous = right_number;
  for (const Span& span : right.spans) index_span(span, right_number);

  if (leaf.parent == kNone) {
    new_root(sequence, number, right_number, true);
  } else {
    insert_child(sequence, leaf.parent, number, right_number, true);
  }
}

// ------------------------------------------------------------------------------------- shrinking

void SequenceForest::remove_leaf(Sequence& sequence, std::uint32_t number) {
  Leaf& leaf = *leaves_[number];
  if (leaf.previous != kNone) leaves_[leaf.previous]->next = leaf.next;
  if (leaf.next != kNone) leaves_[leaf.next]->previous = leaf.previous;
  if (sequence.first_leaf == number) sequence.first_leaf = leaf.next;
  const std::uint32_t parent = leaf.parent;
  free_leaves_.push_back(number);
  finger_ = {};
  leaf_start_ = {};
  if (parent == kNone) {
    sequence.root = kNone;
    sequence.root_is_leaf = true;
    return;
  }
  remove_child(sequence, parent, slot_of(*inners_[parent], number));
}

/// A root with one child is no use, and nodes below it may have one child themselves.
void SequenceForest::drop_thin_root(Sequence& sequence) {
  while (!sequence.root_is_leaf && sequence.root != kNone && inners_[sequence.root]->count <= 1) {
    const std::uint32_t thin = sequence.root;
    const Inner& inner = *inners_[thin];
    sequence.root = inner.count == 1 ? inner.child[0] : kNone;
    sequence.root_is_leaf = inner.count == 0 || inner.above_leaves;
    if (sequence.root != kNone) set_parent(sequence.root, sequence.root_is_leaf, kNone);
    free_inners_.push_back(thin);
  }
}

void SequenceForest::remove_child(Sequence& sequence, std::uint32_t number, std::size_t slot) {
  Inner& inner = *inners_[number];
  const auto close = [&](auto& array) {
    std::copy(array.begin() + static_cast<std::ptrdiff_t>(slot) + 1, array.begin() + inner.count,
              array.begin() + static_cast<std::ptrdiff_t>(slot));
  };
  close(inner.child);
  close(inner.metrics);
  close(inner.least);
  --inner.count;
  if (inner.parent == kNone && inner.count <= 1) {
    drop_thin_root(sequence);
    return;
  }
  if (inner.count > 0) {
    std::uint32_t child = number;
    std::uint32_t parent = inner.parent;
    while (parent != kNone) {
      Inner& above = *inners_[parent];
      above.least[slot_of(above, child)] = least_of(child, false);
      child = parent;
      parent = above.parent;
    }
    return;
  }
  const std::uint32_t parent = inner.parent;
  ASSERT(parent != kNone);
  free_inners_.push_back(number);
  remove_child(sequence, parent, slot_of(*inners_[parent], number));
}

}  // namespace converge::crdt
