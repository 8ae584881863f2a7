#include "core/control/error_table.h"
#include "core/verbs/jsonpath_syntax.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utf8.h>

#include <charconv>
#include <iterator>
#include <utility>

namespace converge::verbs::jsonpath {
namespace {

using nlohmann::json;
using Kind = Expression::Kind;

/// Filters inside filters and parentheses inside each other; each costs stack.
constexpr int kNestingMax = 64;
/// I-JSON's integers (section 2.1): what a double holds exactly.
constexpr std::int64_t kIntMax = (std::int64_t{1} << 53) - 1;

struct FunctionRow {
  const char* name;
  Function function;
  std::size_t parameters;
};
constexpr FunctionRow kFunctions[] = {{"length", Function::kLength, 1},
                                      {"count", Function::kCount, 1},
                                      {"match", Function::kMatch, 2},
                                      {"search", Function::kSearch, 2},
                                      {"value", Function::kValue, 1}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_name_first(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

/// match() and search() are true or false; the others are values (section 2.4.1).
bool is_logical(Function function) {
  return function == Function::kMatch || function == Function::kSearch;
}

/// Recursive descent over RFC 9535's grammar. A function that fails has recorded where and why.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Query> run() {
    Query query;
    if (!utf8::is_valid(text_.begin(), text_.end())) return error_at(0, "it is not UTF-8");
    if (!accept('$')) return error_at(0, "it does not begin with \"$\"");
    if (!segments(query.segments)) return *error_;
    if (at_ != text_.size()) return error_at(at_, "something follows that is no segment");
    return query;
  }

 private:
  // -- Characters.

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool accept(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() &&
           (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r'))
      ++at_;
  }
  Error error_at(std::size_t place, std::string_view why) const {
    return control::make_error(
        control::ErrorId::kQuerySyntax,
        fmt::format("\"{}\" is not a JSONPath: {}, at byte {}", text_, why, place));
  }
  bool fail(std::string_view why) {
    if (!error_) error_ = error_at(at_, why);
    return false;
  }

  // -- Segments and selectors (sections 2.3, 2.5).

  bool segments(std::vector<Segment>& out) {
    while (true) {
      const std::size_t before = at_;
      skip_blanks();
      if (peek() != '.' && peek() != '[') {
        at_ = before;  // blanks belong to a segment, or to whoever comes next
        return true;
      }
      out.emplace_back();
      if (!segment(out.back())) return false;
    }
  }

  bool segment(Segment& out) {
    if (accept("..")) {
      out.descendant = true;
      if (peek() == '[') return bracketed(out);
      return shorthand(out);
    }
    if (accept('.')) return shorthand(out);
    return bracketed(out);
  }

  bool shorthand(Segment& out) {
    if (accept('*')) {
      out.selectors.emplace_back(WildcardSelector{});
      return true;
    }
    if (at_ >= text_.size() || !is_name_first(peek())) return fail("a name or \"*\" is missing");
    const std::size_t start = at_;
    while (at_ < text_.size() && (is_name_first(peek()) || is_digit(peek()))) ++at_;
    out.selectors.emplace_back(NameSelector{std::string(text_.substr(start, at_ - start))});
    return true;
  }

  bool bracketed(Segment& out) {
    accept('[');
    do {
      skip_blanks();
      if (!selector(out)) return false;
      skip_blanks();
    } while (accept(','));
    return accept(']') || fail("\"]\" or \",\" is missing");
  }

  bool selector(Segment& out) {
    const char c = peek();
    if (c == '\'' || c == '"') {
      NameSelector name;
      if (!string(name.name)) return false;
      out.selectors.emplace_back(std::move(name));
      return true;
    }
    if (accept('*')) {
      out.selectors.emplace_back(WildcardSelector{});
      return true;
    }
    if (accept('?')) return filter(out);
    return index_or_slice(out);
  }

  bool filter(Segment& out) {
    skip_blanks();
    Expression condition;
    if (!logical_or(condition)) return false;
    out.selectors.emplace_back(
        FilterSelector{std::make_shared<const Expression>(std::move(condition))});
    return true;
  }

  bool index_or_slice(Segment& out) {
    std::optional<std::int64_t> first;
    if (is_digit(peek()) || peek() == '-') {
      if (!integer(first)) return false;
    }
    const std::size_t behind = at_;
    skip_blanks();
    if (!accept(':')) {
      at_ = behind;
      if (!first) return fail("a selector is missing");
      out.selectors.emplace_back(IndexSelector{*first});
      return true;
    }
    SliceSelector slice;
    slice.start = first;
    skip_blanks();
    if (is_digit(peek()) || peek() == '-') {
      if (!integer(slice.end)) return false;
      skip_blanks();
    }
    if (accept(':')) {
      skip_blanks();
      std::optional<std::int64_t> step;
      if ((is_digit(peek()) || peek() == '-') && !integer(step)) return false;
      slice.step = step.value_or(1);
    }
    out.selectors.emplace_back(slice);
    return true;
  }

  bool integer(std::optional<std::int64_t>& out) {
    const std::size_t start = at_;
    accept('-');
    if (!is_digit(peek())) return fail("a number is missing");
    const bool zero = peek() == '0';
    while (is_digit(peek())) ++at_;
    const std::string_view digits = text_.substr(start, at_ - start);
    if (zero && digits != "0") return fail("a number must not begin with 0");
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || value > kIntMax || value < -kIntMax)
      return fail("a number is beyond 2^53-1");
    out = value;
    return true;
  }

  // -- Strings (section 2.3.1.1).

  bool string(std::string& out) {
    const char quote = text_[at_++];
    while (true) {
      if (at_ >= text_.size()) return fail("a string has no end");
      const char c = text_[at_];
      if (c == quote) {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control character in a string");
      ++at_;
      if (c != '\\')
        out += c;
      else if (!escape(quote, out))
        return false;
    }
  }

  bool escape(char quote, std::string& out) {
    const char c = peek();
    if (c == quote || c == '\\' || c == '/') {
      out += c;
    } else if (c == 'b') {
      out += '\b';
    } else if (c == 'f') {
      out += '\f';
    } else if (c == 'n') {
      out += '\n';
    } else if (c == 'r') {
      out += '\r';
    } else if (c == 't') {
      out += '\t';
    } else if (c == 'u') {
      ++at_;
      return unicode_escape(out);
    } else {
      return fail("an unknown escape in a string");
    }
    ++at_;
    return true;
  }

  bool four_digits(std::uint32_t& out) {
    const std::string_view digits = text_.substr(at_, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    if (digits.size() < 4 || error != std::errc{} || end != digits.data() + 4)
      return fail("\\u needs four hexadecimal digits");
    at_ += 4;
    return true;
  }

  bool unicode_escape(std::string& out) {
    std::uint32_t point = 0;
    if (!four_digits(point)) return false;
    if (point >= 0xDC00 && point <= 0xDFFF) return fail("a low surrogate without a high one");
    if (point >= 0xD800 && point <= 0xDBFF) {
      std::uint32_t low = 0;
      if (!accept("\\u") || !four_digits(low) || low < 0xDC00 || low > 0xDFFF)
        return fail("a high surrogate without a low one");
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    utf8::unchecked::append(point, std::back_inserter(out));
    return true;
  }

  // -- Filter expressions (section 2.3.5).

  bool logical_or(Expression& out) { return joined(out, "||", Kind::kOr, &Parser::logical_and); }
  bool logical_and(Expression& out) { return joined(out, "&&", Kind::kAnd, &Parser::basic); }

  bool joined(Expression& out, std::string_view sign, Kind kind,
              bool (Parser::*part)(Expression&)) {
    Expression first;
    if (!(this->*part)(first)) return false;
    Expression all;
    all.kind = kind;
    all.parts.push_back(std::move(first));
    while (true) {
      const std::size_t before = at_;
      skip_blanks();
      if (!accept(sign)) {
        at_ = before;
        break;
      }
      skip_blanks();
      all.parts.emplace_back();
      if (!(this->*part)(all.parts.back())) return false;
    }
    out = all.parts.size() == 1 ? std::move(all.parts.front()) : std::move(all);
    return true;
  }

  bool basic(Expression& out) {
    if (++nesting_ > kNestingMax) return fail("it is nested too deeply");
    const bool done = basic_inside(out);
    --nesting_;
    return done;
  }

  bool basic_inside(Expression& out) {
    if (accept('!')) {
      skip_blanks();
      out.kind = Kind::kNot;
      out.parts.emplace_back();
      return peek() == '(' ? parenthesis(out.parts.back()) : test(out.parts.back());
    }
    if (peek() == '(') return parenthesis(out);
    Expression left;
    if (!operand(left)) return false;
    const std::size_t before = at_;
    skip_blanks();
    const auto comparison = comparison_sign();
    if (!comparison) {
      at_ = before;
      out = std::move(left);
      return is_test(out) || fail("a value alone is no condition");
    }
    skip_blanks();
    Expression right;
    if (!operand(right)) return false;
    if (!is_comparable(left) || !is_comparable(right))
      return fail("only single values can be compared");
    out.kind = Kind::kCompare;
    out.comparison = *comparison;
    out.parts.push_back(std::move(left));
    out.parts.push_back(std::move(right));
    return true;
  }

  bool parenthesis(Expression& out) {
    accept('(');
    skip_blanks();
    if (!logical_or(out)) return false;
    skip_blanks();
    return accept(')') || fail("\")\" is missing");
  }

  bool test(Expression& out) {
    return operand(out) && (is_test(out) || fail("a value alone is no condition"));
  }

  std::optional<Comparison> comparison_sign() {
    if (accept("==")) return Comparison::kEqual;
    if (accept("!=")) return Comparison::kNotEqual;
    if (accept("<=")) return Comparison::kLessEqual;
    if (accept(">=")) return Comparison::kGreaterEqual;
    if (accept('<')) return Comparison::kLess;
    if (accept('>')) return Comparison::kGreater;
    return std::nullopt;
  }

  static bool is_test(const Expression& part) {
    return part.kind == Kind::kQuery || (part.kind == Kind::kFunction && is_logical(part.function));
  }
  static bool is_comparable(const Expression& part) {
    switch (part.kind) {
      case Kind::kLiteral:
        return true;
      case Kind::kQuery:
        return part.query->is_singular();
      case Kind::kFunction:
        return !is_logical(part.function);
      default:
        return false;
    }
  }

  bool operand(Expression& out) {
    if (peek() == '@' || peek() == '$') return filter_query(out);
    if (is_lower(peek())) return word(out);
    return literal(out);
  }

  bool filter_query(Expression& out) {
    if (++nesting_ > kNestingMax) return fail("it is nested too deeply");
    Query query;
    query.relative = text_[at_++] == '@';
    if (!segments(query.segments)) return false;
    --nesting_;
    out.kind = Kind::kQuery;
    out.query = std::make_shared<const Query>(std::move(query));
    return true;
  }

  /// true, false, null, or a function.
  bool word(Expression& out) {
    const std::size_t start = at_;
    while (is_lower(peek()) || is_digit(peek()) || peek() == '_') ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    if (peek() == '(') return function(name, out);
    if (name == "true" || name == "false") return made_literal(out, name == "true");
    if (name == "null") return made_literal(out, nullptr);
    at_ = start;
    return fail(fmt::format("\"{}\" means nothing here", name));
  }

  bool function(std::string_view name, Expression& out) {
    const FunctionRow* row = nullptr;
    for (const auto& candidate : kFunctions)
      if (name == candidate.name) row = &candidate;
    if (row == nullptr) return fail(fmt::format("there is no function \"{}\"", name));
    accept('(');
    out.kind = Kind::kFunction;
    out.function = row->function;
    skip_blanks();
    while (peek() != ')') {
      out.parts.emplace_back();
      if (++nesting_ > kNestingMax) return fail("it is nested too deeply");
      if (!operand(out.parts.back())) return false;
      --nesting_;
      skip_blanks();
      if (!accept(',')) break;
      skip_blanks();
      if (peek() == ')') return fail("an argument is missing");
    }
    if (out.parts.size() != row->parameters)
      return fail(fmt::format("{}() takes {} argument{}", name, row->parameters,
                              row->parameters == 1 ? "" : "s"));
    const bool nodes = row->function == Function::kCount || row->function == Function::kValue;
    for (const auto& part : out.parts)
      if (nodes ? part.kind != Kind::kQuery : !is_comparable(part))
        return fail(fmt::format("{}() takes {}", name, nodes ? "a query" : "single values"));
    return accept(')') || fail("\")\" is missing");
  }

  bool made_literal(Expression& out, json value) {
    out.kind = Kind::kLiteral;
    out.literal = std::make_shared<const json>(std::move(value));
    return true;
  }

  bool literal(Expression& out) {
    if (peek() == '\'' || peek() == '"') {
      std::string value;
      return string(value) && made_literal(out, std::move(value));
    }
    return number(out);
  }

  bool number(Expression& out) {
    const std::size_t start = at_;
    accept('-');
    if (!is_digit(peek())) return fail("a value is missing");
    const bool zero = peek() == '0';
    std::size_t digits = 0;
    for (; is_digit(peek()); ++at_) ++digits;
    if (zero && digits > 1) return fail("a number must not begin with 0");
    if (accept('.')) {
      if (!is_digit(peek())) return fail("a digit is missing behind the point");
      while (is_digit(peek())) ++at_;
    }
    if (accept('e') || accept('E')) {
      if (!accept('-')) accept('+');
      if (!is_digit(peek())) return fail("a digit is missing in the exponent");
      while (is_digit(peek())) ++at_;
    }
    return made_literal(out, json::parse(text_.substr(start, at_ - start), nullptr, false));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  std::optional<Error> error_;
};

}  // namespace

bool Query::is_singular() const {
  for (const auto& segment : segments) {
    if (segment.descendant || segment.selectors.size() != 1) return false;
    const auto& selector = segment.selectors.front();
    if (!std::holds_alternative<NameSelector>(selector) &&
        !std::holds_alternative<IndexSelector>(selector))
      return false;
  }
  return true;
}

Result<Query> parse_query(std::string_view text) { return Parser(text).run(); }

}  // namespace converge::verbs::jsonpath
