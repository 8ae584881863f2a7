#include "core/verbs/sequence_diff.h"

#include <catch2/catch.hpp>

#include <random>

namespace converge::verbs {
namespace {

using Items = std::vector<std::uint32_t>;

Items items(const std::string& text) { return {text.begin(), text.end()}; }

std::size_t longest(const Items& a, const Items& b) {
  std::vector<std::vector<std::size_t>> best(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j)
      best[i][j] =
          a[i - 1] == b[j - 1] ? best[i - 1][j - 1] + 1 : std::max(best[i - 1][j], best[i][j - 1]);
  return best[a.size()][b.size()];
}

void check_is_common(const Items& a, const Items& b) {
  const auto pairs = common_subsequence(a, b);
  std::size_t i = 0, j = 0;
  for (const auto& [x, y] : pairs) {
    REQUIRE(x >= i);
    REQUIRE(y >= j);
    REQUIRE(x < a.size());
    REQUIRE(y < b.size());
    REQUIRE(a[x] == b[y]);
    i = x + 1;
    j = y + 1;
  }
  Items rebuilt = a;
  auto hunks = hunks_between(pairs, a.size(), b.size());
  for (auto hunk = hunks.rbegin(); hunk != hunks.rend(); ++hunk) {
    const auto at = rebuilt.begin() + static_cast<std::ptrdiff_t>(hunk->at);
    const auto next = rebuilt.erase(at, at + static_cast<std::ptrdiff_t>(hunk->removed));
    rebuilt.insert(next, b.begin() + static_cast<std::ptrdiff_t>(hunk->from),
                   b.begin() + static_cast<std::ptrdiff_t>(hunk->from + hunk->added));
  }
  REQUIRE(rebuilt == b);
}

}  // namespace

TEST_CASE("a common subsequence of small sequences is a longest one", "[verbs]") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Items a(random() % 12), b(random() % 12);
    for (auto& x : a) x = static_cast<std::uint32_t>(random() % 4);
    for (auto& x : b) x = static_cast<std::uint32_t>(random() % 4);
    check_is_common(a, b);
    REQUIRE(common_subsequence(a, b).size() == longest(a, b));
  }
}

TEST_CASE("sequences that differ in more places than the window are still aligned", "[verbs]") {
  std::mt19937 random(8);
  Items a(3000), b(2500);
  for (auto& x : a) x = static_cast<std::uint32_t>(random() % 50);
  for (auto& x : b) x = static_cast<std::uint32_t>(random() % 50);
  check_is_common(a, b);
  CHECK(common_subsequence(a, b).size() * 10 > longest(a, b) * 8);

  Items none(2000, 1), other(2000, 2);
  check_is_common(none, other);
  CHECK(common_subsequence(none, other).empty());
}

TEST_CASE("hunks are the gaps between what is common", "[verbs]") {
  const Items a = items("the cat sat");
  const Items b = items("the hat sits");
  check_is_common(a, b);
  CHECK(hunks_between(common_subsequence(a, a), a.size(), a.size()).empty());
  const auto all = hunks_between({}, 3, 2);
  REQUIRE(all.size() == 1);
  CHECK(all[0].removed == 3);
  CHECK(all[0].added == 2);
  check_is_common({}, b);
  check_is_common(a, {});
}

}  // namespace converge::verbs
