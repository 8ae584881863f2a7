#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace converge::verbs {

/// Pairs (index in a, index in b) of equal items, ascending in both: a common subsequence, the
/// longest one unless the sequences differ in more than kDiffWindow places in a row; then a good
/// one. Source: E. W. Myers, "An O(ND) difference algorithm", 1986, cut into windows.
/// Cost: O((n + m) * min(differences, kDiffWindow)) time, O(kDiffWindow^2) memory.
std::vector<std::pair<std::size_t, std::size_t>> common_subsequence(
    std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);

inline constexpr std::ptrdiff_t kDiffWindow = 256;

/// Replace [at, at + removed) of the old sequence by [from, from + added) of the new one.
struct Hunk {
  std::size_t at = 0;
  std::size_t removed = 0;
  std::size_t from = 0;
  std::size_t added = 0;
};

/// The gaps between the pairs, ascending; all positions mean the sequences as they were given.
std::vector<Hunk> hunks_between(const std::vector<std::pair<std::size_t, std::size_t>>& pairs,
                                std::size_t a_size, std::size_t b_size);

}  // namespace converge::verbs
