#pragma once

#include "core/engine/differ.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What the comparing of lists and of texts share.
namespace converge::engine {

/// What stands in a text for everything that is no string.
inline constexpr std::string_view kPlaceholder = "\xef\xbf\xbc";

inline bool is_mark(const crdt::OpRecord* op) {
  return op != nullptr && op->action == model::Action::kMark;
}

/// Cuts [begin, end) of a text run into stretches of one fate: f(from, to, was, is).
template <class F>
void for_each_stretch(const crdt::Span& span, const crdt::Clock* before, const crdt::Clock* after,
                      std::uint32_t begin, std::uint32_t end, F f) {
  const crdt::VisibleRange was = crdt::visible_range(span, before);
  const crdt::VisibleRange is = crdt::visible_range(span, after);
  std::array<std::uint32_t, 6> cuts{begin, was.begin, was.end, is.begin, is.end, end};
  for (std::uint32_t& cut : cuts) cut = std::clamp(cut, begin, end);
  std::sort(cuts.begin(), cuts.end());
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    const std::uint32_t from = cuts[i];
    if (from == cuts[i + 1]) continue;
    f(from, cuts[i + 1], from >= was.begin && from < was.end, from >= is.begin && from < is.end);
  }
}

template <class F>
void Differ::for_each_part(const crdt::Object& object, F f) {
  const crdt::SequenceForest& forest = ops_.forest();
  const crdt::Sequence& sequence = ops_.objects().sequence(object);
  const bool text = object.type == crdt::ObjectType::kText;
  if (written_ == nullptr || sequence.marks > 0) {
    std::size_t index = 0;
    for (auto at = forest.first(sequence); at; at = forest.next_span(*at)) {
      index = f(*at, 0u, forest.span(*at).length, index);
    }
    return;
  }
  const crdt::Unit unit = text ? to_unit(unit_) : crdt::Unit::kElements;
  for (const auto& piece : written_spans(ops_.objects().find(object.id))->pieces()) {
    const crdt::Place begin{piece.place.leaf, piece.place.span, piece.begin};
    f(piece.place, piece.begin, piece.end, forest.index_of(begin, unit) + piece.shift);
  }
}

}  // namespace converge::engine
