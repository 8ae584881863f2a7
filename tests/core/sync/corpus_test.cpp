#include "tests/fuzz/targets.h"

#include <catch2/catch.hpp>

using namespace converge;

TEST_CASE("the fuzz corpus of sync messages holds its properties", "[sync][corpus]") {
  CHECK(fuzz::replay("sync_message", fuzz::sync_message) > 0);
}
