#include "core/crdt/op_set.h"

#include "core/base/assert.h"

#include <algorithm>
#include <string>

namespace converge::crdt {

using model::Action;
using model::OpRun;

ObjectType type_of(Action action) {
  switch (action) {
    case Action::kMakeList:
      return ObjectType::kList;
    case Action::kMakeText:
      return ObjectType::kText;
    case Action::kMakeTable:
      return ObjectType::kTable;
    default:
      return ObjectType::kMap;
  }
}

std::int64_t amount_of(model::ScalarRef value) {
  if (value.is(model::ScalarType::kUint)) return static_cast<std::int64_t>(value.as_uint());
  return value.as_int();
}

OpSet::OpSet() : successors_(actors_), forest_(actors_, successors_, content_) {}

std::string OpSet::describe(OpId id) const {
  if (id.is_none()) return "_root";
  return std::to_string(id.counter) + "@" + actors_.at(id.actor).to_hex();
}

Result<std::uint32_t> OpSet::object_for(OpId id, bool sequence) {
  const std::uint32_t number = objects_.find(id);
  if (number == ObjectTable::kNone) {
    return Error{ErrorCode::kCorrupt, "op on unknown object " + describe(id)};
  }
  if (is_sequence(objects_.at(number).type) != sequence) {
    return Error{ErrorCode::kCorrupt, "key kind does not fit object " + describe(id)};
  }
  return number;
}

Result<void> OpSet::check_reference(const Object& object, const OpRun& run,
                                    std::optional<Place>& out) const {
  if (run.key.element.is_none()) return {};
  out = forest_.find(run.key.element);
  if (!out || forest_.owner(*out) != objects_.find(object.id)) {
    return Error{ErrorCode::kCorrupt, "unknown element " + describe(run.key.element)};
  }
  return {};
}

Result<void> OpSet::apply(const OpRun& run, OpId first, std::span<const OpId> preds) {
  switch (run.shape) {
    case OpRun::Shape::kText:
      return apply_text(run, first);
    case OpRun::Shape::kDelete:
      return apply_delete(run, first);
    case OpRun::Shape::kSingle:
      break;
  }
  const std::span<const OpId> own = preds.subspan(run.pred_begin, run.pred_count);
  if (run.key.is_map) return apply_to_map(run, first, own);
  return run.insert ? apply_insert(run, first) : apply_to_element(run, first, own);
}

// ------------------------------------------------------------------------------------------ text

void OpSet::insert_text(Sequence& sequence, const std::optional<Place>& reference,
                        OpId reference_id, OpId first, std::string_view text) {
  const std::uint32_t content = content_.append(text);
  std::optional<Place> at = reference;
  Span run;
  run.reference = reference_id;
  run.first = first;
  for_each_width(text, [&](std::size_t offset, std::uint32_t count, std::uint8_t width) {
    run.content = content + static_cast<std::uint32_t>(offset);
    run.length = count;
    run.width = width;
    if (offset > 0) at = forest_.find(run.reference);
    forest_.insert(sequence, at, run);
    run.reference = run.id(count - 1);
    run.first = run.id(count);
  });
}

Result<void> OpSet::apply_text(const OpRun& run, OpId first) {
  const auto number = object_for(run.object, true);
  if (!number) return number.error();
  const Object& object = objects_.at(*number);
  std::optional<Place> reference;
  if (auto checked = check_reference(object, run, reference); !checked) return checked;
  insert_text(objects_.sequence(object), reference, run.key.element, first, run.text);
  return {};
}

void OpSet::unapply_text(const OpRun& run, OpId first) {
  Sequence& sequence = objects_.sequence(objects_.at(objects_.find(run.object)));
  std::uint32_t done = 0;
  while (done < run.count) {
    const auto at = forest_.find({first.counter + done, first.actor});
    ASSERT(at.has_value());
    const Span span = forest_.span(*at);
    const std::uint32_t count = std::min(span.length - at->offset, run.count - done);
    forest_.remove(sequence, *at, count);
    if (!span.is_text()) forest_.free_record(span.content);
    done += count;
  }
}

// --------------------------------------------------------------------------------------- deletes

Result<void> OpSet::apply_delete(const OpRun& run, OpId first) {
  const auto number = object_for(run.object, true);
  if (!number) return number.error();
  Sequence& sequence = objects_.sequence(objects_.at(*number));
  std::uint32_t done = 0;
  while (done < run.count) {
    const std::uint32_t target_counter =
        run.key.element.counter + done * static_cast<std::uint32_t>(std::int32_t{run.step});
    const OpId target{target_counter, run.key.element.actor};
    const OpId deleter{first.counter + done, first.actor};
    auto at = forest_.find(target);
    if (!at || forest_.owner(*at) != *number) {
      OpRun part = run;
      part.count = done;
      unapply_delete(part, first);
      return Error{ErrorCode::kCorrupt, "unknown element " + describe(target)};
    }
    const Span& span = forest_.span(*at);
    if (!span.is_text() || !span.deleter.is_none()) {
      const OpId pred = target;
      ElementRecord& record = forest_.record(forest_.make_irregular(sequence, *at));
      OpRecord op;
      op.id = deleter;
      op.action = Action::kDel;
      write(record.ops, op, {&pred, 1}, 0);
      forest_.refresh(sequence, *at);
      ++done;
      continue;
    }
    const std::uint32_t there = run.step > 0 ? span.length - at->offset : at->offset + 1;
    const std::uint32_t count = std::min(there, run.count - done);
    if (run.step > 0) {
      forest_.erase(sequence, *at, count, deleter, 1);
    } else {
      at->offset -= count - 1;
      forest_.erase(sequence, *at, count, {deleter.counter + count - 1, deleter.actor}, -1);
    }
    done += count;
  }
  return {};
}

void OpSet::unapply_delete(const OpRun& run, OpId first) {
  Sequence& sequence = objects_.sequence(objects_.at(objects_.find(run.object)));
  for (std::uint32_t done = 0; done < run.count; ++done) {
    const OpId target{
        run.key.element.counter + done * static_cast<std::uint32_t>(std::int32_t{run.step}),
        run.key.element.actor};
    const auto at = forest_.find(target);
    ASSERT(at.has_value());
    const Span& span = forest_.span(*at);
    if (span.is_text()) {
      forest_.unerase(sequence, *at, 1);
      continue;
    }
    OpRecord op;
    op.id = {first.counter + done, first.actor};
    op.action = Action::kDel;
    unwrite(forest_.record(span.content).ops, op, {&target, 1}, 0);
    forest_.refresh(sequence, *at);
  }
}

// ------------------------------------------------------------------------------------- registers

OpRecord OpSet::make_record(const OpRun& run, OpId id) {
  OpRecord op;
  op.id = id;
  op.action = run.action;
  op.value_type = run.value.type;
  op.value_size = static_cast<std::uint32_t>(run.value.raw.size());
  if (run.action != Action::kDel) op.value = content_.append(run.value.raw);
  if (run.expand) op.flags = OpRecord::kExpand;
  if (run.mark_name) {
    op.flags = static_cast<std::uint8_t>(op.flags | OpRecord::kNamed);
    op.extra = keys_.intern(*run.mark_name);
  }
  return op;
}

void OpSet::write(Register& ops, const OpRecord& op, std::span<const OpId> preds,
                  std::int64_t amount) {
  const bool increments = op.action == Action::kInc;
  for (const OpId pred : preds) {
    OpRecord* const hidden = ops.find(pred, actors_);
    ASSERT(hidden != nullptr);
    const bool before = successors_.visible(*hidden);
    successors_.add(*hidden, op.id, increments, amount);
    if (before && !successors_.visible(*hidden)) --ops.visible;
  }
  if (op.action == Action::kDel) return;
  ops.insert(op, actors_);
  if (!increments) ++ops.visible;
}

void OpSet::unwrite(Register& ops, const OpRecord& op, std::span<const OpId> preds,
                    std::int64_t amount) {
  const bool increments = op.action == Action::kInc;
  if (op.action != Action::kDel) {
    ops.erase(op.id, actors_);
    if (!increments) --ops.visible;
  }
  for (const OpId pred : preds) {
    OpRecord* const hidden = ops.find(pred, actors_);
    ASSERT(hidden != nullptr);
    const bool before = successors_.visible(*hidden);
    successors_.remove(*hidden, op.id, increments, amount);
    if (!before && successors_.visible(*hidden)) ++ops.visible;
  }
}

void OpSet::add_object(const OpRun& run, OpRecord& op, std::uint32_t parent, KeyId key,
                       OpId element) {
  if (!op.makes_object()) return;
  Object object;
  object.id = op.id;
  object.type = type_of(run.action);
  object.parent = parent;
  object.key = key;
  object.element = element;
  op.extra = objects_.add(object);
}

Result<void> OpSet::apply_to_map(const OpRun& run, OpId id, std::span<const OpId> preds) {
  const auto number = object_for(run.object, false);
  if (!number) return number.error();
  MapObject* map = &objects_.map(objects_.at(*number));
  std::optional<KeyId> key = keys_.find(run.key.name);
  const MapObject::Entry* const known = key ? map->find(*key) : nullptr;
  for (const OpId pred : preds) {
    if (known == nullptr || known->ops.find(pred, actors_) == nullptr) {
      return Error{ErrorCode::kCorrupt, "predecessor " + describe(pred) + " is no op of its key"};
    }
  }
  if (run.action == Action::kDel && known == nullptr) return {};
  if (!key) key = keys_.intern(run.key.name);
  OpRecord op = make_record(run, id);
  add_object(run, op, *number, *key, OpId{});
  map = &objects_.map(objects_.at(*number));  // a new object may have moved it
  Register& ops = map->get_or_add(*key).ops;
  const bool before = ops.visible > 0;
  write(ops, op, preds, run.action == Action::kInc ? amount_of(run.value) : 0);
  const bool after = ops.visible > 0;
  if (after && !before) ++map->visible_keys;
  if (before && !after) --map->visible_keys;
  return {};
}

Result<void> OpSet::apply_insert(const OpRun& run, OpId id) {
  const auto number = object_for(run.object, true);
  if (!number) return number.error();
  std::optional<Place> reference;
  if (auto checked = check_reference(objects_.at(*number), run, reference); !checked) {
    return checked;
  }
  const bool string = run.action == Action::kSet && run.value.is(model::ScalarType::kString);
  if (string && run.value.raw.size() <= 4) {
    std::uint32_t code_points = 0;
    for_each_width(run.value.raw,
                   [&](std::size_t, std::uint32_t count, std::uint8_t) { code_points += count; });
    if (code_points == 1) {
      insert_text(objects_.sequence(objects_.at(*number)), reference, run.key.element, id,
                  run.value.raw);
      return {};
    }
  }
  OpRecord op = make_record(run, id);
  add_object(run, op, *number, 0, id);
  Span span;
  span.first = id;
  span.reference = run.key.element;
  span.length = 1;
  span.content = forest_.new_record();
  ElementRecord& record = forest_.record(span.content);
  write(record.ops, op, {}, 0);
  record.metrics = forest_.measure(record.ops);
  Sequence& sequence = objects_.sequence(objects_.at(*number));
  if (run.action == Action::kMark) ++sequence.marks;
  forest_.insert(sequence, reference, span);
  return {};
}

Result<void> OpSet::apply_to_element(const OpRun& run, OpId id, std::span<const OpId> preds) {
  const auto number = object_for(run.object, true);
  if (!number) return number.error();
  auto at = forest_.find(run.key.element);
  if (!at || forest_.owner(*at) != *number) {
    return Error{ErrorCode::kCorrupt, "unknown element " + describe(run.key.element)};
  }
  const Span& span = forest_.span(*at);
  for (const OpId pred : preds) {
    const bool known = span.is_text() ? pred == run.key.element
                                      : forest_.record(span).ops.find(pred, actors_) != nullptr;
    if (!known) {
      return Error{ErrorCode::kCorrupt,
                   "predecessor " + describe(pred) + " is no op of its element"};
    }
  }
  OpRecord op = make_record(run, id);
  add_object(run, op, *number, 0, run.key.element);
  Sequence& sequence = objects_.sequence(objects_.at(*number));
  const std::uint32_t record = forest_.make_irregular(sequence, *at);
  write(forest_.record(record).ops, op, preds,
        run.action == Action::kInc ? amount_of(run.value) : 0);
  forest_.refresh(sequence, *at);
  return {};
}

// ------------------------------------------------------------------------------------ taking back

void OpSet::unapply(const OpRun& run, OpId first, std::span<const OpId> preds) {
  switch (run.shape) {
    case OpRun::Shape::kText:
      return unapply_text(run, first);
    case OpRun::Shape::kDelete:
      return unapply_delete(run, first);
    case OpRun::Shape::kSingle:
      return unapply_single(run, first, preds.subspan(run.pred_begin, run.pred_count));
  }
}

void OpSet::unapply_single(const OpRun& run, OpId id, std::span<const OpId> preds) {
  OpRecord op;
  op.id = id;
  op.action = run.action;
  const std::int64_t amount = run.action == Action::kInc ? amount_of(run.value) : 0;
  const std::uint32_t number = objects_.find(run.object);
  if (run.key.is_map) {
    const auto key = keys_.find(run.key.name);
    MapObject& map = objects_.map(objects_.at(number));
    MapObject::Entry* const entry = key ? map.find(*key) : nullptr;
    if (entry == nullptr) return;
    const bool before = entry->ops.visible > 0;
    unwrite(entry->ops, op, preds, amount);
    const bool after = entry->ops.visible > 0;
    if (after && !before) ++map.visible_keys;
    if (before && !after) --map.visible_keys;
    if (entry->ops.empty() && entry == &map.entries().back()) map.drop_last();
  } else if (run.insert) {
    const auto at = forest_.find(id);
    ASSERT(at.has_value());
    const Span span = forest_.span(*at);
    Sequence& sequence = objects_.sequence(objects_.at(number));
    if (run.action == Action::kMark) --sequence.marks;
    forest_.remove(sequence, *at, 1);
    if (!span.is_text()) forest_.free_record(span.content);
  } else {
    const auto at = forest_.find(run.key.element);
    ASSERT(at.has_value());
    Sequence& sequence = objects_.sequence(objects_.at(number));
    Place place = *at;
    const std::uint32_t record = forest_.make_irregular(sequence, place);
    unwrite(forest_.record(record).ops, op, preds, amount);
    forest_.refresh(sequence, place);
  }
  if (op.makes_object()) objects_.drop_last();
}

}  // namespace converge::crdt
