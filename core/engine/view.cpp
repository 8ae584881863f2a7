#include "core/engine/reader.h"
#include "core/engine/view_impl.h"

#include <algorithm>

namespace converge::engine {

using crdt::Object;
using crdt::Piece;
using crdt::Unit;

namespace {

/// What stands in a text for everything that is no string.
constexpr std::string_view kPlaceholder = "\xef\xbf\xbc";

std::vector<VisibleOp> visible_at(const Reader& reader, const Object& object, const Prop& prop) {
  const bool sequence = crdt::is_sequence(object.type);
  if (const auto* const key = std::get_if<std::string>(&prop)) {
    return sequence ? std::vector<VisibleOp>{} : reader.at_key(object, *key);
  }
  if (!sequence) return {};
  const auto element = reader.element_at(object, index_unit(object), std::get<std::size_t>(prop));
  return element ? reader.at_element(element->place) : std::vector<VisibleOp>{};
}

std::size_t visible_count(const Reader& reader, const crdt::Register& ops) {
  if (reader.clock() == nullptr) return ops.visible;
  return reader.ops().visible_ops(ops, reader.clock()).size();
}

const Object* sequence_object(const Reader& reader, ObjId id) {
  const Object* const object = reader.object(id);
  return object != nullptr && crdt::is_sequence(object->type) ? object : nullptr;
}

const Object* map_object(const Reader& reader, ObjId id) {
  const Object* const object = reader.object(id);
  return object != nullptr && !crdt::is_sequence(object->type) ? object : nullptr;
}

}  // namespace

std::optional<ObjType> View::object_type(ObjId id) const {
  const Object* const object = impl_->reader().object(id);
  if (object == nullptr) return std::nullopt;
  return to_obj_type(object->type);
}

std::optional<Value> View::get(ObjId id, const Prop& prop) const {
  const Reader reader = impl_->reader();
  const Object* const object = reader.object(id);
  if (object == nullptr) return std::nullopt;
  const auto ops = visible_at(reader, *object, prop);
  if (ops.empty()) return std::nullopt;
  return reader.to_value(ops.back());
}

std::vector<Value> View::get_all(ObjId id, const Prop& prop) const {
  const Reader reader = impl_->reader();
  std::vector<Value> out;
  const Object* const object = reader.object(id);
  if (object == nullptr) return out;
  for (const VisibleOp& op : visible_at(reader, *object, prop)) out.push_back(reader.to_value(op));
  return out;
}

std::size_t View::length(ObjId id, TextUnit unit) const {
  const Reader reader = impl_->reader();
  const Object* const object = reader.object(id);
  if (object == nullptr) return 0;
  if (!crdt::is_sequence(object->type)) return reader.key_count(*object);
  const bool text = object->type == crdt::ObjectType::kText;
  return reader.length(*object, text ? to_unit(unit) : Unit::kElements);
}

std::vector<std::string> View::keys(ObjId map) const {
  std::vector<std::string> out;
  for_each_key(map,
               [&](std::string_view key, const Value&, std::size_t) { out.emplace_back(key); });
  return out;
}

void View::for_each_key(
    ObjId id, const std::function<void(std::string_view, const Value&, std::size_t)>& f) const {
  const Reader reader = impl_->reader();
  const Object* const object = map_object(reader, id);
  if (object == nullptr) return;
  const crdt::OpSet& ops = reader.ops();
  const crdt::MapObject& map = ops.objects().map(*object);
  for (const std::uint32_t number : map.sorted(ops.keys())) {
    const crdt::MapObject::Entry& entry = map.entry(number);
    const crdt::OpRecord* const winner = ops.winner(entry.ops, reader.clock());
    if (winner == nullptr) continue;
    const Value value = reader.to_value({winner->id, &entry.ops, winner, ops.value(*winner)});
    f(ops.keys().text(entry.key), value, visible_count(reader, entry.ops));
  }
}

void View::for_each_element(ObjId id,
                            const std::function<void(OpId, const Value&, std::size_t)>& f) const {
  const Reader reader = impl_->reader();
  const Object* const object = sequence_object(reader, id);
  if (object == nullptr) return;
  const crdt::OpSet& ops = reader.ops();
  crdt::walk(ops, ops.objects().sequence(*object), reader.clock(), [&](const Piece& piece) {
    if (piece.is_mark()) return true;
    if (!piece.is_text()) {
      const Value value =
          reader.to_value({piece.winner->id, piece.ops, piece.winner, ops.value(*piece.winner)});
      f(piece.id(), value, visible_count(reader, *piece.ops));
      return true;
    }
    Value value;
    for (std::uint32_t i = 0; i < piece.count; ++i) {
      const std::uint32_t width = piece.span->width;
      value.id = piece.id(i);
      value.scalar = model::Scalar::string(ops.content().view(piece.content() + i * width, width));
      f(value.id, value, 1);
    }
    return true;
  });
}

std::string View::text(ObjId id) const {
  const Reader reader = impl_->reader();
  std::string out;
  const Object* const object = sequence_object(reader, id);
  if (object == nullptr) return out;
  const crdt::OpSet& ops = reader.ops();
  const crdt::Sequence& sequence = ops.objects().sequence(*object);
  out.reserve(sequence.total[Unit::kUtf8Bytes]);
  crdt::walk(ops, sequence, reader.clock(), [&](const Piece& piece) {
    if (piece.is_mark()) return true;
    if (piece.is_text()) {
      out += ops.content().view(piece.content(), std::size_t{piece.count} * piece.span->width);
      return true;
    }
    const model::ScalarRef value = ops.value(*piece.winner);
    const bool string =
        piece.winner->action == model::Action::kSet && value.is(model::ScalarType::kString);
    out += string ? value.raw : kPlaceholder;
    return true;
  });
  return out;
}

Result<OpId> View::insert_reference(ObjId list, std::size_t index, TextUnit unit) const {
  const Reader reader = impl_->reader();
  const Object* const object = sequence_object(reader, list);
  if (object == nullptr) return Error{ErrorCode::kNotFound, "no such list or text"};
  const bool text = object->type == crdt::ObjectType::kText;
  return reader.insert_reference(*object, index, text ? to_unit(unit) : Unit::kElements);
}

std::optional<std::vector<Prop>> View::path(ObjId id, TextUnit unit) const {
  const Reader reader = impl_->reader();
  std::vector<Prop> out;
  const Object* object = reader.object(id);
  if (object == nullptr) return std::nullopt;
  const crdt::OpSet& ops = reader.ops();
  while (!object->id.is_none()) {
    const Object& parent = ops.objects().at(object->parent);
    std::vector<VisibleOp> visible;
    if (crdt::is_sequence(parent.type)) {
      const auto place = ops.forest().find(object->element);
      visible = reader.at_element(*place);
      const Unit in = parent.type == crdt::ObjectType::kText ? to_unit(unit) : Unit::kElements;
      out.emplace_back(reader.index_of(parent, *place, in));
    } else {
      const auto key = std::string(ops.keys().text(object->key));
      visible = reader.at_key(parent, key);
      out.emplace_back(key);
    }
    if (visible.empty() || visible.back().id != object->id) return std::nullopt;
    object = &parent;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace converge::engine
