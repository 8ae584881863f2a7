#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace converge::verbs {

/// An interoperable regular expression (RFC 9485) over Unicode code points, without the category
/// escapes \p{...} and \P{...}, and with "^" and "$" as anchors, which users and the compliance
/// tests of JSONPath expect. Matching never backtracks: time is O(pattern * text) whatever the
/// pattern, so one that nobody vouches for is harmless. Immutable.
class IRegexp {
 public:
  /// Nothing for a text that is no such expression or would need more than kStatesMax states.
  static std::optional<IRegexp> parse(std::string_view pattern);

  /// The whole text. REQUIRES: UTF-8.
  bool matches(std::string_view text) const { return run(text, true); }
  /// Some part of it.
  bool found_in(std::string_view text) const { return run(text, false); }

  static constexpr std::size_t kStatesMax = 10'000;

 private:
  friend class IRegexpCompiler;

  /// One state of a nondeterministic automaton.
  struct State {
    enum class Kind : std::uint8_t { kSet, kSplit, kBegin, kEnd, kAccept } kind = Kind::kAccept;
    bool negated = false;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;  ///< kSet
    std::size_t next = 0;
    std::size_t other = 0;  ///< kSplit

    bool takes(std::uint32_t point) const;
  };

  class Run;

  bool run(std::string_view text, bool whole) const;

  std::vector<State> states_;
  std::size_t start_ = 0;
};

}  // namespace converge::verbs
