#include "agent/control/pattern.h"

#include <algorithm>

namespace converge::handlers {

bool matches_pattern(std::string_view pattern, std::string_view name) {
  // reached[i]: pattern so far matches name[0, i).
  std::vector<char> reached(name.size() + 1, 0);
  reached[0] = 1;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    std::vector<char> next(name.size() + 1, 0);
    if (pattern[p] == '*') {
      const bool across = p + 1 < pattern.size() && pattern[p + 1] == '*';
      if (across) ++p;
      bool open = false;
      for (std::size_t i = 0; i <= name.size(); ++i) {
        if (i > 0 && name[i - 1] == '/' && !across) open = false;
        open = open || reached[i] != 0;
        next[i] = open ? 1 : 0;
      }
      // "**/x" also matches "x": nothing at all stands for no parts.
      if (across && p + 1 < pattern.size() && pattern[p + 1] == '/' && reached[0] != 0 &&
          matches_pattern(pattern.substr(p + 2), name)) {
        return true;
      }
    } else {
      for (std::size_t i = 0; i < name.size(); ++i) {
        const bool fits = pattern[p] == '?' ? name[i] != '/' : name[i] == pattern[p];
        if (reached[i] != 0 && fits) next[i + 1] = 1;
      }
    }
    reached = std::move(next);
  }
  return reached[name.size()] != 0;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view name) {
  if (patterns.empty()) return true;
  return std::any_of(patterns.begin(), patterns.end(),
                     [name](const std::string& pattern) { return matches_pattern(pattern, name); });
}

bool is_pattern(std::string_view text) {
  return text.find_first_of("*?") != std::string_view::npos;
}

std::string_view literal_prefix(std::string_view pattern) {
  return pattern.substr(0, pattern.find_first_of("*?"));
}

}  // namespace converge::handlers
