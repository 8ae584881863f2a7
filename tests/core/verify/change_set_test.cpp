#include "core/verify/change_set.h"

#include "tests/core/verify/histories.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace converge;
using namespace converge::verify;

TEST_CASE("a change set holds each change once, dependencies first") {
  auto chunks = chain(4);
  std::reverse(chunks.begin(), chunks.end());
  chunks.push_back(chunks.front());

  const auto set = ChangeSet::make(chunks);

  REQUIRE(set);
  REQUIRE(set->size() == 4);
  for (std::uint32_t i = 1; i < 4; ++i) CHECK(set->at(i).deps == std::vector<std::uint32_t>{i - 1});
  CHECK(set->concurrent_count() == 0);
  CHECK(set->count_orders(100) == 1);
}

TEST_CASE("a change set that lacks a dependency is refused by name") {
  auto chunks = chain(3);
  chunks.erase(chunks.begin() + 1);

  const auto set = ChangeSet::make(chunks);

  REQUIRE_FALSE(set);
  CHECK(set.error().id == "change.missing_deps");
}

TEST_CASE("orders of concurrent changes are counted up to the cap") {
  const auto five = ChangeSet::make(concurrent_puts(5));
  REQUIRE(five);
  CHECK(five->concurrent_count() == 5);
  CHECK(five->count_orders(1000) == 120);
  CHECK(five->count_orders(7) == 7);

  auto mixed = concurrent_puts(2);
  const auto line = chain(2);
  mixed.insert(mixed.end(), line.begin(), line.end());
  const auto set = ChangeSet::make(mixed);
  REQUIRE(set);
  CHECK(set->count_orders(1000) == 12);  // 4! / 2: one pair is ordered
}

TEST_CASE("dropping a change drops what depends on it") {
  const auto set = ChangeSet::make(chain(5));
  REQUIRE(set);

  CHECK(set->without(2).size() == 2);
  CHECK(set->without(4).size() == 4);
}
