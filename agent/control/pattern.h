#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace converge::handlers {

/// PATTERN of the contract: "*" within one part of a name, "**" across parts, "?" one character of
/// a part. Cost: O(pattern x name), no backtracking beyond it.
bool matches_pattern(std::string_view pattern, std::string_view name);

/// Any of them; an empty list matches everything.
bool matches_any(const std::vector<std::string>& patterns, std::string_view name);

/// Whether the text has a wildcard at all.
bool is_pattern(std::string_view text);

/// The part before the first wildcard, for narrowing a listing.
std::string_view literal_prefix(std::string_view pattern);

}  // namespace converge::handlers
