#pragma once

#include "core/crdt/op_set.h"

#include <algorithm>
#include <cstdint>

namespace converge::crdt {

/// A stretch of visible elements of one span: part of a text run (`winner` null), or one irregular
/// element with its winning op, which for a mark is the mark op.
struct Piece {
  Place place;  ///< of the first element
  const Span* span = nullptr;
  std::uint32_t count = 0;
  const Register* ops = nullptr;
  const OpRecord* winner = nullptr;

  OpId id(std::uint32_t offset = 0) const { return span->id(place.offset + offset); }
  bool is_text() const { return winner == nullptr; }
  bool is_mark() const { return winner != nullptr && winner->action == model::Action::kMark; }
  /// Offset in content of a text piece.
  std::uint32_t content() const { return span->content + place.offset * span->width; }
};

struct VisibleRange {
  std::uint32_t begin;
  std::uint32_t end;
};

/// Which elements of a text span are visible at the clock (nullptr: now). Ids and deleters count
/// up or down by one, so the answer is always one stretch.
inline VisibleRange visible_range(const Span& span, const Clock* clock) {
  if (clock == nullptr) return {0, span.deleter.is_none() ? span.length : 0};
  const std::uint32_t limit = clock->of(span.first.actor);
  if (limit < span.first.counter) return {0, 0};
  VisibleRange range{0, std::min(span.length, limit - span.first.counter + 1)};
  if (span.deleter.is_none()) return range;
  const std::uint32_t deleted = clock->of(span.deleter.actor);
  if (span.step > 0 || span.length == 1) {
    if (deleted >= span.deleter.counter) {
      range.begin = std::min(range.end, deleted - span.deleter.counter + 1);
    }
  } else {
    const std::uint32_t kept = span.deleter.counter > deleted ? span.deleter.counter - deleted : 0;
    range.end = std::min(range.end, kept);
  }
  return range;
}

/// The visible part of the span from `offset` on; count 0 when there is none.
inline Piece visible_piece(const OpSet& ops, const Place& at, const Clock* clock) {
  Piece piece;
  piece.place = at;
  piece.span = &ops.forest().span(at);
  if (piece.span->is_text()) {
    const VisibleRange range = visible_range(*piece.span, clock);
    piece.place.offset = std::max(at.offset, range.begin);
    piece.count = range.end > piece.place.offset ? range.end - piece.place.offset : 0;
    return piece;
  }
  if (at.offset > 0) return piece;
  piece.ops = &ops.forest().record(*piece.span).ops;
  piece.winner = ops.winner(*piece.ops, clock);
  piece.count = piece.winner == nullptr ? 0 : 1;
  return piece;
}

/// Visits the visible pieces from a place on, marks included, in order, until f returns false.
template <class F>
void walk_from(const OpSet& ops, std::optional<Place> at, const Clock* clock, F f) {
  for (; at; at = ops.forest().next_span(*at)) {
    const Piece piece = visible_piece(ops, *at, clock);
    if (piece.count > 0 && !f(piece)) return;
  }
}

template <class F>
void walk(const OpSet& ops, const Sequence& sequence, const Clock* clock, F f) {
  walk_from(ops, ops.forest().first(sequence), clock, f);
}

/// What `count` elements of the piece measure.
inline Metrics measure(const OpSet& ops, const Piece& piece) {
  if (piece.is_text()) return text_metrics(piece.count, piece.span->width);
  return ops.forest().measure(*piece.winner);
}

}  // namespace converge::crdt
