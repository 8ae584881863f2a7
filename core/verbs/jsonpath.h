#pragma once

#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace converge::verbs {

namespace jsonpath {
struct Query;
}

/// A JSONPath query, RFC 9535 whole: name, wildcard, index, slice and filter selectors, child and
/// descendant segments, the functions length, count, match, search and value with the type checks
/// of section 2.4.3. Regular expressions are I-Regexp (RFC 9485) without \p{...}: a pattern that is
/// none matches nothing, as section 2.4.6 asks. Immutable; any thread.
class JsonPath {
 public:
  /// Errors: query.syntax, naming the byte where the text stops being a query.
  static Result<JsonPath> parse(std::string_view text);

  struct Match {
    const nlohmann::json* value;  ///< inside the value that was searched
    std::string path;             ///< normalized path (section 2.7): $['items'][0]
  };

  /// The nodelist in the order of the RFC; object members by key. Paths cost extra and are only
  /// made when asked for. Errors: limit.exceeded when the query visits more than kVisitsMax nodes.
  Result<std::vector<Match>> select(const nlohmann::json& value, bool with_paths = false) const;

  /// Bounds what a short query such as $..*..*..* can cost.
  static constexpr std::size_t kVisitsMax = 20'000'000;

 private:
  explicit JsonPath(std::shared_ptr<const jsonpath::Query> query) : query_(std::move(query)) {}
  std::shared_ptr<const jsonpath::Query> query_;
};

}  // namespace converge::verbs
