#include "core/verbs/sequence_diff.h"

#include <algorithm>

namespace converge::verbs {
namespace {

using Items = std::span<const std::uint32_t>;
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

/// One run of the greedy algorithm over a window of differences. reach(d)[k] is the furthest x on
/// diagonal k = x - y with d differences; all rounds are kept to walk back.
class Window {
 public:
  Window(Items a, Items b)
      : a_(a),
        b_(b),
        n_(static_cast<std::ptrdiff_t>(a.size())),
        m_(static_cast<std::ptrdiff_t>(b.size())) {}

  /// Appends the pairs found, shifted by `base`; returns how far it came in a and b.
  std::pair<std::size_t, std::size_t> run(Pairs& out, std::pair<std::size_t, std::size_t> base) {
    const auto [d, k] = search();
    const auto x = reach(d, k);
    walk_back(d, k, out, base);
    return {static_cast<std::size_t>(x), static_cast<std::size_t>(x - k)};
  }

 private:
  std::ptrdiff_t reach(std::ptrdiff_t d, std::ptrdiff_t k) const {
    return rounds_[static_cast<std::size_t>(d)][static_cast<std::size_t>(k + d)];
  }

  /// Where round d starts on diagonal k before it follows equal items, and the diagonal it came
  /// from.
  std::pair<std::ptrdiff_t, std::ptrdiff_t> entry(std::ptrdiff_t d, std::ptrdiff_t k) const {
    if (d == 0) return {0, 0};
    const bool down = k == -d || (k != d && reach(d - 1, k - 1) < reach(d - 1, k + 1));
    return down ? std::pair{reach(d - 1, k + 1), k + 1} : std::pair{reach(d - 1, k - 1) + 1, k - 1};
  }

  /// The (d, k) that reaches the end, or the furthest one of the last round.
  std::pair<std::ptrdiff_t, std::ptrdiff_t> search() {
    std::pair<std::ptrdiff_t, std::ptrdiff_t> best{0, 0};
    for (std::ptrdiff_t d = 0; d <= kDiffWindow; ++d) {
      rounds_.emplace_back(static_cast<std::size_t>(2 * d + 1), -1);
      std::ptrdiff_t furthest = -1;
      for (std::ptrdiff_t k = -d; k <= d; k += 2) {
        std::ptrdiff_t x = entry(d, k).first;
        if (x < 0 || x > n_ || x - k > m_ || x - k < 0) {
          rounds_.back()[static_cast<std::size_t>(k + d)] = kOutside;
          continue;
        }
        while (x < n_ && x - k < m_ &&
               a_[static_cast<std::size_t>(x)] == b_[static_cast<std::size_t>(x - k)])
          ++x;
        rounds_.back()[static_cast<std::size_t>(k + d)] = x;
        if (x == n_ && x - k == m_) return {d, k};
        if (2 * x - k > furthest) {
          furthest = 2 * x - k;
          best = {d, k};
        }
      }
    }
    return best;
  }

  void walk_back(std::ptrdiff_t d, std::ptrdiff_t k, Pairs& out,
                 std::pair<std::size_t, std::size_t> base) const {
    const auto first = static_cast<std::ptrdiff_t>(out.size());
    while (true) {
      const auto [start, from] = entry(d, k);
      for (std::ptrdiff_t x = reach(d, k); x > start; --x)
        out.emplace_back(base.first + static_cast<std::size_t>(x - 1),
                         base.second + static_cast<std::size_t>(x - 1 - k));
      if (d == 0) break;
      --d;
      k = from;
    }
    std::reverse(out.begin() + first, out.end());
  }

  /// A diagonal that left the grid: never the better choice.
  static constexpr std::ptrdiff_t kOutside = -(std::ptrdiff_t{1} << 40);

  Items a_;
  Items b_;
  std::ptrdiff_t n_;
  std::ptrdiff_t m_;
  std::vector<std::vector<std::ptrdiff_t>> rounds_;
};

}  // namespace

Pairs common_subsequence(Items a, Items b) {
  Pairs out;
  std::size_t i = 0;
  std::size_t j = 0;
  std::size_t a_end = a.size();
  std::size_t b_end = b.size();
  while (i < a_end && j < b_end && a[i] == b[j]) out.emplace_back(i++, j++);
  while (a_end > i && b_end > j && a[a_end - 1] == b[b_end - 1]) --a_end, --b_end;

  while (i < a_end && j < b_end) {
    const auto [x, y] = Window(a.subspan(i, a_end - i), b.subspan(j, b_end - j)).run(out, {i, j});
    i += x;
    j += y;
  }
  for (; a_end < a.size(); ++a_end, ++b_end) out.emplace_back(a_end, b_end);
  return out;
}

std::vector<Hunk> hunks_between(const Pairs& pairs, std::size_t a_size, std::size_t b_size) {
  std::vector<Hunk> out;
  std::size_t i = 0;
  std::size_t j = 0;
  const auto close = [&](std::size_t a_next, std::size_t b_next) {
    if (a_next > i || b_next > j) out.push_back({i, a_next - i, j, b_next - j});
  };
  for (const auto& [x, y] : pairs) {
    close(x, y);
    i = x + 1;
    j = y + 1;
  }
  close(a_size, b_size);
  return out;
}

}  // namespace converge::verbs
