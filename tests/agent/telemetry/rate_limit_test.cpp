#include "agent/telemetry/rate_limit.h"

#include "tests/support/fake_clock.h"

#include <catch2/catch.hpp>

using converge::telemetry::RateLimit;
using converge::testing::FakeClock;

TEST_CASE("a burst passes, then as many a second as allowed") {
  FakeClock clock;
  RateLimit limit(clock, {.burst = 3, .per_second = 2});

  int passed = 0;
  for (int i = 0; i < 10; ++i) passed += limit.admit("x").allowed ? 1 : 0;
  CHECK(passed == 3);

  clock.advance(std::chrono::milliseconds(500));
  const auto next = limit.admit("x");
  CHECK(next.allowed);
  CHECK(next.suppressed == 7);
  CHECK_FALSE(limit.admit("x").allowed);
}

TEST_CASE("codes are limited apart from each other") {
  FakeClock clock;
  RateLimit limit(clock, {.burst = 1, .per_second = 0});

  CHECK(limit.admit("a").allowed);
  CHECK(limit.admit("b").allowed);
  CHECK_FALSE(limit.admit("a").allowed);
}
