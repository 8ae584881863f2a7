#include "core/engine/differ_parts.h"

namespace converge::engine {

using crdt::Object;
using crdt::Piece;
using crdt::Place;

void Differ::list(const Object& object) {
  for_each_part(object,
                [&](const Place& at, std::uint32_t begin, std::uint32_t end, std::size_t index) {
                  if (ops_.forest().span(at).is_text())
                    return list_run(object, at, begin, end, index);
                  return list_element(object, at, index);
                });
}

/// Elements that only ever held the one-character string they were inserted with.
std::size_t Differ::list_run(const Object& object, const Place& at, std::uint32_t begin,
                             std::uint32_t end, std::size_t index) {
  const crdt::Span& span = ops_.forest().span(at);
  for_each_stretch(span, before_.clock(), after_.clock(), begin, end,
                   [&](std::uint32_t from, std::uint32_t to, bool was, bool is) {
                     if (was && !is) builder_.erase(object.id, index, to - from);
                     for (std::uint32_t i = from; !was && is && i < to; ++i) {
                       const auto text =
                           ops_.content().view(span.content + i * span.width, span.width);
                       builder_.insert(object.id, index + (i - from),
                                       {span.id(i), {}, model::Scalar::string(text)}, false);
                     }
                     if (is) index += to - from;
                   });
  return index;
}

std::size_t Differ::list_element(const Object& object, const Place& at, std::size_t index) {
  const crdt::Register& ops = ops_.forest().record(ops_.forest().span(at)).ops;
  const Sides sides = sides_of(ops);
  if (is_mark(sides.before) || is_mark(sides.after)) return index;
  const Fate fate = fate_of(ops, sides);
  switch (fate) {
    case Fate::kNothing:
      break;
    case Fate::kGone:
      builder_.erase(object.id, index, 1);
      break;
    case Fate::kNew:
      builder_.insert(object.id, index, value_after(ops, *sides.after), sides.count_after > 1);
      break;
    case Fate::kPut:
      builder_.put(object.id, index, value_after(ops, *sides.after), sides.count_after > 1);
      break;
    case Fate::kIncrement:
      builder_.increment(object.id, index, growth(ops, *sides.after));
      break;
    case Fate::kConflict:
      builder_.conflict(object.id, index);
      break;
  }
  if (sides.after == nullptr) return index;
  descend(object, *sides.after, index, exposes(fate, *sides.after));
  return index + 1;
}

void Differ::whole_list(const Object& object) {
  std::size_t index = 0;
  crdt::walk(ops_, ops_.objects().sequence(object), after_.clock(), [&](const Piece& piece) {
    if (piece.is_mark()) return true;
    if (!piece.is_text()) {
      const bool conflict = sides_of(*piece.ops).count_after > 1;
      builder_.insert(object.id, index, value_after(*piece.ops, *piece.winner), conflict);
      descend(object, *piece.winner, index, true);
      ++index;
      return true;
    }
    for (std::uint32_t i = 0; i < piece.count; ++i) {
      const std::uint32_t width = piece.span->width;
      const auto text = ops_.content().view(piece.content() + i * width, width);
      builder_.insert(object.id, index++, {piece.id(i), {}, model::Scalar::string(text)}, false);
    }
    return true;
  });
}

}  // namespace converge::engine
