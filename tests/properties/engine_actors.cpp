#include "tests/properties/engine_actors.h"

#include <array>
#include <stdexcept>

namespace converge::testing {

using engine::Document;
using engine::ObjId;
using engine::ObjType;
using engine::Transaction;
using engine::Value;
using engine::View;
using model::Scalar;
using nlohmann::json;

namespace {

json value_of(const View& view, const Value& value);

std::size_t utf16_units(const Value& value) {
  if (value.object || !value.scalar.ref().is(model::ScalarType::kString)) return 1;
  std::size_t units = 0;
  for (const char c : value.scalar.raw) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

json object_of(const View& view, ObjId object) {
  if (*view.object_type(object) == ObjType::kMap || *view.object_type(object) == ObjType::kTable) {
    json out = json::object();
    for (const std::string& key : view.keys(object)) {
      json values = json::array();
      for (const Value& value : view.get_all(object, key)) values.push_back(value_of(view, value));
      out[key] = values.size() == 1 ? values[0] : json{{"conflict", values}};
    }
    return out;
  }
  json out = json::array();
  const bool text = *view.object_type(object) == ObjType::kText;
  std::size_t index = 0;
  view.for_each_element(object, [&](model::OpId, const Value& value, std::size_t visible) {
    if (visible == 1) {
      out.push_back(value_of(view, value));
    } else {
      json values = json::array();
      for (const Value& each : view.get_all(object, index)) values.push_back(value_of(view, each));
      out.push_back(json{{"conflict", values}});
    }
    index += text ? utf16_units(value) : 1;
  });
  return out;
}

json value_of(const View& view, const Value& value) {
  if (value.object) return object_of(view, value.id);
  const model::ScalarRef ref = value.scalar.ref();
  if (ref.is(model::ScalarType::kCounter)) return ref.as_int();
  return {{"type", ref.type}, {"raw", to_hex(as_bytes(ref.raw))}};
}

/// All objects that can be reached, the root first.
void collect_objects(const View& view, ObjId object, std::vector<ObjId>& out) {
  out.push_back(object);
  const auto take = [&](const Value& value) {
    if (value.object) collect_objects(view, value.id, out);
  };
  const ObjType type = *view.object_type(object);
  if (type == ObjType::kMap || type == ObjType::kTable) {
    view.for_each_key(object, [&](std::string_view, const Value& v, std::size_t) { take(v); });
  } else {
    view.for_each_element(object, [&](model::OpId, const Value& v, std::size_t) { take(v); });
  }
}

Scalar random_scalar(Choices& choices) {
  switch (choices.below(8)) {
    case 0:
      return Scalar::null();
    case 1:
      return Scalar::boolean(choices.one_in(2));
    case 2:
      return Scalar::string(choices.one_in(2) ? "x" : "longer é");
    case 3:
      return Scalar::float64(0.25 * static_cast<double>(choices.below(9)));
    case 4:
    case 5:
      return Scalar::counter(static_cast<std::int64_t>(choices.below(20)));
    case 6:
      return Scalar::uint(choices.below(300));
    default:
      return Scalar::integer(static_cast<std::int64_t>(choices.below(300)) - 150);
  }
}

ObjType random_type(Choices& choices) {
  constexpr std::array kTypes{ObjType::kMap, ObjType::kList, ObjType::kText};
  return kTypes[choices.below(kTypes.size())];
}

void must(bool done) {
  if (!done) throw std::runtime_error("an edit that should work failed");
}

void edit_map(Transaction& tx, Choices& choices, ObjId map) {
  const std::string key = "k" + std::to_string(choices.below(4));
  const View view = tx.view();
  const auto now = view.get(map, key);
  const bool counter = now && !now->object && now->scalar.ref().is(model::ScalarType::kCounter);
  switch (choices.below(6)) {
    case 0:
      must(tx.erase(map, key).has_value());
      return;
    case 1:
      must(tx.put_object(map, key, random_type(choices)).has_value());
      return;
    case 2:
    case 3:
      if (counter) {
        must(tx.increment(map, key, static_cast<std::int64_t>(choices.below(9)) - 4).has_value());
        return;
      }
      [[fallthrough]];
    default:
      must(tx.put(map, key, random_scalar(choices)).has_value());
  }
}

void edit_list(Transaction& tx, Choices& choices, ObjId list) {
  const std::size_t length = tx.view().length(list);
  if (length == 0 || choices.one_in(2)) {
    const std::size_t at = choices.below(length + 1);
    if (choices.one_in(5)) {
      must(tx.insert_object(list, at, random_type(choices)).has_value());
    } else {
      must(tx.insert(list, at, random_scalar(choices)).has_value());
    }
    return;
  }
  const std::size_t at = choices.below(length);
  const auto now = tx.view().get(list, at);
  if (!now->object && now->scalar.ref().is(model::ScalarType::kCounter)) {
    must(tx.increment(list, at, 3).has_value());
  } else if (choices.one_in(2)) {
    must(tx.erase(list, at).has_value());
  } else {
    must(tx.put(list, at, random_scalar(choices)).has_value());
  }
}

void edit_text(Transaction& tx, Choices& choices, ObjId text) {
  constexpr std::array<std::string_view, 6> kPieces{"a", "bcd", "é", "x€y", "\xf0\x9f\x98\x80z",
                                                    ""};
  const std::size_t length = tx.view().length(text);
  const std::size_t at = choices.below(length + 1);
  if (choices.one_in(6) && length > 0) {
    const std::size_t end = at + choices.below(length - at + 1);
    const auto expand = static_cast<Transaction::Expand>(choices.below(4));
    const Scalar value = choices.one_in(4) ? Scalar::null() : Scalar::boolean(true);
    must(tx.mark(text, at, end, choices.one_in(2) ? "bold" : "link", value, expand).has_value());
    return;
  }
  if (choices.one_in(12)) {
    must(tx.insert_object(text, at, ObjType::kMap).has_value());
    return;
  }
  const std::size_t erased = choices.below(std::min<std::size_t>(length - at, 5) + 1);
  must(tx.splice_text(text, at, erased, kPieces[choices.below(kPieces.size())]).has_value());
}

}  // namespace

json read_like_model(const View& view) { return object_of(view, model::kRoot); }

std::size_t Choices::below(std::size_t bound) {
  // splitmix64
  state_ += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<std::size_t>((z ^ (z >> 31)) % bound);
}

void random_edit(Transaction& tx, Choices& choices) {
  std::vector<ObjId> objects;
  collect_objects(tx.view(), model::kRoot, objects);
  const ObjId object = objects[choices.below(objects.size())];
  switch (*tx.view().object_type(object)) {
    case ObjType::kList:
      return edit_list(tx, choices, object);
    case ObjType::kText:
      return edit_text(tx, choices, object);
    case ObjType::kMap:
    case ObjType::kTable:
      return edit_map(tx, choices, object);
  }
}

Replicas::Replicas(std::size_t count, std::uint64_t seed) : choices_(seed) {
  const auto actor = [](std::size_t i) {
    return *model::ActorId::from_hex(std::array{"0a", "0b01", "0b", "ff"}[i]);
  };
  Document first(actor(0));
  auto tx = first.transact();
  must(tx.put_object(model::kRoot, std::string("text"), ObjType::kText).has_value());
  must(tx.put_object(model::kRoot, std::string("list"), ObjType::kList).has_value());
  must(tx.put(model::kRoot, std::string("n"), Scalar::counter(1)).has_value());
  tx.commit();
  replicas_.push_back(std::move(first));
  for (std::size_t i = 1; i < count; ++i) replicas_.push_back(replicas_[0].fork(actor(i)));
}

void Replicas::step() {
  Document& one = replicas_[choices_.below(replicas_.size())];
  if (choices_.one_in(4)) {
    const Document& other = replicas_[choices_.below(replicas_.size())];
    if (&one != &other) must(one.merge(other).has_value());
    return;
  }
  const auto history = one.all_changes();
  const bool in_the_past = choices_.one_in(10);
  auto tx =
      in_the_past ? *one.transact_at({history[choices_.below(history.size())]}) : one.transact();
  const std::size_t edits = 1 + choices_.below(4);
  for (std::size_t i = 0; i < edits; ++i) random_edit(tx, choices_);
  if (choices_.one_in(8)) {
    tx.rollback();
  } else {
    tx.commit({.message = {}, .time = static_cast<std::int64_t>(choices_.below(1000))});
  }
}

void Replicas::settle() {
  for (std::size_t i = 1; i < replicas_.size(); ++i) {
    must(replicas_[0].merge(replicas_[i]).has_value());
  }
  for (std::size_t i = 1; i < replicas_.size(); ++i) {
    must(replicas_[i].merge(replicas_[0]).has_value());
  }
}

}  // namespace converge::testing
