#include "tests/fuzz/targets.h"

#include <catch2/catch.hpp>

using namespace converge;

TEST_CASE("the fuzz corpus of chunks holds its properties", "[format][corpus]") {
  CHECK(fuzz::replay("chunk", fuzz::chunk) > 0);
  CHECK(fuzz::replay("change", fuzz::change) > 0);
  CHECK(fuzz::replay("document", fuzz::document) > 0);
  CHECK(fuzz::replay("bundle", fuzz::bundle) > 0);
}
