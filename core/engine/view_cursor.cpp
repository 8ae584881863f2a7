// Cursors in a view: making them, and finding their place again.

#include "core/engine/cursor.h"
#include "core/engine/view_impl.h"

#include <algorithm>

namespace converge::engine {

using crdt::Object;
using crdt::Place;
using crdt::Unit;

namespace {

/// The element that the op made or wrote to. Inserts are found at once; anything else has left its
/// element irregular, and those are looked through.
std::optional<Place> element_of(const crdt::OpSet& ops, const Object& object, OpId id) {
  const crdt::SequenceForest& forest = ops.forest();
  const crdt::Sequence& sequence = ops.objects().sequence(object);
  if (const auto place = forest.find(id)) {
    if (forest.owner(*place) == sequence.owner) return place;
    return std::nullopt;
  }
  for (auto at = forest.first(sequence); at; at = forest.next_span(*at)) {
    const crdt::Span& span = forest.span(*at);
    if (!span.is_text() && forest.record(span).ops.find(id, ops.actors()) != nullptr) return at;
  }
  return std::nullopt;
}

/// The last visible element of the place's span before it; of the place itself too if `inclusive`.
std::optional<Place> visible_before(const Reader& reader, const Place& at, bool inclusive) {
  const crdt::Piece piece =
      crdt::visible_piece(reader.ops(), {at.leaf, at.span, 0}, reader.clock());
  const std::uint32_t limit = at.offset + (inclusive ? 1 : 0);
  if (piece.count == 0 || piece.is_mark() || piece.place.offset >= limit) return std::nullopt;
  const std::uint32_t end = std::min(piece.place.offset + piece.count, limit);
  return Place{at.leaf, at.span, end - 1};
}

bool is_visible(const Reader& reader, const Place& at) {
  const auto found = visible_before(reader, at, true);
  return found && found->offset == at.offset;
}

}  // namespace

Result<Cursor> View::cursor(ObjId sequence, std::size_t index, CursorMove move,
                            TextUnit unit) const {
  const Reader reader = impl_->reader();
  const Object* const object = reader.object(sequence);
  if (object == nullptr || !crdt::is_sequence(object->type)) {
    return Error{ErrorCode::kNotFound, "no such list or text"};
  }
  const bool text = object->type == crdt::ObjectType::kText;
  const auto element = reader.element_at(*object, text ? to_unit(unit) : Unit::kElements, index);
  Cursor out;
  if (!element) {
    out.kind = Cursor::Kind::kEnd;
    return out;
  }
  const OpId winner = reader.at_element(element->place).back().id;
  out.kind = Cursor::Kind::kElement;
  out.move = move;
  out.counter = winner.counter;
  out.actor = reader.ops().actors().at(winner.actor);
  return out;
}

Result<std::size_t> View::position(ObjId sequence, const Cursor& cursor, TextUnit unit) const {
  if (cursor.kind == Cursor::Kind::kStart) return std::size_t{0};
  const Reader reader = impl_->reader();
  const Object* const object = reader.object(sequence);
  if (object == nullptr || !crdt::is_sequence(object->type)) {
    return Error{ErrorCode::kNotFound, "no such list or text"};
  }
  const bool text = object->type == crdt::ObjectType::kText;
  const Unit in = text ? to_unit(unit) : Unit::kElements;
  if (cursor.kind == Cursor::Kind::kEnd) return reader.length(*object, in);

  const crdt::OpSet& ops = reader.ops();
  const auto actor = ops.actors().find(cursor.actor);
  const OpId id{cursor.counter, actor.value_or(0)};
  const bool known = actor && (reader.clock() == nullptr || reader.clock()->covers(id));
  auto place = known ? element_of(ops, *object, id) : std::nullopt;
  if (!place) return Error{ErrorCode::kNotFound, "no element for " + format_cursor(cursor)};
  if (cursor.move == CursorMove::kAfter || is_visible(reader, *place)) {
    return reader.index_of(*object, *place, in);
  }
  for (;;) {
    if (const auto found = visible_before(reader, *place, false)) {
      return reader.index_of(*object, *found, in);
    }
    const OpId reference = ops.forest().span(*place).reference;
    if (reference.is_none()) return std::size_t{0};
    place = ops.forest().find(reference);
    if (is_visible(reader, *place)) return reader.index_of(*object, *place, in);
  }
}

}  // namespace converge::engine
