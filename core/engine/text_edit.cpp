#include "core/codec/utf8.h"
#include "core/engine/transaction_impl.h"

#include <algorithm>

namespace converge::engine {

using crdt::Object;
using crdt::Piece;
using crdt::Place;
using crdt::Unit;
using model::Action;
using model::OpRun;

namespace {

std::uint32_t count_code_points(std::string_view text) {
  return static_cast<std::uint32_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

/// The deletes that take `count` units away from `index` on, one op an element; an element that the
/// index cuts stays (automerge-format 6.7).
void Transaction::Impl::find_erasures(const Object& object, std::size_t index, std::size_t count,
                                      Unit unit) {
  erasures.clear();
  if (count == 0) return;
  const Reader reader = this->reader();
  const auto start = reader.element_at(object, unit, index);
  if (!start) return;
  Place from = start->place;
  std::optional<Place> at = from;
  if (start->start < index && ++at->offset >= reader.ops().forest().span(from).length) {
    at = reader.ops().forest().next_span(from);
  }
  std::size_t left = count;
  crdt::walk_from(reader.ops(), at, reader.clock(), [&](const Piece& piece) {
    const std::uint32_t wide = crdt::measure(reader.ops(), piece)[unit];
    if (wide == 0) return true;
    Erasure erasure;
    erasure.run.action = Action::kDel;
    erasure.run.object = object.id;
    erasure.run.key.element = piece.id();
    if (piece.is_text()) {
      const std::uint32_t each = wide / piece.count;
      const std::size_t elements = std::min<std::size_t>(piece.count, (left + each - 1) / each);
      erasure.run.shape = OpRun::Shape::kDelete;
      erasure.run.count = static_cast<std::uint32_t>(elements);
      left -= std::min(left, elements * each);
    } else {
      for (const VisibleOp& op : reader.at_element(piece.place)) erasure.preds.push_back(op.id);
      if (erasure.preds.size() == 1 && erasure.preds[0] == erasure.run.key.element) {
        erasure.run.shape = OpRun::Shape::kDelete;
        erasure.preds.clear();
      }
      left -= std::min<std::size_t>(left, wide);
    }
    erasures.push_back(std::move(erasure));
    return left > 0;
  });
}

Result<void> Transaction::Impl::splice(ObjId text, std::size_t index, std::size_t erase,
                                       std::string_view insert, Unit unit) {
  const auto found = object(text);
  if (!found) return found.error();
  if ((*found)->type != crdt::ObjectType::kText) {
    return Error{ErrorCode::kInvalid, "the object is not a text"};
  }
  if (!codec::is_valid_utf8(insert)) return Error{ErrorCode::kInvalid, "text is not UTF-8"};
  const std::size_t length = reader().length(**found, unit);
  if (index > length || erase > length - index) {
    return Error{ErrorCode::kNotFound, "index " + std::to_string(index + erase) +
                                           " is beyond the end " + std::to_string(length)};
  }
  // Both are found before anything moves.
  find_erasures(**found, index, erase, unit);
  if (!insert.empty()) {
    const auto reference = reader().insert_reference(**found, index, unit);
    if (!reference) return reference.error();
    OpRun run;
    run.shape = OpRun::Shape::kText;
    run.insert = true;
    run.object = text;
    run.key.element = *reference;
    run.text = insert;
    run.count = count_code_points(insert);
    if (auto done = emit(run); !done) return done.error();
  }
  for (Erasure& erasure : erasures) {
    if (auto done = emit(erasure.run, std::move(erasure.preds)); !done) return done.error();
  }
  return {};
}

/// A mark's end must stand behind its begin: where the range is empty, or both ends fall into one
/// element, the wanted reference may lie before it, and then the end follows the begin directly.
OpId Transaction::Impl::end_reference(const Object& object, OpId begin, OpId wanted) const {
  const Reader reader = this->reader();
  if (wanted == begin) return begin;
  const auto wanted_place = wanted.is_none() ? std::nullopt : reader.ops().forest().find(wanted);
  if (!wanted_place) return begin;
  const auto begin_place = reader.ops().forest().find(begin);
  const crdt::SequenceForest& forest = reader.ops().forest();
  const std::size_t begin_index = reader.index_of(object, *begin_place, Unit::kElements);
  const std::size_t wanted_index = reader.index_of(object, *wanted_place, Unit::kElements);
  if (begin_index != wanted_index) return wanted_index >= begin_index ? wanted : begin;
  // Only elements without a width lie between two places with one index: look behind the begin.
  for (auto at = forest.next_span(*begin_place); at; at = forest.next_span(*at)) {
    if (forest.span(*at).holds(wanted)) return wanted;
    const Piece piece = crdt::visible_piece(reader.ops(), *at, reader.clock());
    if (piece.count > 0 && !piece.is_mark()) break;
  }
  return begin;
}

Result<void> Transaction::Impl::mark(ObjId text, std::size_t start, std::size_t end,
                                     std::string_view name, model::ScalarRef value, Expand expand,
                                     Unit unit) {
  const auto found = object(text);
  if (!found) return found.error();
  if ((*found)->type != crdt::ObjectType::kText) {
    return Error{ErrorCode::kInvalid, "only a text takes marks"};
  }
  if (!codec::is_valid_utf8(name)) return Error{ErrorCode::kInvalid, "mark name is not UTF-8"};
  if (start > end) return Error{ErrorCode::kInvalid, "the mark ends before it begins"};
  if (end > reader().length(**found, unit)) {
    return Error{ErrorCode::kNotFound, "index " + std::to_string(end) + " is beyond the end"};
  }
  if (start == end && expand == Expand::kNone) return {};

  const auto begin_reference = reader().insert_reference(**found, start, unit);
  if (!begin_reference) return begin_reference.error();
  OpRun begin;
  begin.action = Action::kMark;
  begin.insert = true;
  begin.expand = expand == Expand::kBefore || expand == Expand::kBoth;
  begin.object = text;
  begin.key.element = *begin_reference;
  begin.value = value;
  begin.mark_name = name;
  const auto begin_id = emit(begin);
  if (!begin_id) return begin_id.error();

  const Object& object = *reader().object(text);
  const auto wanted = reader().insert_reference(object, end, unit);
  OpRun finish;
  finish.action = Action::kMark;
  finish.insert = true;
  finish.expand = expand == Expand::kAfter || expand == Expand::kBoth;
  finish.object = text;
  finish.key.element = end_reference(object, *begin_id, wanted ? *wanted : *begin_id);
  if (auto done = emit(finish); !done) return done.error();
  return {};
}

}  // namespace converge::engine
