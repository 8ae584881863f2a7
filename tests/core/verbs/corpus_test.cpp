#include "tests/fuzz/targets.h"

#include <catch2/catch.hpp>

namespace converge::fuzz {

TEST_CASE("the corpus of control edits and queries holds its properties", "[verbs]") {
  CHECK(replay("edits", edits) >= 4);
  CHECK(replay("jsonpath", jsonpath) >= 3);
}

}  // namespace converge::fuzz
