#pragma once

#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace converge::cli {

/// A JSONPath (RFC 9535) without function extensions: names, indices, slices, wildcards,
/// descendants and filters with comparison, existence, && || ! and parentheses. A leading "$" may
/// be left out.
class JsonPath {
 public:
  /// Errors: query.syntax with the column.
  static Result<JsonPath> parse(std::string_view text);
  ~JsonPath();
  JsonPath(JsonPath&&) noexcept;
  JsonPath& operator=(JsonPath&&) noexcept;

  /// The values selected, in order; they live inside `document`.
  std::vector<const nlohmann::json*> select(const nlohmann::json& document) const;

  struct Impl;

 private:
  explicit JsonPath(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::cli
