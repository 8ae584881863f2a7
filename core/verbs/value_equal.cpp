#include "core/verbs/json_forms.h"
#include "core/verbs/text_forms.h"
#include "core/verbs/value.h"

#include <cmath>
#include <utility>
#include <vector>

namespace converge::verbs {
namespace {

using engine::ObjType;
using nlohmann::json;

bool is_number(ScalarType type) {
  return type == ScalarType::kUint || type == ScalarType::kInt || type == ScalarType::kFloat64 ||
         type == ScalarType::kCounter;
}

double as_double(const model::Scalar& scalar) {
  switch (scalar.ref().kind()) {
    case ScalarType::kUint:
      return static_cast<double>(scalar.ref().as_uint());
    case ScalarType::kFloat64:
      return scalar.ref().as_float64();
    default:
      return static_cast<double>(scalar.ref().as_int());
  }
}

bool is_whole(const model::Scalar& scalar) { return !scalar.ref().is(ScalarType::kFloat64); }

/// Sign and magnitude of a whole number, so that i64 and u64 compare.
std::pair<bool, std::uint64_t> whole(const model::Scalar& scalar) {
  if (scalar.ref().is(ScalarType::kUint)) return {false, scalar.ref().as_uint()};
  const std::int64_t value = scalar.ref().as_int();
  return {value < 0, static_cast<std::uint64_t>(value)};
}

bool same_number(const model::Scalar& left, const model::Scalar& right) {
  if (is_whole(left) && is_whole(right)) return whole(left) == whole(right);
  return as_double(left) == as_double(right);
}

/// `said` came from JSON, `text` when it was a bare string or $text.
bool loosely_equal(const model::Scalar& present, const Node& said) {
  if (said.kind == Node::Kind::kText) {
    const json plain = scalar_to_json(present, Form::kPlain);
    return plain.is_string() && plain.get_ref<const std::string&>() == *said.text;
  }
  if (present == said.scalar) return true;
  const ScalarType left = present.ref().kind();
  const ScalarType right = said.scalar.ref().kind();
  if (is_number(left) && is_number(right)) return same_number(present, said.scalar);
  // The plain form of NaN, infinities and unknown types is null.
  if (right == ScalarType::kNull) return scalar_to_json(present, Form::kPlain).is_null();
  return false;
}

class Comparison {
 public:
  Comparison(const engine::View& view, BareString bare, Match match)
      : view_(view), bare_(bare), match_(match) {}

  bool run(const engine::Value& present, const json& value) {
    if (!leaf(present, value)) return false;
    while (!pending_.empty()) {
      const auto [object, container] = pending_.back();
      pending_.pop_back();
      if (container->is_object() ? !map(object, *container) : !list(object, *container))
        return false;
    }
    return true;
  }

 private:
  /// Compares what can be at once, and remembers containers for later.
  bool leaf(const engine::Value& present, const json& value) {
    const Node node = node_of(value, bare_);
    if (!present.object) return scalar_equals(present.scalar, node, match_);
    switch (*present.object) {
      case ObjType::kText:
        return node.kind == Node::Kind::kText && view_.text(present.id) == *node.text;
      case ObjType::kList:
        if (node.kind != Node::Kind::kList) return false;
        break;
      case ObjType::kTable:
      case ObjType::kMap:
        if (node.kind != Node::Kind::kMap) return false;
        break;
    }
    if (view_.length(present.id) != node.container->size()) return false;
    pending_.emplace_back(present.id, node.container);
    return true;
  }

  bool map(engine::ObjId object, const json& container) {
    bool equal = true;
    view_.for_each_key(object, [&](std::string_view key, const engine::Value& value, std::size_t) {
      if (!equal) return;
      const auto it = container.find(json_key(key));
      equal = it != container.end() && leaf(value, *it);
    });
    return equal;
  }

  bool list(engine::ObjId object, const json& container) {
    bool equal = true;
    std::size_t index = 0;
    view_.for_each_element(object, [&](engine::OpId, const engine::Value& value, std::size_t) {
      if (equal) equal = index < container.size() && leaf(value, container[index]);
      ++index;
    });
    return equal && index == container.size();
  }

  const engine::View& view_;
  BareString bare_;
  Match match_;
  std::vector<std::pair<engine::ObjId, const json*>> pending_;
};

}  // namespace

bool scalar_equals(const model::Scalar& present, const Node& said, Match match) {
  if (said.kind == Node::Kind::kMap || said.kind == Node::Kind::kList) return false;
  if (match == Match::kLoose && said.plain) return loosely_equal(present, said);
  return said.kind == Node::Kind::kScalar && said.scalar == present;
}

bool equals_part(const engine::View& view, const engine::Value& present, const json& part,
                 BareString bare, Match match) {
  return Comparison(view, bare, match).run(present, part);
}

bool equals_json(const engine::View& view, const engine::Value& present, const json& value,
                 Match match) {
  return equals_part(view, present, value, bare_strings_of(value), match);
}

bool object_equals_json(const engine::View& view, engine::ObjId object, const json& value,
                        Match match) {
  engine::Value present;
  present.id = object;
  present.object = view.object_type(object).value_or(ObjType::kMap);
  return equals_json(view, present, value, match);
}

}  // namespace converge::verbs
