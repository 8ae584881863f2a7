#include "agent/session/ephemeral_filter.h"

#include <catch2/catch.hpp>

#include <string>

namespace converge::session {
using namespace std::chrono_literals;

TEST_CASE("each count of an author's session passes once, and only upwards", "[session]") {
  EphemeralFilter filter;
  const Time now{};

  CHECK(filter.accept("a", "s", 1, now));
  CHECK_FALSE(filter.accept("a", "s", 1, now));
  CHECK(filter.accept("a", "s", 5, now));
  CHECK_FALSE(filter.accept("a", "s", 4, now));
  CHECK(filter.accept("a", "other session", 1, now));
  CHECK(filter.accept("b", "s", 1, now));
}

TEST_CASE("the filter forgets idle authors and the least recent one when full", "[session]") {
  EphemeralFilter filter({.authors_max = 2, .author_lifetime = 10min});
  const Time start{};

  CHECK(filter.accept("a", "s", 1, start));
  CHECK(filter.accept("b", "s", 1, start + 1s));
  CHECK_FALSE(filter.accept("a", "s", 1, start + 2s));  // a is now the more recent
  CHECK(filter.accept("c", "s", 1, start + 3s));        // b goes
  CHECK(filter.size() == 2);
  CHECK_FALSE(filter.accept("a", "s", 1, start + 4s));
  CHECK(filter.accept("b", "s", 1, start + 5s));

  CHECK(filter.accept("d", "s", 1, start + 1h));
  CHECK(filter.size() == 1);
}

}  // namespace converge::session
