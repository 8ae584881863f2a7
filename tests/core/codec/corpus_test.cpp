#include "tests/fuzz/targets.h"

#include <catch2/catch.hpp>

using namespace converge;

TEST_CASE("the fuzz corpus of numbers and columns holds its properties", "[codec][corpus]") {
  CHECK(fuzz::replay("leb128", fuzz::leb128) > 0);
  CHECK(fuzz::replay("columns", fuzz::columns) > 0);
}
