#include "core/base/assert.h"
#include "core/crdt/sequence.h"

#include <algorithm>

namespace converge::crdt {
namespace {

/// UTF-8 bytes of U+FFFC, which stands for everything that is no string.
constexpr std::uint32_t kPlaceholderBytes = 3;

}  // namespace

Metrics SequenceForest::metrics(const Span& span) const {
  if (!span.is_text()) return records_[span.content].metrics;
  if (!span.deleter.is_none()) return {};
  return text_metrics(span.length, span.width);
}

std::uint32_t SequenceForest::width(const Span& span, Unit unit) const {
  if (!span.is_text()) return records_[span.content].metrics[unit];
  if (!span.deleter.is_none()) return 0;
  const bool wide = unit == Unit::kUtf16Units && span.width == 4;
  return span.length * (unit == Unit::kUtf8Bytes ? span.width : wide ? 2u : 1u);
}

Metrics SequenceForest::element_metrics(const Span& span) const {
  if (!span.is_text()) return records_[span.content].metrics;
  if (!span.deleter.is_none()) return {};
  return text_metrics(1, span.width);
}

Metrics SequenceForest::measure(const Register& ops) const {
  if (ops.visible == 0) return {};
  const OpRecord* winner = ops.values_end() - 1;
  while (!successors_->visible(*winner)) --winner;
  return measure(*winner);
}

Metrics SequenceForest::measure(const OpRecord& winner) const {
  if (winner.action == Action::kMark) return {};
  if (winner.action != Action::kSet ||
      winner.value_type != static_cast<std::uint8_t>(model::ScalarType::kString)) {
    return {{1, kPlaceholderBytes, 1, 1}};
  }
  Metrics out{{1, winner.value_size, 0, 0}};
  for (const char c : content_->view(winner.value, winner.value_size)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) == 0x80) continue;
    out.by_unit[2] += 1;
    out.by_unit[3] += byte >= 0xf0 ? 2 : 1;
  }
  return out;
}

std::optional<Place> SequenceForest::find(OpId element) const {
  if (!index_built_) build_index();
  const auto in_span = [&](std::uint32_t leaf, std::uint32_t i) -> std::optional<Place> {
    const Span& span = leaves_[leaf]->spans[i];
    if (!span.holds(element)) return std::nullopt;
    finger_ = {leaf, i};
    return Place{leaf, i, element.counter - span.first.counter};
  };
  const auto in_leaf = [&](std::uint32_t leaf) -> std::optional<Place> {
    const auto size = static_cast<std::uint32_t>(leaves_[leaf]->spans.size());
    for (std::uint32_t i = 0; i < size; ++i) {
      if (auto found = in_span(leaf, i)) return found;
    }
    return std::nullopt;
  };
  const Finger last = finger_;
  if (last.leaf != kNone) {
    if (last.span < leaves_[last.leaf]->spans.size()) {
      if (auto found = in_span(last.leaf, last.span)) return found;
    }
    if (auto found = in_leaf(last.leaf)) return found;
  }
  const std::uint32_t leaf = index_.find(element);
  if (leaf == IdIndex::kNone || leaf == last.leaf) return std::nullopt;
  return in_leaf(leaf);
}

std::optional<SequenceForest::Found> SequenceForest::find_in_leaf(std::uint32_t leaf,
                                                                  std::uint32_t start, Unit unit,
                                                                  std::uint32_t index) const {
  const std::vector<Span>& spans = leaves_[leaf]->spans;
  for (std::uint32_t i = 0; i < spans.size(); ++i) {
    const std::uint32_t wide = width(spans[i], unit);
    if (index - start >= wide) {
      start += wide;
      continue;
    }
    const std::uint32_t each = wide / spans[i].length;
    const std::uint32_t offset = (index - start) / each;
    finger_ = {leaf, i};  // who asks for an index goes on to edit there
    return Found{{leaf, i, offset}, start + offset * each};
  }
  return std::nullopt;
}

SequenceForest::Found SequenceForest::at(const Sequence& sequence, Unit unit,
                                         std::uint32_t index) const {
  ASSERT(index < sequence.total[unit]);
  const LeafStart& last = leaf_start_;
  if (last.leaf != kNone && leaves_[last.leaf]->owner == sequence.owner && last.unit == unit &&
      index >= last.index) {
    if (const auto found = find_in_leaf(last.leaf, last.index, unit, index)) return *found;
  }
  std::uint32_t node = sequence.root;
  std::uint32_t start = 0;
  bool leaf = sequence.root_is_leaf;
  while (!leaf) {
    const Inner& inner = *inners_[node];
    std::size_t slot = 0;
    while (index - start >= inner.metrics[slot][unit]) start += inner.metrics[slot++][unit];
    node = inner.child[slot];
    leaf = inner.above_leaves;
  }
  leaf_start_ = {node, start, unit};
  const auto found = find_in_leaf(node, start, unit, index);
  ASSERT(found.has_value());
  return *found;
}

std::uint32_t SequenceForest::index_of(const Place& at, Unit unit) const {
  const Leaf& leaf = *leaves_[at.leaf];
  std::uint32_t before = element_metrics(leaf.spans[at.span])[unit] * at.offset;
  for (std::uint32_t i = 0; i < at.span; ++i) before += metrics(leaf.spans[i])[unit];
  std::uint32_t child = at.leaf;
  std::uint32_t parent = leaf.parent;
  while (parent != kNone) {
    const Inner& inner = *inners_[parent];
    const std::size_t slot = slot_of(inner, child);
    for (std::size_t i = 0; i < slot; ++i) before += inner.metrics[i][unit];
    child = parent;
    parent = inner.parent;
  }
  return before;
}

std::optional<Place> SequenceForest::first(const Sequence& sequence) const {
  if (sequence.empty()) return std::nullopt;
  return Place{sequence.first_leaf, 0, 0};
}

std::optional<Place> SequenceForest::next_span(const Place& at) const {
  const Leaf& leaf = *leaves_[at.leaf];
  if (at.span + 1 < leaf.spans.size()) return Place{at.leaf, at.span + 1, 0};
  if (leaf.next == kNone) return std::nullopt;
  return Place{leaf.next, 0, 0};
}

// ---------------------------------------------------------------------------------- bulk loading

void SequenceForest::append(Sequence& sequence, const Span& span) {
  if (sequence.empty()) {
    loading_leaf_ = new_leaf();
    sequence.first_leaf = loading_leaf_;
    leaves_[loading_leaf_]->owner = sequence.owner;
  }
  Leaf* leaf = leaves_[loading_leaf_].get();
  if (!leaf->spans.empty() && can_join(leaf->spans.back(), span)) {
    join(leaf->spans.back(), span);
    return;
  }
  if (leaf->spans.size() == kLeafMax) {
    const std::uint32_t next = new_leaf();
    leaf = leaves_[next].get();
    leaves_[loading_leaf_]->next = next;
    leaf->previous = loading_leaf_;
    leaf->owner = sequence.owner;
    leaf->spans.reserve(kLeafMax);
    loading_leaf_ = next;
  }
  leaf->spans.push_back(span);
  ++spans_;
  index_built_ = false;
}

Span& SequenceForest::last_span() { return leaves_[loading_leaf_]->spans.back(); }

void SequenceForest::finish_loading(Sequence& sequence) {
  if (sequence.empty()) return;
  std::vector<std::uint32_t> level;
  for (std::uint32_t leaf = sequence.first_leaf; leaf != kNone; leaf = leaves_[leaf]->next) {
    level.push_back(leaf);
  }
  bool leaves = true;
  while (level.size() > 1) {
    std::vector<std::uint32_t> above;
    for (std::size_t begin = 0; begin < level.size(); begin += kInnerMax) {
      const std::uint32_t number = new_inner();
      Inner& inner = *inners_[number];
      inner.above_leaves = leaves;
      inner.count = static_cast<std::uint16_t>(std::min(kInnerMax, level.size() - begin));
      for (std::size_t i = 0; i < inner.count; ++i) {
        const std::uint32_t child = level[begin + i];
        inner.child[i] = child;
        inner.metrics[i] = metrics_of(child, leaves);
        inner.least[i] = least_of(child, leaves);
        set_parent(child, leaves, number);
      }
      above.push_back(number);
    }
    level = std::move(above);
    leaves = false;
  }
  leaf_start_ = {};
  sequence.root = level[0];
  sequence.root_is_leaf = leaves;
  sequence.total = metrics_of(sequence.root, leaves);
  loading_leaf_ = kNone;
}

void SequenceForest::index_span(const Span& span, std::uint32_t leaf) {
  if (index_built_) index_.assign(span.first, span.length, leaf);
}

void SequenceForest::build_index() const {
  struct Entry {
    OpId first;
    std::uint32_t length;
    std::uint32_t leaf;
  };
  std::vector<Entry> entries;
  entries.reserve(spans_);
  for (std::uint32_t leaf = 0; leaf < leaves_.size(); ++leaf) {
    for (const Span& span : leaves_[leaf]->spans) {
      entries.push_back({span.first, span.length, leaf});
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.first.actor != b.first.actor ? a.first.actor < b.first.actor
                                          : a.first.counter < b.first.counter;
  });
  index_.clear();
  for (const Entry& entry : entries) index_.assign(entry.first, entry.length, entry.leaf);
  index_built_ = true;
}

std::size_t SequenceForest::memory_bytes() const {
  return leaves_.size() * (sizeof(Leaf) + sizeof(void*)) + spans_ * sizeof(Span) * 5 / 4 +
         inners_.size() * (sizeof(Inner) + sizeof(void*)) +
         records_.capacity() * sizeof(ElementRecord) + (index_built_ ? spans_ * 12 : 0);
}

}  // namespace converge::crdt
