#include "core/verify/sql_invariant.h"

#include <catch2/catch.hpp>

using namespace converge::verify;

TEST_CASE("a SQL invariant holds when its one value is true") {
  const auto invariant =
      sql_invariant("invariant:1", "SELECT json_extract(:doc, '$.n') BETWEEN 1 AND 3");
  REQUIRE(invariant);

  CHECK(invariant->check(R"({"n":2})")->has_value() == false);
  CHECK(*invariant->check(R"({"n":4})") == "0");
  CHECK(*invariant->check("{}") == "NULL");
  CHECK(invariant->check(R"({"n":3})")->has_value() == false);
}

TEST_CASE("a SQL invariant that gives no row is broken") {
  const auto invariant = sql_invariant("x", "SELECT value FROM json_each(:doc) LIMIT 1");
  REQUIRE(invariant);

  CHECK(*invariant->check("{}") == "no row");
  CHECK(invariant->check(R"({"a":1})")->has_value() == false);
}

TEST_CASE("statements that are no invariant are refused before anything runs") {
  for (const char* text : {"", "SELEC 1", "SELECT 1, 2", "SELECT 1; SELECT 2", "CREATE TABLE t(a)",
                           "SELECT :other", "SELECT ?", "ATTACH '/tmp/x' AS y"}) {
    INFO(text);
    const auto invariant = sql_invariant("x", text);
    REQUIRE_FALSE(invariant);
    CHECK(invariant.error().id == "query.syntax");
  }
}

TEST_CASE("a SQL invariant that cannot be evaluated is an error, not a breach") {
  const auto path = sql_invariant("x", "SELECT json_extract(:doc, 'nonsense')");
  REQUIRE(path);
  CHECK_FALSE(path->check("{}"));
  const auto rows = sql_invariant("x", "SELECT 1 FROM json_each(:doc)");
  REQUIRE(rows);
  CHECK_FALSE(rows->check(R"({"a":1,"b":2})"));
}
