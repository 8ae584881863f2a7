#include "core/verify/orders.h"

#include "tests/core/verify/histories.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace converge;
using namespace converge::verify;

namespace {

bool respects_dependencies(const ChangeSet& set, const Order& order) {
  std::vector<bool> placed(set.size());
  for (const std::uint32_t i : order) {
    for (const std::uint32_t dep : set.at(i).deps) {
      if (!placed[dep]) return false;
    }
    placed[i] = true;
  }
  return order.size() == set.size();
}

ChangeSet mixed_set() {
  auto chunks = concurrent_puts(3);
  for (Bytes& chunk : chain(3)) chunks.push_back(std::move(chunk));
  return *ChangeSet::make(chunks);
}

}  // namespace

TEST_CASE("all orders are different, keep dependencies, and are as many as counted") {
  const ChangeSet set = mixed_set();
  AllOrders all(set);
  std::set<Order> seen;

  while (const auto order = all.next()) {
    CHECK(respects_dependencies(set, *order));
    CHECK(seen.insert(*order).second);
  }

  CHECK(seen.size() == set.count_orders(100'000));
  CHECK(seen.size() == 120);  // 6! / 3!
}

TEST_CASE("an empty set has one order, the empty one") {
  const ChangeSet set = *ChangeSet::make({});
  AllOrders all(set);

  CHECK(all.next() == Order{});
  CHECK_FALSE(all.next().has_value());
}

TEST_CASE("random orders keep dependencies and repeat with the seed") {
  const ChangeSet set = mixed_set();
  Dice one(7);
  Dice same(7);
  std::set<Order> seen;

  for (int i = 0; i < 200; ++i) {
    const Order order = random_order(set, one);
    CHECK(respects_dependencies(set, order));
    CHECK(order == random_order(set, same));
    seen.insert(order);
  }

  CHECK(seen.size() > 50);
}

TEST_CASE("a shuffle holds every change once") {
  const ChangeSet set = mixed_set();
  Dice dice(3);

  Order order = shuffled(set, dice);

  std::sort(order.begin(), order.end());
  CHECK(order == Order{0, 1, 2, 3, 4, 5});
}
