#include "core/engine/differ.h"

#include "core/base/assert.h"

#include <algorithm>
#include <vector>

namespace converge::engine {

using crdt::Object;
using crdt::OpRecord;
using crdt::Register;

Differ::Differ(const crdt::OpSet& ops, const crdt::Clock* before, const crdt::Clock* after,
               TextUnit unit, const Written* written)
    : ops_(ops),
      before_(ops, before),
      after_(ops, after),
      unit_(unit),
      written_(written),
      open_(Lamport{&ops.actors()}) {}

Patches Differ::run() {
  known_.emplace(0, true);
  if (written_ == nullptr) {
    open_.emplace(model::kRoot, false);
  } else {
    for (const auto& [number, places] : *written_) {
      open_.emplace(ops_.objects().at(number).id, false);
    }
  }
  // Children have greater ids than their parents, so none is added behind the walk.
  while (!open_.empty()) {
    const auto [id, exposed] = *open_.begin();
    open_.erase(open_.begin());
    const std::uint32_t number = ops_.objects().find(id);
    if (!locate(number)) continue;
    const Object& object = ops_.objects().at(number);
    if (exposed) {
      whole(object);
    } else if (object.type == crdt::ObjectType::kText) {
      text(object);
    } else if (object.type == crdt::ObjectType::kList) {
      list(object);
    } else {
      map(object);
    }
  }
  return builder_.finish();
}

// ------------------------------------------------------------------------------------- registers

Differ::Sides Differ::sides_of(const Register& ops) const {
  Sides out;
  for (const OpRecord* op = ops.end(); op != ops.begin();) {
    --op;
    const bool was = ops_.visible(ops, *op, before_.clock());
    const bool is = ops_.visible(ops, *op, after_.clock());
    if (was && out.count_before++ == 0) out.before = op;
    if (is && out.count_after++ == 0) {
      out.after = op;
      out.after_was_visible = was;
    }
  }
  return out;
}

std::int64_t Differ::growth(const Register& ops, const OpRecord& counter) const {
  const std::int64_t before = ops_.counter_value(ops, counter, before_.clock());
  const std::int64_t after = ops_.counter_value(ops, counter, after_.clock());
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(after) -
                                   static_cast<std::uint64_t>(before));
}

Differ::Fate Differ::fate_of(const Register& ops, const Sides& sides) const {
  if (sides.after == nullptr) return sides.before == nullptr ? Fate::kNothing : Fate::kGone;
  if (sides.before == nullptr) return Fate::kNew;
  if (sides.after != sides.before) return Fate::kPut;
  if (sides.count_before > 1 && sides.count_after == 1) return Fate::kPut;
  if (sides.after->is_counter() && growth(ops, *sides.after) != 0) return Fate::kIncrement;
  if (sides.count_after > 1 && sides.count_before <= 1) return Fate::kConflict;
  return Fate::kNothing;
}

Value Differ::value_after(const Register& ops, const OpRecord& op) const {
  return after_.to_value({op.id, &ops, &op, ops_.value(op)});
}

/// The object was there before, and what it holds is told again.
bool Differ::exposes(Fate fate, const OpRecord& after) const {
  if (fate != Fate::kNew && fate != Fate::kPut) return false;
  return before_.clock() == nullptr || before_.clock()->covers(after.id);
}

void Differ::descend(const Object& object, const OpRecord& made, Prop at, bool exposed) {
  if (!made.makes_object()) return;
  if (written_ != nullptr && !exposed) return;  // it is open already if anything wrote into it
  const std::uint32_t number = made.extra;
  builder_.reached(made.id, object.id, std::move(at));
  known_.insert_or_assign(number, true);
  open_[made.id] |= exposed;
}

// ------------------------------------------------------------------------------------------ maps

void Differ::map_entry(const Object& object, const crdt::MapObject::Entry& entry) {
  const Sides sides = sides_of(entry.ops);
  const Fate fate = fate_of(entry.ops, sides);
  const std::string_view name = ops_.keys().text(entry.key);
  switch (fate) {
    case Fate::kNothing:
      break;
    case Fate::kGone:
      builder_.erase_key(object.id, name);
      break;
    case Fate::kNew:
    case Fate::kPut:
      builder_.put(object.id, std::string(name), value_after(entry.ops, *sides.after),
                   sides.count_after > 1);
      break;
    case Fate::kIncrement:
      builder_.increment(object.id, std::string(name), growth(entry.ops, *sides.after));
      break;
    case Fate::kConflict:
      builder_.conflict(object.id, std::string(name));
      break;
  }
  if (sides.after != nullptr) {
    descend(object, *sides.after, std::string(name), exposes(fate, *sides.after));
  }
}

void Differ::map(const Object& object) {
  const crdt::MapObject& map = ops_.objects().map(object);
  if (written_ == nullptr) {
    for (const std::uint32_t number : map.sorted(ops_.keys())) {
      map_entry(object, map.entry(number));
    }
    return;
  }
  std::vector<crdt::KeyId> keys = written_->at(ops_.objects().find(object.id)).keys;
  const auto text = [&](crdt::KeyId key) { return ops_.keys().text(key); };
  std::sort(keys.begin(), keys.end(),
            [&](crdt::KeyId a, crdt::KeyId b) { return text(a) < text(b); });
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (const crdt::KeyId key : keys) {
    if (const auto* const entry = map.find(key)) map_entry(object, *entry);
  }
}

// ------------------------------------------------------------------------------- exposed objects

void Differ::whole(const Object& object) {
  if (object.type == crdt::ObjectType::kText) {
    whole_text(object);
  } else if (object.type == crdt::ObjectType::kList) {
    whole_list(object);
  } else {
    whole_map(object);
  }
}

void Differ::whole_map(const Object& object) {
  const crdt::MapObject& map = ops_.objects().map(object);
  for (const std::uint32_t number : map.sorted(ops_.keys())) {
    const crdt::MapObject::Entry& entry = map.entry(number);
    const Sides sides = sides_of(entry.ops);
    if (sides.after == nullptr) continue;
    const auto name = std::string(ops_.keys().text(entry.key));
    builder_.put(object.id, name, value_after(entry.ops, *sides.after), sides.count_after > 1);
    descend(object, *sides.after, name, true);
  }
}

// ----------------------------------------------------------------------------------------- paths

/// Whether the state after shows the object, with its path told to the builder. Iterative: nesting
/// is as deep as somebody wanted.
bool Differ::locate(std::uint32_t number) {
  std::vector<std::uint32_t> chain;
  while (!known_.contains(number)) {
    chain.push_back(number);
    number = ops_.objects().at(number).parent;
  }
  bool reached = known_.at(number);
  while (!chain.empty()) {
    const std::uint32_t child = chain.back();
    chain.pop_back();
    if (reached) {
      const Object& object = ops_.objects().at(child);
      auto at = place_after(object);
      reached = at.has_value();
      if (at) builder_.reached(object.id, ops_.objects().at(object.parent).id, std::move(*at));
    }
    known_.emplace(child, reached);
  }
  return reached;
}

/// Where its parent shows the object; nothing when it shows something else there.
std::optional<Prop> Differ::place_after(const Object& object) const {
  const Object& parent = ops_.objects().at(object.parent);
  if (!crdt::is_sequence(parent.type)) {
    const crdt::MapObject::Entry* const entry = ops_.objects().map(parent).find(object.key);
    const OpRecord* const winner = ops_.winner(entry->ops, after_.clock());
    if (winner == nullptr || winner->id != object.id) return std::nullopt;
    return std::string(ops_.keys().text(object.key));
  }
  const auto place = ops_.forest().find(object.element);
  ASSERT(place.has_value());
  const Register& ops = ops_.forest().record(ops_.forest().span(*place)).ops;
  const OpRecord* const winner = ops_.winner(ops, after_.clock());
  if (winner == nullptr || winner->id != object.id) return std::nullopt;
  const crdt::Unit unit =
      parent.type == crdt::ObjectType::kText ? to_unit(unit_) : crdt::Unit::kElements;
  std::size_t index = ops_.forest().index_of(*place, unit);
  if (const WrittenSpans* const spans = written_spans(object.parent)) {
    index += spans->shift_at(*place);
  }
  return index;
}

const WrittenSpans* Differ::written_spans(std::uint32_t number) const {
  const auto written = written_->find(number);
  if (written == written_->end()) return nullptr;
  const auto found = spans_.find(number);
  if (found != spans_.end()) return &found->second;
  const Object& object = ops_.objects().at(number);
  const crdt::Unit unit =
      object.type == crdt::ObjectType::kText ? to_unit(unit_) : crdt::Unit::kElements;
  return &spans_.emplace(number, WrittenSpans(ops_, written->second.elements, after_.clock(), unit))
              .first->second;
}

}  // namespace converge::engine
