#include "core/crdt/sequence.h"

#include "core/base/assert.h"

#include <algorithm>

namespace converge::crdt {
namespace {

/// Text of one code point, 1 to 4 bytes: what a text span can hold. 0 for anything else.
std::uint8_t single_code_point_width(std::string_view text) {
  if (text.empty() || text.size() > 4) return 0;
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return width == text.size() ? static_cast<std::uint8_t>(width) : std::uint8_t{0};
}

}  // namespace

Span Span::slice(std::uint32_t offset, std::uint32_t count) const {
  Span out = *this;
  if (offset > 0) {
    out.reference = id(offset - 1);
    out.first = id(offset);
    if (!deleter.is_none()) out.deleter = deleter_of(offset);
    out.content = content + offset * width;
  }
  out.length = count;
  return out;
}

bool SequenceForest::can_join(const Span& left, const Span& right) {
  if (left.width == 0 || left.width != right.width) return false;
  if (right.first != left.id(left.length)) return false;
  if (right.reference != left.id(left.length - 1)) return false;
  if (right.content != left.content + left.length * left.width) return false;
  if (left.deleter.is_none() || right.deleter.is_none()) {
    return left.deleter.is_none() && right.deleter.is_none();
  }
  if (left.deleter.actor != right.deleter.actor) return false;
  const auto distance = static_cast<std::int64_t>(right.deleter.counter) - left.deleter.counter;
  const std::int64_t length = left.length;
  const auto fits = [&](std::int8_t step) {
    return (left.length == 1 || left.step == step) && (right.length == 1 || right.step == step) &&
           distance == length * step;
  };
  return fits(1) || fits(-1);
}

void SequenceForest::join(Span& left, const Span& right) {
  if (!left.deleter.is_none() && right.deleter.counter < left.deleter.counter) {
    left.step = -1;
  } else {
    left.step = 1;
  }
  left.length += right.length;
}

// --------------------------------------------------------------------------------------- editing

void SequenceForest::replace(Sequence& sequence, std::uint32_t number, std::uint32_t at,
                             std::uint32_t removed, const Span* pieces, std::size_t count) {
  std::vector<Span>& spans = leaves_[number]->spans;
  Metrics change;
  for (std::size_t i = at; i < at + removed; ++i) change -= metrics(spans[i]);
  for (std::size_t i = 0; i < count; ++i) change += metrics(pieces[i]);

  // The neighbours take part, because the new pieces may join them.
  const std::size_t low = at > 0 ? at - 1 : at;
  const std::size_t high = std::min<std::size_t>(at + removed + 1, spans.size());
  std::array<Span, 6> joined;
  std::size_t size = 0;
  const auto put = [&](const Span& span) {
    if (size > 0 && can_join(joined[size - 1], span)) {
      join(joined[size - 1], span);
    } else {
      joined[size++] = span;
    }
  };
  if (low < at) put(spans[low]);
  for (std::size_t i = 0; i < count; ++i) put(pieces[i]);
  if (high > at + removed) put(spans[at + removed]);

  const std::size_t old = high - low;
  const auto begin = spans.begin() + static_cast<std::ptrdiff_t>(low);
  const std::size_t same = std::min(old, size);
  std::copy_n(joined.begin(), same, begin);
  if (size > old) {
    spans.insert(begin + static_cast<std::ptrdiff_t>(same),
                 joined.begin() + static_cast<std::ptrdiff_t>(same),
                 joined.begin() + static_cast<std::ptrdiff_t>(size));
  } else if (size < old) {
    spans.erase(begin + static_cast<std::ptrdiff_t>(same),
                begin + static_cast<std::ptrdiff_t>(old));
  }
  spans_ += size;
  spans_ -= old;
  add_metrics(sequence, number, change);
  if (spans.size() > kLeafMax) split_leaf(sequence, number, at);
}

Place SequenceForest::skip_greater(std::uint32_t number, std::uint32_t from, OpId id) const {
  const auto smaller_span = [&](std::uint32_t leaf, std::size_t begin) {
    const auto& spans = leaves_[leaf]->spans;
    while (begin < spans.size() && !actors_->less(spans[begin].first, id)) ++begin;
    return static_cast<std::uint32_t>(begin);
  };
  const std::uint32_t here = smaller_span(number, from);
  if (here < leaves_[number]->spans.size()) return {number, here, 0};

  std::uint32_t child = number;
  std::uint32_t parent = leaves_[number]->parent;
  std::uint32_t top = kNone;
  while (parent != kNone) {
    const Inner* inner = inners_[parent].get();
    std::size_t slot = slot_of(*inner, child) + 1;
    while (slot < inner->count && !actors_->less(inner->least[slot], id)) ++slot;
    if (slot == inner->count) {
      top = parent;
      child = parent;
      parent = inner->parent;
      continue;
    }
    while (!inner->above_leaves) {
      inner = inners_[inner->child[slot]].get();
      slot = 0;
      while (!actors_->less(inner->least[slot], id)) ++slot;
    }
    return {inner->child[slot], smaller_span(inner->child[slot], 0), 0};
  }
  if (top == kNone) return {number, here, 0};
  const Inner* inner = inners_[top].get();
  while (!inner->above_leaves) inner = inners_[inner->child[inner->count - 1u]].get();
  const std::uint32_t last = inner->child[inner->count - 1u];
  return {last, static_cast<std::uint32_t>(leaves_[last]->spans.size()), 0};
}

void SequenceForest::insert(Sequence& sequence, const std::optional<Place>& reference,
                            const Span& run) {
  if (sequence.empty()) {
    const std::uint32_t leaf = new_leaf();
    leaves_[leaf]->owner = sequence.owner;
    sequence.root = leaf;
    sequence.root_is_leaf = true;
    sequence.first_leaf = leaf;
  }
  Place at{sequence.first_leaf, 0, 0};
  if (reference) {
    const std::vector<Span>& spans = leaves_[reference->leaf]->spans;
    const Span target = spans[reference->span];
    const std::uint32_t behind = reference->offset + 1;
    at = {reference->leaf, reference->span + 1, 0};
    if (behind < target.length && actors_->less(target.id(behind), run.first)) {
      const std::array<Span, 3> pieces{target.slice(0, behind), run,
                                       target.slice(behind, target.length - behind)};
      if (index_built_) index_span(run, reference->leaf);
      lower_least(reference->leaf, run.first);
      replace(sequence, reference->leaf, reference->span, 1, pieces.data(), pieces.size());
      return;
    }
  }
  // Staying at the end of the reference's leaf, where nothing has to be passed, lets runs join.
  const Leaf& leaf = *leaves_[at.leaf];
  const bool at_end = at.span == leaf.spans.size();
  const bool passes_none =
      at_end &&
      (leaf.next == kNone || actors_->less(leaves_[leaf.next]->spans.front().first, run.first));
  if (!passes_none) at = skip_greater(at.leaf, at.span, run.first);
  if (index_built_) index_span(run, at.leaf);
  lower_least(at.leaf, run.first);
  replace(sequence, at.leaf, at.span, 0, &run, 1);
}

std::uint32_t SequenceForest::make_irregular(Sequence& sequence, Place& at) {
  const Span span = this->span(at);
  if (!span.is_text()) return span.content;

  const std::uint32_t number = new_record();
  OpRecord op;
  op.id = span.id(at.offset);
  op.value_type = static_cast<std::uint8_t>(model::ScalarType::kString);
  op.value = span.content + at.offset * span.width;
  op.value_size = span.width;
  if (!span.deleter.is_none()) op.succ = span.deleter_of(at.offset);
  ElementRecord& record = records_[number];
  record.ops.insert(op, *actors_);
  record.ops.visible = span.deleter.is_none() ? 1 : 0;
  record.metrics = element_metrics(span);

  std::array<Span, 3> pieces;
  std::size_t count = 0;
  if (at.offset > 0) pieces[count++] = span.slice(0, at.offset);
  Span& middle = pieces[count++];
  middle = span.slice(at.offset, 1);
  middle.deleter = OpId{};
  middle.step = 1;
  middle.width = 0;
  middle.content = number;
  const std::uint32_t behind = at.offset + 1;
  if (behind < span.length) pieces[count++] = span.slice(behind, span.length - behind);
  replace(sequence, at.leaf, at.span, 1, pieces.data(), count);
  at = *find(op.id);
  return number;
}

void SequenceForest::refresh(Sequence& sequence, const Place& at) {
  const Span span = this->span(at);
  ASSERT(!span.is_text());
  ElementRecord& record = records_[span.content];
  const Metrics now = measure(record.ops);
  Metrics change = now;
  change -= record.metrics;
  record.metrics = now;
  add_metrics(sequence, at.leaf, change);

  if (record.ops.size() != 1) return;
  const OpRecord& op = record.ops[0];
  const bool plain = op.action == Action::kSet && op.flags == 0 &&
                     op.value_type == static_cast<std::uint8_t>(model::ScalarType::kString);
  if (!plain) return;
  const std::uint8_t width = single_code_point_width(content_->view(op.value, op.value_size));
  if (width == 0) return;
  Span text = span;
  text.width = width;
  text.content = op.value;
  text.deleter = op.succ;
  const std::uint32_t number = span.content;
  replace(sequence, at.leaf, at.span, 1, &text, 1);
  free_record(number);
}

void SequenceForest::erase(Sequence& sequence, const Place& at, std::uint32_t count, OpId deleter,
                           std::int8_t step) {
  const Span span = this->span(at);
  DEBUG_ASSERT(span.is_text() && span.deleter.is_none() && at.offset + count <= span.length);
  std::array<Span, 3> pieces;
  std::size_t size = 0;
  if (at.offset > 0) pieces[size++] = span.slice(0, at.offset);
  Span& middle = pieces[size++];
  middle = span.slice(at.offset, count);
  middle.deleter = deleter;
  middle.step = step;
  const std::uint32_t behind = at.offset + count;
  if (behind < span.length) pieces[size++] = span.slice(behind, span.length - behind);
  replace(sequence, at.leaf, at.span, 1, pieces.data(), size);
}

void SequenceForest::unerase(Sequence& sequence, const Place& at, std::uint32_t count) {
  const Span span = this->span(at);
  std::array<Span, 3> pieces;
  std::size_t size = 0;
  if (at.offset > 0) pieces[size++] = span.slice(0, at.offset);
  Span& middle = pieces[size++];
  middle = span.slice(at.offset, count);
  middle.deleter = OpId{};
  middle.step = 1;
  const std::uint32_t behind = at.offset + count;
  if (behind < span.length) pieces[size++] = span.slice(behind, span.length - behind);
  replace(sequence, at.leaf, at.span, 1, pieces.data(), size);
}

void SequenceForest::remove(Sequence& sequence, const Place& at, std::uint32_t count) {
  const Span span = this->span(at);
  std::array<Span, 2> pieces;
  std::size_t size = 0;
  if (at.offset > 0) pieces[size++] = span.slice(0, at.offset);
  const std::uint32_t behind = at.offset + count;
  if (behind < span.length) pieces[size++] = span.slice(behind, span.length - behind);
  replace(sequence, at.leaf, at.span, 1, pieces.data(), size);
  if (leaves_[at.leaf]->spans.empty()) {
    remove_leaf(sequence, at.leaf);
  } else {
    refresh_least(at.leaf);
  }
}

}  // namespace converge::crdt
