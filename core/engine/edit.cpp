#include "core/engine/transaction_impl.h"

#include <algorithm>

namespace converge::engine {

using crdt::Object;
using model::Action;
using model::OpRun;
using model::ScalarRef;

namespace {

Action make_action(ObjType type) {
  switch (type) {
    case ObjType::kMap:
      break;
    case ObjType::kList:
      return Action::kMakeList;
    case ObjType::kText:
      return Action::kMakeText;
    case ObjType::kTable:
      return Action::kMakeTable;
  }
  return Action::kMakeMap;
}

std::vector<OpId> ids_of(const std::vector<VisibleOp>& visible) {
  std::vector<OpId> out;
  out.reserve(visible.size());
  for (const VisibleOp& op : visible) out.push_back(op.id);
  return out;
}

}  // namespace

Result<const Object*> Transaction::Impl::object(ObjId id) const {
  const Object* const found = reader().object(id);
  if (found == nullptr) return Error{ErrorCode::kNotFound, "no such object"};
  return found;
}

Result<const Object*> Transaction::Impl::sequence(ObjId id) const {
  auto found = object(id);
  if (found && !crdt::is_sequence((*found)->type)) {
    return Error{ErrorCode::kInvalid, "the object is not a list or text"};
  }
  return found;
}

Result<Transaction::Impl::Target> Transaction::Impl::target(ObjId id, const Prop& prop) const {
  const auto found = object(id);
  if (!found) return found.error();
  const Object& object = **found;
  Target out;
  out.run.object = id;
  if (crdt::is_sequence(object.type)) {
    const auto* const index = std::get_if<std::size_t>(&prop);
    if (index == nullptr) return Error{ErrorCode::kInvalid, "a list needs an index, not a key"};
    const auto element = reader().element_at(object, index_unit(object), *index);
    if (!element) {
      return Error{ErrorCode::kNotFound, "index " + std::to_string(*index) + " is beyond the end"};
    }
    out.run.key.element = element->id;
    out.visible = reader().at_element(element->place);
    return out;
  }
  const auto* const key = std::get_if<std::string>(&prop);
  if (key == nullptr) return Error{ErrorCode::kInvalid, "a map needs a key, not an index"};
  out.run.key.is_map = true;
  out.run.key.name = *key;
  out.visible = reader().at_key(object, *key);
  return out;
}

Result<OpId> Transaction::Impl::write(Target target, Action action, ScalarRef value) {
  target.run.action = action;
  target.run.value = value;
  return emit(target.run, ids_of(target.visible));
}

Result<void> Transaction::Impl::erase_ops(Target target, std::vector<OpId> preds_of) {
  OpRun run = target.run;
  run.action = Action::kDel;
  // The usual delete of an untouched element is a run, which the next one may extend.
  if (!run.key.is_map && preds_of.size() == 1 && preds_of[0] == run.key.element) {
    run.shape = OpRun::Shape::kDelete;
    preds_of.clear();
  }
  auto done = emit(run, std::move(preds_of));
  if (!done) return done.error();
  return {};
}

Result<OpId> Transaction::Impl::insert_op(ObjId list, std::size_t index, Action action,
                                          ScalarRef value) {
  const auto found = sequence(list);
  if (!found) return found.error();
  const auto reference = reader().insert_reference(**found, index, index_unit(**found));
  if (!reference) return reference.error();
  OpRun run;
  run.action = action;
  run.insert = true;
  run.object = list;
  run.key.element = *reference;
  run.value = value;
  return emit(run);
}

// ------------------------------------------------------------------------------------- public face

Result<void> Transaction::put(ObjId object, const Prop& prop, const model::Scalar& value) {
  auto target = impl_->target(object, prop);
  if (!target) return target.error();
  if (!target->visible.empty()) {
    // Writing what is there already only settles a conflict (automerge-format 6.4).
    const Value winner = impl_->reader().to_value(target->visible.back());
    if (!winner.object && winner.scalar == value) {
      if (target->visible.size() == 1) return {};
      target->visible.pop_back();
      auto losers = ids_of(target->visible);
      return impl_->erase_ops(std::move(*target), std::move(losers));
    }
  }
  auto done = impl_->write(std::move(*target), Action::kSet, value.ref());
  if (!done) return done.error();
  return {};
}

Result<ObjId> Transaction::put_object(ObjId object, const Prop& prop, ObjType type) {
  auto target = impl_->target(object, prop);
  if (!target) return target.error();
  return impl_->write(std::move(*target), make_action(type), ScalarRef{});
}

Result<void> Transaction::insert(ObjId list, std::size_t index, const model::Scalar& value) {
  auto done = impl_->insert_op(list, index, Action::kSet, value.ref());
  if (!done) return done.error();
  return {};
}

Result<ObjId> Transaction::insert_object(ObjId list, std::size_t index, ObjType type) {
  return impl_->insert_op(list, index, make_action(type), ScalarRef{});
}

Result<void> Transaction::erase(ObjId object, const Prop& prop) {
  const auto* const index = std::get_if<std::size_t>(&prop);
  const crdt::Object* const in = impl_->reader().object(object);
  if (index != nullptr && in != nullptr && in->type == crdt::ObjectType::kText) {
    return splice_text(object, *index, 1, "", TextUnit::kUtf16Units);
  }
  auto target = impl_->target(object, prop);
  if (!target) return target.error();
  if (target->visible.empty()) return {};
  auto all = ids_of(target->visible);
  return impl_->erase_ops(std::move(*target), std::move(all));
}

Result<void> Transaction::keep_only(ObjId object, const Prop& prop, OpId keep) {
  auto target = impl_->target(object, prop);
  if (!target) return target.error();
  auto others = ids_of(target->visible);
  if (std::erase(others, keep) == 0) {
    return Error{ErrorCode::kNotFound, "the value to keep is not one of the current values"};
  }
  if (others.empty()) return {};
  return impl_->erase_ops(std::move(*target), std::move(others));
}

Result<void> Transaction::increment(ObjId object, const Prop& prop, std::int64_t amount) {
  auto target = impl_->target(object, prop);
  if (!target) return target.error();
  const bool counts = std::any_of(target->visible.begin(), target->visible.end(),
                                  [](const VisibleOp& op) { return op.is_counter(); });
  if (!counts) return Error{ErrorCode::kInvalid, "the value is not a counter"};
  const model::Scalar by = model::Scalar::integer(amount);
  auto done = impl_->write(std::move(*target), Action::kInc, by.ref());
  if (!done) return done.error();
  return {};
}

Result<void> Transaction::splice_text(ObjId text, std::size_t index, std::size_t erase,
                                      std::string_view insert, TextUnit unit) {
  return impl_->splice(text, index, erase, insert, to_unit(unit));
}

Result<void> Transaction::mark(ObjId text, std::size_t start, std::size_t end,
                               std::string_view name, const model::Scalar& value, Expand expand,
                               TextUnit unit) {
  return impl_->mark(text, start, end, name, value.ref(), expand, to_unit(unit));
}

}  // namespace converge::engine
