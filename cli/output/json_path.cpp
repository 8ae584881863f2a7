#include "cli/output/json_path.h"

#include "core/base/limits.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace converge::cli {
namespace {

using nlohmann::json;

struct Segment;
using Query = std::vector<Segment>;

/// One side of a comparison, or a whole logical expression.
struct Expression {
  enum class Kind { kOr, kAnd, kNot, kCompare, kExists, kQuery, kLiteral };
  Kind kind = Kind::kLiteral;
  std::string op;  // kCompare
  std::vector<Expression> parts;
  bool from_root = false;  // kQuery, kExists
  Query query;
  std::shared_ptr<const json> literal;
};

struct Selector {
  enum class Kind { kName, kIndex, kSlice, kWildcard, kFilter };
  Kind kind = Kind::kWildcard;
  std::string name;
  long index = 0;
  std::optional<long> start, end;
  long step = 1;
  std::shared_ptr<const Expression> filter;
};

struct Segment {
  bool descendant = false;
  std::vector<Selector> selectors;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<Query> parse() {
    if (!eat("$") && !text_.empty() && text_.front() != '.' && text_.front() != '[') {
      Query query{Segment{false, {Selector{Selector::Kind::kName, shorthand(), 0, {}, {}, 1, {}}}}};
      auto rest = segments();
      query.insert(query.end(), rest.begin(), rest.end());
      return finish(std::move(query));
    }
    return finish(segments());
  }
  std::size_t at() const { return at_; }

 private:
  std::optional<Query> finish(Query query) {
    if (failed_ || at_ != text_.size()) return std::nullopt;
    return query;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool eat(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void spaces() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  void need(std::string_view word) {
    spaces();
    if (!eat(word)) failed_ = true;
  }

  Query segments() {
    Query query;
    while (!failed_ && (peek() == '.' || peek() == '[')) {
      Segment segment;
      if (eat("..")) {
        segment.descendant = true;
        if (peek() != '[') {
          segment.selectors.push_back(dotted());
          query.push_back(std::move(segment));
          continue;
        }
      } else if (eat(".")) {
        segment.selectors.push_back(dotted());
        query.push_back(std::move(segment));
        continue;
      }
      need("[");
      do segment.selectors.push_back(selector());
      while (!failed_ && (spaces(), eat(",")));
      need("]");
      query.push_back(std::move(segment));
    }
    return query;
  }

  Selector dotted() {
    Selector selector;
    if (eat("*")) return selector;
    selector.kind = Selector::Kind::kName;
    selector.name = shorthand();
    return selector;
  }

  std::string shorthand() {
    const std::size_t start = at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (std::isalnum(c) == 0 && c != '_' && c != '-' && c < 0x80) break;
      ++at_;
    }
    if (at_ == start) failed_ = true;
    return std::string(text_.substr(start, at_ - start));
  }

  Selector selector() {
    spaces();
    Selector selector;
    if (eat("*")) return selector;
    if (eat("?")) {
      selector.kind = Selector::Kind::kFilter;
      selector.filter = std::make_shared<const Expression>(any_of());
      return selector;
    }
    if (peek() == '"' || peek() == '\'') {
      selector.kind = Selector::Kind::kName;
      selector.name = quoted();
      return selector;
    }
    const auto first = integer();
    spaces();
    if (!eat(":")) {
      if (!first) failed_ = true;
      selector.kind = Selector::Kind::kIndex;
      selector.index = first.value_or(0);
      return selector;
    }
    selector.kind = Selector::Kind::kSlice;
    selector.start = first;
    spaces();
    selector.end = integer();
    spaces();
    if (eat(":")) {
      spaces();
      selector.step = integer().value_or(1);
    }
    return selector;
  }

  std::optional<long> integer() {
    long value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc()) return std::nullopt;
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  std::string quoted() {
    const char quote = text_[at_++];
    std::string as_json = "\"";
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        if (text_[at_ + 1] != '\'') as_json += '\\';
        as_json += text_[at_ + 1];
        at_ += 2;
        continue;
      }
      if (text_[at_] == '"') as_json += '\\';
      as_json += text_[at_++];
    }
    if (at_ >= text_.size()) {
      failed_ = true;
      return "";
    }
    ++at_;
    const auto value = control::parse_json(as_json + "\"", "the name");
    if (!value || !value->is_string()) {
      failed_ = true;
      return "";
    }
    return value->get<std::string>();
  }

  Expression any_of() { return chain("||", Expression::Kind::kOr, &Parser::all_of); }
  Expression all_of() { return chain("&&", Expression::Kind::kAnd, &Parser::basic); }

  Expression chain(std::string_view op, Expression::Kind kind, Expression (Parser::*next)()) {
    Expression first = (this->*next)();
    spaces();
    if (failed_ || !text_.substr(at_).starts_with(op)) return first;
    Expression all{kind, "", {}, false, {}, nullptr};
    all.parts.push_back(std::move(first));
    while (!failed_ && (spaces(), eat(op))) all.parts.push_back((this->*next)());
    return all;
  }

  Expression basic() {
    spaces();
    if (++depth_ > limits::kJsonDepthMax) failed_ = true;
    if (failed_) return {};
    Expression out;
    if (peek() == '!' && !text_.substr(at_).starts_with("!=")) {
      ++at_;
      out.kind = Expression::Kind::kNot;
      out.parts.push_back(basic());
    } else if (eat("(")) {
      out = any_of();
      need(")");
    } else {
      out = comparison();
    }
    --depth_;
    return out;
  }

  Expression comparison() {
    Expression left = operand();
    spaces();
    for (const char* op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!eat(op)) continue;
      Expression compare{Expression::Kind::kCompare, op, {}, false, {}, nullptr};
      compare.parts.push_back(std::move(left));
      compare.parts.push_back(operand());
      return compare;
    }
    if (left.kind != Expression::Kind::kQuery) failed_ = true;
    left.kind = Expression::Kind::kExists;
    return left;
  }

  Expression operand() {
    spaces();
    Expression out;
    if (peek() == '@' || peek() == '$') {
      out.kind = Expression::Kind::kQuery;
      out.from_root = text_[at_++] == '$';
      out.query = segments();
      return out;
    }
    json value;
    if (peek() == '"' || peek() == '\'') {
      value = quoted();
    } else {
      const std::size_t start = at_;
      while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
                                    text_[at_] == '.' || text_[at_] == '-' || text_[at_] == '+'))
        ++at_;
      const auto parsed = control::parse_json(text_.substr(start, at_ - start), "the literal");
      if (!parsed) {
        failed_ = true;
        return out;
      }
      value = *parsed;
    }
    out.literal = std::make_shared<const json>(std::move(value));
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool failed_ = false;
};

using Nodes = std::vector<const json*>;

class Evaluator {
 public:
  explicit Evaluator(const json& root) : root_(root) {}

  Nodes run(const Query& query, const json& from) const {
    Nodes nodes{&from};
    for (const Segment& segment : query) {
      Nodes next;
      for (const json* node : nodes) {
        if (segment.descendant)
          descend(segment, *node, next);
        else
          children(segment, *node, next);
      }
      nodes = std::move(next);
    }
    return nodes;
  }

 private:
  void descend(const Segment& segment, const json& node, Nodes& out) const {
    children(segment, node, out);
    if (node.is_structured())
      for (const json& child : node) descend(segment, child, out);
  }

  void children(const Segment& segment, const json& node, Nodes& out) const {
    for (const Selector& selector : segment.selectors) select(selector, node, out);
  }

  void select(const Selector& selector, const json& node, Nodes& out) const {
    switch (selector.kind) {
      case Selector::Kind::kName:
        if (node.is_object())
          if (const auto found = node.find(selector.name); found != node.end())
            out.push_back(&*found);
        return;
      case Selector::Kind::kIndex: {
        const long size = static_cast<long>(node.size());
        const long index = selector.index < 0 ? size + selector.index : selector.index;
        if (node.is_array() && index >= 0 && index < size)
          out.push_back(&node[static_cast<std::size_t>(index)]);
        return;
      }
      case Selector::Kind::kSlice:
        return slice(selector, node, out);
      case Selector::Kind::kWildcard:
        if (node.is_structured())
          for (const json& child : node) out.push_back(&child);
        return;
      case Selector::Kind::kFilter:
        if (node.is_structured())
          for (const json& child : node)
            if (holds(*selector.filter, child)) out.push_back(&child);
        return;
    }
  }

  static void slice(const Selector& selector, const json& node, Nodes& out) {
    if (!node.is_array() || selector.step == 0) return;
    const long size = static_cast<long>(node.size());
    const auto normal = [&](long i) { return i < 0 ? size + i : i; };
    const bool up = selector.step > 0;
    const long start = normal(selector.start.value_or(up ? 0 : size - 1));
    const long end = selector.end ? normal(*selector.end) : (up ? size : -1);
    if (up)
      for (long i = std::max(start, 0L); i < std::min(end, size); i += selector.step)
        out.push_back(&node[static_cast<std::size_t>(i)]);
    else
      for (long i = std::min(start, size - 1); i > std::max(end, -1L); i += selector.step)
        out.push_back(&node[static_cast<std::size_t>(i)]);
  }

  /// One value, or null for nothing.
  const json* value_of(const Expression& expression, const json& node) const {
    if (expression.kind == Expression::Kind::kLiteral) return expression.literal.get();
    const Nodes nodes = run(expression.query, expression.from_root ? root_ : node);
    return nodes.size() == 1 ? nodes.front() : nullptr;
  }

  bool compare(const Expression& expression, const json& node) const {
    const json* left = value_of(expression.parts[0], node);
    const json* right = value_of(expression.parts[1], node);
    const bool equal = left != nullptr && right != nullptr ? *left == *right : left == right;
    if (expression.op == "==") return equal;
    if (expression.op == "!=") return !equal;
    const bool ordered =
        left != nullptr && right != nullptr &&
        ((left->is_number() && right->is_number()) || (left->is_string() && right->is_string()));
    if (expression.op == "<=" && equal) return true;
    if (expression.op == ">=" && equal) return true;
    if (!ordered) return false;
    return expression.op.front() == '<' ? *left < *right : *right < *left;
  }

  bool holds(const Expression& expression, const json& node) const {
    const auto each = [&](const Expression& part) { return holds(part, node); };
    switch (expression.kind) {
      case Expression::Kind::kOr:
        return std::ranges::any_of(expression.parts, each);
      case Expression::Kind::kAnd:
        return std::ranges::all_of(expression.parts, each);
      case Expression::Kind::kNot:
        return !holds(expression.parts[0], node);
      case Expression::Kind::kCompare:
        return compare(expression, node);
      case Expression::Kind::kExists:
      case Expression::Kind::kQuery:
        return !run(expression.query, expression.from_root ? root_ : node).empty();
      case Expression::Kind::kLiteral:
        return false;
    }
    return false;
  }

  const json& root_;
};

}  // namespace

struct JsonPath::Impl {
  Query query;
};

JsonPath::JsonPath(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JsonPath::~JsonPath() = default;
JsonPath::JsonPath(JsonPath&&) noexcept = default;
JsonPath& JsonPath::operator=(JsonPath&&) noexcept = default;

Result<JsonPath> JsonPath::parse(std::string_view text) {
  Parser parser(text);
  auto query = parser.parse();
  if (!query)
    return control::make_error(control::ErrorId::kQuerySyntax,
                               "the JSONPath \"" + std::string(text.substr(0, 200)) +
                                   "\" does not parse at column " + std::to_string(parser.at() + 1),
                               "paths look like $.items[0].title");
  auto impl = std::make_unique<Impl>();
  impl->query = std::move(*query);
  return JsonPath(std::move(impl));
}

std::vector<const json*> JsonPath::select(const json& document) const {
  return Evaluator(document).run(impl_->query, document);
}

}  // namespace converge::cli
