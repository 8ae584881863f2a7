#include "tests/fuzz/targets.h"

#include <catch2/catch.hpp>

using namespace converge;

TEST_CASE("files of the fuzz corpus never break the store's readers", "[store][fuzz]") {
  CHECK(fuzz::replay("store_files", fuzz::store_files) > 0);
}
