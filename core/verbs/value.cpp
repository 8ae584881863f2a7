#include "core/verbs/value.h"

#include "core/base/limits.h"
#include "core/control/error_table.h"
#include "core/verbs/json_forms.h"
#include "core/verbs/pointer.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using engine::ObjId;
using engine::ObjType;
using engine::OpId;
using nlohmann::json;

/// What a double holds exactly, and so what any JSON reader keeps.
constexpr std::int64_t kExactInt = std::int64_t{1} << 53;

bool is_map(ObjType type) { return type == ObjType::kMap || type == ObjType::kTable; }

json exact_number(std::int64_t value) {
  if (value > kExactInt || value < -kExactInt) return std::to_string(value);
  return value;
}

json float_to_json(double value, Form form) {
  if (form == Form::kPlain) {
    if (!std::isfinite(value)) return nullptr;
    return value;
  }
  if (std::isnan(value)) return {{"$float", "NaN"}};
  if (std::isinf(value)) return {{"$float", value > 0 ? "Infinity" : "-Infinity"}};
  if (value != std::trunc(value) && std::abs(value) < 1e15) return value;
  if (std::abs(value) <= static_cast<double>(kExactInt) && !(value == 0 && std::signbit(value)))
    return {{"$float", static_cast<std::int64_t>(value)}};
  return {{"$float", value}};
}

json timestamp_to_json(std::int64_t milliseconds, Form form) {
  const std::string text = format_timestamp(milliseconds);
  if (form == Form::kPlain) return text;
  const bool four_digit_year = text.front() != '+' && text.front() != '-';
  return {{"$timestamp", four_digit_year ? json(text) : json(exact_number(milliseconds))}};
}

json unknown_to_json(const model::Scalar& scalar) {
  return {{"$unknown", {{"type", scalar.type}, {"bytes", to_base64(as_bytes(scalar.raw))}}}};
}

/// Builds JSON from a view without recursion: objects still to be filled wait in a list, each with
/// the slot its JSON goes to. Slots stay valid: JSON objects are node based, and an array gets its
/// final size before any of its slots is handed out.
class Reader {
 public:
  Reader(const engine::View& view, const Reading& reading) : view_(view), reading_(reading) {}

  Result<json> read(const engine::Value& value) {
    json out;
    place(value, out, 0);
    while (!pending_.empty()) {
      const Pending next = pending_.back();
      pending_.pop_back();
      if (next.depth > kReadDepthMax)
        return make_error(ErrorId::kLimitExceeded,
                          fmt::format("the value is nested deeper than {} levels", kReadDepthMax),
                          "read a part of it with a pointer");
      if (is_map(next.type))
        fill_map(next);
      else
        fill_list(next);
    }
    if (!saw_text_)
      for (json* slot : bare_strings_) *slot = {{"$str", std::move(*slot)}};
    return out;
  }

 private:
  struct Pending {
    ObjId object;
    ObjType type = ObjType::kMap;
    json* slot = nullptr;
    std::size_t depth = 0;
  };

  void place(const engine::Value& value, json& slot, std::size_t depth) {
    if (!value.object) {
      place_scalar(value.scalar, slot);
    } else if (*value.object == ObjType::kText) {
      saw_text_ = true;
      slot = view_.text(value.id);
      if (reading_.form == Form::kTyped) slot = {{"$text", std::move(slot)}};
    } else {
      pending_.push_back({value.id, *value.object, &slot, depth + 1});
    }
  }

  void place_scalar(const model::Scalar& scalar, json& slot) {
    if (scalar.ref().is(ScalarType::kString) && reading_.form == Form::kTyped) {
      slot = scalar.raw;
      bare_strings_.push_back(&slot);
      return;
    }
    slot = scalar_to_json(scalar, reading_.form);
    const bool lost = slot.is_null() && !scalar.ref().is(ScalarType::kNull);
    if (lost && reading_.unshown != nullptr) ++*reading_.unshown;
  }

  void fill_map(const Pending& map) {
    *map.slot = json::object();
    auto& members = map.slot->get_ref<json::object_t&>();
    view_.for_each_key(
        map.object, [&](std::string_view key, const engine::Value& value, std::size_t) {
          std::string name = reading_.form == Form::kPlain ? std::string(key) : json_key(key);
          place(value, members.emplace_hint(members.end(), std::move(name), nullptr)->second,
                map.depth);
        });
  }

  void fill_list(const Pending& list) {
    *list.slot = json::array();
    auto& elements = list.slot->get_ref<json::array_t&>();
    elements.resize(view_.length(list.object));
    std::size_t index = 0;
    view_.for_each_element(list.object, [&](OpId, const engine::Value& value, std::size_t) {
      if (index < elements.size()) place(value, elements[index++], list.depth);
    });
  }

  const engine::View& view_;
  const Reading& reading_;
  std::vector<Pending> pending_;
  std::vector<json*> bare_strings_;
  bool saw_text_ = false;
};

/// Writes JSON breadth first: the make op of an object comes before its contents, and all contents
/// of one object before those of its children.
class Writer {
 public:
  Writer(engine::Transaction& edit, BareString bare) : edit_(edit), bare_(bare) {}

  Result<void> put(ObjId object, const engine::Prop& prop, const json& value) {
    const Node node = node_of(value, bare_);
    if (node.kind == Node::Kind::kScalar) return edit_.put(object, prop, node.scalar);
    return enqueue(edit_.put_object(object, prop, type_of(node)), node);
  }

  Result<void> insert(ObjId list, std::size_t index, const json& value) {
    const Node node = node_of(value, bare_);
    if (node.kind == Node::Kind::kScalar) return edit_.insert(list, index, node.scalar);
    return enqueue(edit_.insert_object(list, index, type_of(node)), node);
  }

  Result<void> finish() {
    while (!pending_.empty()) {
      const auto [object, node] = std::move(pending_.front());
      pending_.pop_front();
      if (auto done = fill(object, node); !done) return done;
    }
    return {};
  }

 private:
  static ObjType type_of(const Node& node) {
    if (node.kind == Node::Kind::kMap) return ObjType::kMap;
    return node.kind == Node::Kind::kList ? ObjType::kList : ObjType::kText;
  }

  Result<void> enqueue(Result<ObjId> object, const Node& node) {
    if (!object) return object.error();
    pending_.emplace_back(*object, node);
    return {};
  }

  Result<void> fill(ObjId object, const Node& node) {
    if (node.kind == Node::Kind::kText) {
      if (node.text->empty()) return {};
      return edit_.splice_text(object, 0, 0, *node.text, engine::TextUnit::kCodePoints);
    }
    if (node.kind == Node::Kind::kList) {
      std::size_t index = 0;
      for (const auto& element : *node.container)
        if (auto done = insert(object, index++, element); !done) return done;
      return {};
    }
    for (auto it = node.container->begin(); it != node.container->end(); ++it)
      if (auto done = put(object, std::string(real_key(it.key())), it.value()); !done) return done;
    return {};
  }

  engine::Transaction& edit_;
  BareString bare_;
  std::deque<std::pair<ObjId, Node>> pending_;
};

}  // namespace

json scalar_to_json(const model::Scalar& scalar, Form form) {
  const ScalarRef ref = scalar.ref();
  const bool plain = form == Form::kPlain;
  switch (ref.kind()) {
    case ScalarType::kNull:
      return nullptr;
    case ScalarType::kFalse:
      return false;
    case ScalarType::kTrue:
      return true;
    case ScalarType::kUint:
      if (plain) return ref.as_uint();
      return {{"$uint", ref.as_uint() > static_cast<std::uint64_t>(kExactInt)
                            ? json(std::to_string(ref.as_uint()))
                            : json(ref.as_uint())}};
    case ScalarType::kInt:
      return ref.as_int();
    case ScalarType::kFloat64:
      return float_to_json(ref.as_float64(), form);
    case ScalarType::kString:
      if (plain) return scalar.raw;
      return {{"$str", scalar.raw}};
    case ScalarType::kBytes:
      if (plain) return to_base64(as_bytes(scalar.raw));
      return {{"$bytes", to_base64(as_bytes(scalar.raw))}};
    case ScalarType::kCounter:
      if (plain) return ref.as_int();
      return {{"$counter", exact_number(ref.as_int())}};
    case ScalarType::kTimestamp:
      return timestamp_to_json(ref.as_int(), form);
  }
  if (plain) return nullptr;
  return unknown_to_json(scalar);
}

Result<json> to_json(const engine::View& view, const engine::Value& value, const Reading& reading) {
  return Reader(view, reading).read(value);
}

Result<json> object_to_json(const engine::View& view, ObjId object, const Reading& reading) {
  engine::Value value;
  value.id = object;
  value.object = view.object_type(object).value_or(ObjType::kMap);
  return to_json(view, value, reading);
}

Result<void> check_writable(const json& value, std::string_view what) {
  struct Pending {
    const json* node;
    std::size_t depth;
    std::string place;
  };
  const BareString bare = bare_strings_of(value);
  std::vector<Pending> pending{{&value, 1, ""}};
  while (!pending.empty()) {
    const Pending next = std::move(pending.back());
    pending.pop_back();
    const std::string where =
        fmt::format("{}{}{}", what, next.place.empty() ? "" : " at ", next.place);
    if (next.depth > static_cast<std::size_t>(limits::kJsonDepthMax))
      return make_error(ErrorId::kLimitExceeded, fmt::format("{} is nested deeper than {} levels",
                                                             what, limits::kJsonDepthMax));
    auto node = read_node(*next.node, bare);
    if (!node) {
      Error error = node.error();
      error.message = where + ": " + error.message;
      return error;
    }
    if (node->container == nullptr) continue;
    for (auto it = node->container->begin(); it != node->container->end(); ++it) {
      if (!it->is_structured() && !it->is_string() && !it->is_binary()) continue;
      const std::string part = node->kind == Node::Kind::kMap
                                   ? escape_part(it.key())
                                   : std::to_string(it - node->container->begin());
      pending.push_back({&*it, next.depth + 1, next.place + "/" + part});
    }
  }
  return {};
}

Result<void> put_part(engine::Transaction& edit, ObjId object, const engine::Prop& prop,
                      const json& part, BareString bare) {
  Writer writer(edit, bare);
  if (auto done = writer.put(object, prop, part); !done) return done;
  return writer.finish();
}

Result<void> insert_part(engine::Transaction& edit, ObjId list, std::size_t index, const json& part,
                         BareString bare) {
  Writer writer(edit, bare);
  if (auto done = writer.insert(list, index, part); !done) return done;
  return writer.finish();
}

Result<void> put_json(engine::Transaction& edit, ObjId object, const engine::Prop& prop,
                      const json& value) {
  return put_part(edit, object, prop, value, bare_strings_of(value));
}

Result<void> insert_json(engine::Transaction& edit, ObjId list, std::size_t index,
                         const json& value) {
  return insert_part(edit, list, index, value, bare_strings_of(value));
}

}  // namespace converge::verbs
