#include "core/engine/reader.h"

#include <algorithm>

namespace converge::engine {

using crdt::Metrics;
using crdt::Object;
using crdt::OpRecord;
using crdt::Piece;
using crdt::Place;
using crdt::Unit;

Unit to_unit(TextUnit unit) {
  switch (unit) {
    case TextUnit::kUtf8Bytes:
      return Unit::kUtf8Bytes;
    case TextUnit::kCodePoints:
      return Unit::kCodePoints;
    case TextUnit::kUtf16Units:
      break;
  }
  return Unit::kUtf16Units;
}

ObjType to_obj_type(crdt::ObjectType type) {
  switch (type) {
    case crdt::ObjectType::kList:
      return ObjType::kList;
    case crdt::ObjectType::kText:
      return ObjType::kText;
    case crdt::ObjectType::kTable:
      return ObjType::kTable;
    case crdt::ObjectType::kMap:
      break;
  }
  return ObjType::kMap;
}

const Object* Reader::object(ObjId id) const {
  const std::uint32_t number = ops_.objects().find(id);
  if (number == crdt::ObjectTable::kNone) return nullptr;
  if (clock_ != nullptr && !id.is_none() && !clock_->covers(id)) return nullptr;
  return &ops_.objects().at(number);
}

// -------------------------------------------------------------------------------------- registers

std::vector<VisibleOp> Reader::at_key(const Object& object, std::string_view key) const {
  std::vector<VisibleOp> out;
  const crdt::Register* const reg = ops_.map_register(object, key);
  if (reg == nullptr) return out;
  for (const OpRecord* op : ops_.visible_ops(*reg, clock_)) {
    out.push_back({op->id, reg, op, ops_.value(*op)});
  }
  return out;
}

std::vector<VisibleOp> Reader::at_element(const Place& place) const {
  std::vector<VisibleOp> out;
  const crdt::Span& span = ops_.forest().span(place);
  if (span.is_text()) {
    const crdt::VisibleRange range = crdt::visible_range(span, clock_);
    if (place.offset < range.begin || place.offset >= range.end) return out;
    const auto text = ops_.content().view(span.content + place.offset * span.width, span.width);
    const auto type = static_cast<std::uint8_t>(model::ScalarType::kString);
    out.push_back({span.id(place.offset), nullptr, nullptr, {type, text}});
    return out;
  }
  const crdt::Register& reg = ops_.forest().record(span).ops;
  for (const OpRecord* op : ops_.visible_ops(reg, clock_)) {
    out.push_back({op->id, &reg, op, ops_.value(*op)});
  }
  return out;
}

Value Reader::to_value(const VisibleOp& op) const {
  Value out;
  out.id = op.id;
  if (op.makes_object()) {
    out.object = to_obj_type(crdt::type_of(op.record->action));
  } else if (op.is_counter()) {
    out.scalar = model::Scalar::counter(ops_.counter_value(*op.ops, *op.record, clock_));
  } else {
    out.scalar = model::Scalar(op.value);
  }
  return out;
}

// ---------------------------------------------------------------------------------------- indices

std::optional<Reader::Element> Reader::element_at(const Object& object, Unit unit,
                                                  std::size_t index) const {
  const crdt::Sequence& sequence = ops_.objects().sequence(object);
  if (clock_ == nullptr) {
    if (index >= sequence.total[unit]) return std::nullopt;
    const auto found = ops_.forest().at(sequence, unit, static_cast<std::uint32_t>(index));
    const crdt::Span& span = ops_.forest().span(found.place);
    return Element{span.id(found.place.offset), found.place, found.start,
                   ops_.forest().element_metrics(span)};
  }
  std::optional<Element> out;
  std::size_t before = 0;
  crdt::walk(ops_, sequence, clock_, [&](const Piece& piece) {
    const Metrics size = crdt::measure(ops_, piece);
    if (index >= before + size[unit]) {
      before += size[unit];
      return true;
    }
    const std::uint32_t each = size[unit] / piece.count;
    const auto offset = static_cast<std::uint32_t>((index - before) / each);
    Place place = piece.place;
    place.offset += offset;
    const Metrics one = piece.is_text() ? crdt::text_metrics(1, piece.span->width) : size;
    out = Element{piece.id(offset), place, before + std::size_t{offset} * each, one};
    return false;
  });
  return out;
}

std::size_t Reader::length(const Object& object, Unit unit) const {
  const crdt::Sequence& sequence = ops_.objects().sequence(object);
  if (clock_ == nullptr) return sequence.total[unit];
  std::size_t total = 0;
  crdt::walk(ops_, sequence, clock_, [&](const Piece& piece) {
    total += crdt::measure(ops_, piece)[unit];
    return true;
  });
  return total;
}

std::size_t Reader::key_count(const Object& object) const {
  const crdt::MapObject& map = ops_.objects().map(object);
  if (clock_ == nullptr) return map.visible_keys;
  return static_cast<std::size_t>(std::count_if(
      map.entries().begin(), map.entries().end(),
      [this](const auto& entry) { return ops_.winner(entry.ops, clock_) != nullptr; }));
}

std::size_t Reader::index_of(const Object& object, const Place& place, Unit unit) const {
  if (clock_ == nullptr) return ops_.forest().index_of(place, unit);
  std::size_t before = 0;
  const OpId wanted = ops_.forest().element(place);
  for (auto at = ops_.forest().first(ops_.objects().sequence(object)); at;
       at = ops_.forest().next_span(*at)) {
    Piece piece = crdt::visible_piece(ops_, *at, clock_);
    const bool here = ops_.forest().span(*at).holds(wanted);
    if (here && piece.is_text()) {
      const std::uint32_t end = std::max(piece.place.offset, place.offset);
      piece.count = std::min(piece.count, end - piece.place.offset);
    } else if (here) {
      piece.count = 0;
    }
    if (piece.count > 0) before += crdt::measure(ops_, piece)[unit];
    if (here) break;
  }
  return before;
}

// --------------------------------------------------------------------------------- where to insert

OpId Reader::last_of_boundary(OpId candidate, std::optional<Place> behind) const {
  std::vector<OpId> candidates{candidate};
  crdt::walk_from(ops_, behind, clock_, [&](const Piece& piece) {
    if (!piece.is_mark()) return false;
    const OpRecord& mark = *piece.winner;
    const bool begins = mark.has(OpRecord::kNamed);
    const bool expands = mark.has(OpRecord::kExpand);
    if (!begins) {
      const auto begin =
          std::find(candidates.begin(), candidates.end(), OpId{mark.id.counter - 1, mark.id.actor});
      if (begin != candidates.end()) {
        candidates.erase(begin, candidates.end());
        return true;
      }
    }
    if (begins == expands) candidates.push_back(mark.id);
    return true;
  });
  return candidates.back();
}

Result<OpId> Reader::insert_reference(const Object& object, std::size_t index, Unit unit) const {
  const crdt::Sequence& sequence = ops_.objects().sequence(object);
  OpId candidate = model::kHead;
  std::optional<Place> behind = ops_.forest().first(sequence);
  if (index > 0) {
    const auto element = element_at(object, unit, index - 1);
    if (!element) return Error{ErrorCode::kNotFound, "index is beyond the end"};
    candidate = element->id;
    if (sequence.marks == 0) return candidate;
    behind = element->place;
    // More of the same run: no mark can lie between.
    if (++behind->offset >= ops_.forest().span(element->place).length) {
      behind = ops_.forest().next_span(element->place);
    }
  }
  if (sequence.marks == 0) return candidate;
  return last_of_boundary(candidate, behind);
}

}  // namespace converge::engine
