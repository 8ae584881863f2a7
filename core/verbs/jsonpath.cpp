#include "core/verbs/jsonpath.h"

#include "core/control/error_table.h"
#include "core/verbs/iregexp.h"
#include "core/verbs/jsonpath_syntax.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace converge::verbs {
namespace jsonpath {
namespace {

using nlohmann::json;
using Match = JsonPath::Match;
using Kind = Expression::Kind;

/// A function's or query's value; null is Nothing (section 2.4.1).
using MaybeValue = std::shared_ptr<const json>;

MaybeValue borrowed(const json* value) { return {std::shared_ptr<void>(), value}; }

std::string normal_name(const std::string& name) {
  std::string out = "[";
  append_quoted(out, name, '\'');
  return out + "]";
}

bool compare(const MaybeValue& left, Comparison comparison, const MaybeValue& right) {
  const auto equal = [&] {
    if (left == nullptr || right == nullptr) return left == nullptr && right == nullptr;
    return *left == *right;
  };
  const auto less = [](const MaybeValue& a, const MaybeValue& b) {
    if (a == nullptr || b == nullptr) return false;
    return ((a->is_number() && b->is_number()) || (a->is_string() && b->is_string())) && *a < *b;
  };
  switch (comparison) {
    case Comparison::kEqual:
      return equal();
    case Comparison::kNotEqual:
      return !equal();
    case Comparison::kLess:
      return less(left, right);
    case Comparison::kGreater:
      return less(right, left);
    case Comparison::kLessEqual:
      return less(left, right) || equal();
    case Comparison::kGreaterEqual:
      return less(right, left) || equal();
  }
  return false;
}

/// Recursion follows the JSON's depth (bounded where JSON is read) and the query's (bounded by the
/// parser).
class Evaluator {
 public:
  Evaluator(const json& root, bool with_paths) : root_(root), with_paths_(with_paths) {}

  std::vector<Match> run(const Query& query, const json& current) {
    std::vector<Match> nodes{{query.relative ? &current : &root_, with_paths_ ? "$" : ""}};
    for (const auto& segment : query.segments) {
      std::vector<Match> next;
      for (const auto& node : nodes) {
        if (segment.descendant)
          descend(node, segment, next);
        else
          select(node, segment, next);
      }
      nodes = std::move(next);
    }
    return nodes;
  }

  bool exhausted() const { return visits_ > JsonPath::kVisitsMax; }

 private:
  Match child(const Match& parent, const json& value, const std::string& key) const {
    return {&value, with_paths_ ? parent.path + normal_name(key) : std::string()};
  }
  Match child(const Match& parent, const json& value, std::size_t index) const {
    return {&value, with_paths_ ? fmt::format("{}[{}]", parent.path, index) : std::string()};
  }

  template <class Visit>
  void for_each_child(const Match& node, const Visit& visit) {
    if (node.value->is_array()) {
      for (std::size_t i = 0; i < node.value->size() && !exhausted(); ++i) {
        ++visits_;
        visit(child(node, (*node.value)[i], i));
      }
    } else if (node.value->is_object()) {
      for (auto it = node.value->begin(); it != node.value->end() && !exhausted(); ++it) {
        ++visits_;
        visit(child(node, it.value(), it.key()));
      }
    }
  }

  void descend(const Match& node, const Segment& segment, std::vector<Match>& out) {
    select(node, segment, out);
    for_each_child(node, [&](const Match& below) { descend(below, segment, out); });
  }

  void select(const Match& node, const Segment& segment, std::vector<Match>& out) {
    for (const auto& selector : segment.selectors) {
      ++visits_;
      if (exhausted()) return;
      std::visit([&](const auto& chosen) { pick(node, chosen, out); }, selector);
    }
  }

  void pick(const Match& node, const NameSelector& selector, std::vector<Match>& out) {
    if (!node.value->is_object()) return;
    const auto it = node.value->find(selector.name);
    if (it != node.value->end()) out.push_back(child(node, *it, selector.name));
  }

  void pick(const Match& node, const WildcardSelector&, std::vector<Match>& out) {
    for_each_child(node, [&](Match below) { out.push_back(std::move(below)); });
  }

  void pick(const Match& node, const IndexSelector& selector, std::vector<Match>& out) {
    if (!node.value->is_array()) return;
    const auto size = static_cast<std::int64_t>(node.value->size());
    const std::int64_t index = selector.index < 0 ? size + selector.index : selector.index;
    if (index < 0 || index >= size) return;
    const auto at = static_cast<std::size_t>(index);
    out.push_back(child(node, (*node.value)[at], at));
  }

  /// Section 2.3.4.2.2.
  void pick(const Match& node, const SliceSelector& slice, std::vector<Match>& out) {
    if (!node.value->is_array() || slice.step == 0) return;
    const auto size = static_cast<std::int64_t>(node.value->size());
    const auto normal = [&](std::int64_t i) { return i >= 0 ? i : size + i; };
    const bool up = slice.step > 0;
    const std::int64_t start = normal(slice.start.value_or(up ? 0 : size - 1));
    const std::int64_t end = slice.end ? normal(*slice.end) : (up ? size : -1);
    const std::int64_t low = up ? 0 : -1;
    const std::int64_t high = up ? size : size - 1;
    const std::int64_t from = std::clamp(start, low, high);
    const std::int64_t to = std::clamp(end, low, high);
    for (std::int64_t i = from; (up ? i < to : i > to) && !exhausted(); i += slice.step) {
      ++visits_;
      const auto at = static_cast<std::size_t>(i);
      out.push_back(child(node, (*node.value)[at], at));
    }
  }

  void pick(const Match& node, const FilterSelector& filter, std::vector<Match>& out) {
    for_each_child(node, [&](Match below) {
      if (holds(*filter.condition, *below.value)) out.push_back(std::move(below));
    });
  }

  bool holds(const Expression& part, const json& current) {
    const auto one = [&](const Expression& inner) { return holds(inner, current); };
    switch (part.kind) {
      case Kind::kOr:
        return std::any_of(part.parts.begin(), part.parts.end(), one);
      case Kind::kAnd:
        return std::all_of(part.parts.begin(), part.parts.end(), one);
      case Kind::kNot:
        return !holds(part.parts[0], current);
      case Kind::kCompare:
        return compare(value(part.parts[0], current), part.comparison,
                       value(part.parts[1], current));
      case Kind::kQuery:
        return !find(*part.query, current).empty();
      case Kind::kFunction:
        return matches(part, current);
      case Kind::kLiteral:
        return false;
    }
    return false;
  }

  /// Paths are of no use inside a filter.
  std::vector<Match> find(const Query& query, const json& current) {
    const bool outer = std::exchange(with_paths_, false);
    auto nodes = run(query, current);
    with_paths_ = outer;
    return nodes;
  }

  MaybeValue value(const Expression& part, const json& current) {
    switch (part.kind) {
      case Kind::kLiteral:
        return part.literal;
      case Kind::kFunction:
        return call(part, current);
      case Kind::kQuery: {
        const auto nodes = find(*part.query, current);
        return nodes.empty() ? nullptr : borrowed(nodes.front().value);
      }
      default:
        return nullptr;
    }
  }

  bool matches(const Expression& part, const json& current) {
    const auto text = value(part.parts[0], current);
    const auto pattern = value(part.parts[1], current);
    if (text == nullptr || pattern == nullptr || !text->is_string() || !pattern->is_string())
      return false;
    const auto regexp = IRegexp::parse(pattern->get_ref<const std::string&>());
    if (!regexp) return false;
    const auto& subject = text->get_ref<const std::string&>();
    visits_ += subject.size();
    return part.function == Function::kMatch ? regexp->matches(subject) : regexp->found_in(subject);
  }

  MaybeValue call(const Expression& part, const json& current) {
    const Expression& argument = part.parts[0];
    if (part.function == Function::kLength) {
      const auto of = value(argument, current);
      if (of == nullptr) return nullptr;
      if (of->is_string())
        return std::make_shared<const json>(count_code_points(of->get_ref<const std::string&>()));
      if (of->is_structured()) return std::make_shared<const json>(of->size());
      return nullptr;
    }
    const auto nodes = find(*argument.query, current);
    if (part.function == Function::kCount) return std::make_shared<const json>(nodes.size());
    return nodes.size() == 1 ? borrowed(nodes.front().value) : nullptr;
  }

  const json& root_;
  bool with_paths_;
  std::size_t visits_ = 0;
};

}  // namespace
}  // namespace jsonpath

Result<JsonPath> JsonPath::parse(std::string_view text) {
  auto query = jsonpath::parse_query(text);
  if (!query) return query.error();
  return JsonPath(std::make_shared<const jsonpath::Query>(std::move(*query)));
}

Result<std::vector<JsonPath::Match>> JsonPath::select(const nlohmann::json& value,
                                                      bool with_paths) const {
  jsonpath::Evaluator evaluator(value, with_paths);
  auto nodes = evaluator.run(*query_, value);
  if (evaluator.exhausted())
    return control::make_error(control::ErrorId::kLimitExceeded,
                               fmt::format("the query visits more than {} values", kVisitsMax));
  return nodes;
}

}  // namespace converge::verbs
