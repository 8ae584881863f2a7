#pragma once

#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The syntax tree of a JSONPath query. Private to jsonpath*.cpp.
namespace converge::verbs::jsonpath {

struct Expression;

struct NameSelector {
  std::string name;
};
struct WildcardSelector {};
struct IndexSelector {
  std::int64_t index = 0;
};
struct SliceSelector {
  std::optional<std::int64_t> start;
  std::optional<std::int64_t> end;
  std::int64_t step = 1;
};
struct FilterSelector {
  std::shared_ptr<const Expression> condition;
};
using Selector =
    std::variant<NameSelector, WildcardSelector, IndexSelector, SliceSelector, FilterSelector>;

struct Segment {
  bool descendant = false;
  std::vector<Selector> selectors;
};

struct Query {
  bool relative = false;  ///< begins with "@" instead of "$"
  std::vector<Segment> segments;

  /// At most one node, whatever the value (section 2.3.5.1).
  bool is_singular() const;
};

enum class Function : std::uint8_t { kLength, kCount, kMatch, kSearch, kValue };

enum class Comparison : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual
};

/// A filter's expression or a part of one.
struct Expression {
  enum class Kind : std::uint8_t {
    kOr,       ///< any of parts
    kAnd,      ///< all of parts
    kNot,      ///< not parts[0]
    kCompare,  ///< parts[0] against parts[1]
    kQuery,    ///< as a test: it finds something; as a value: what it finds
    kFunction,
    kLiteral,
  };
  Kind kind = Kind::kLiteral;
  std::vector<Expression> parts;
  Comparison comparison = Comparison::kEqual;
  std::shared_ptr<const Query> query;
  Function function = Function::kLength;
  std::shared_ptr<const nlohmann::json> literal;
};

Result<Query> parse_query(std::string_view text);

}  // namespace converge::verbs::jsonpath
