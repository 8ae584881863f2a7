#include "core/control/error_table.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>

namespace converge::control {
namespace {

TEST_CASE("every error has its own word and an exit code of the contract", "[control]") {
  std::set<std::string> words;
  std::set<int> exits;
  for (const ExitCodeRow& row : exit_code_table()) exits.insert(row.code);

  for (const ErrorRow& row : error_table()) {
    INFO(row.code);
    CHECK(words.insert(row.code).second);
    CHECK(exits.contains(row.exit));
    CHECK(row.exit > 1);  // 1 is an answer, never an error
    CHECK(&error_row(row.id) == &row);
    CHECK(find_error(row.code) == &row);
  }
}

TEST_CASE("the contract's errors exit as the contract says", "[control]") {
  const auto exit = [](const char* word) {
    const ErrorRow* row = find_error(word);
    REQUIRE(row != nullptr);
    return row->exit;
  };
  CHECK(exit("usage.command") == 2);
  CHECK(exit("doc.not_found") == 3);
  CHECK(exit("doc.ambiguous") == 2);
  CHECK(exit("agent.unreachable") == 4);
  CHECK(exit("heads.moved") == 5);
  CHECK(exit("timeout") == 6);
  CHECK(exit("auth.denied") == 7);
  CHECK(exit("input.json") == 8);
  CHECK(exit("store.locked") == 9);
  CHECK(exit("store.newer") == 11);
  CHECK(exit("store.no_space") == 12);
  CHECK(exit("declined") == 13);
  CHECK(exit("peer.unreachable") == 14);
  CHECK(exit("io") == 20);
  CHECK(exit("internal") == 70);
}

TEST_CASE("an error without a code word exits by its kind", "[control]") {
  CHECK(exit_code_of(Error{ErrorCode::kNotFound, "x"}) == 3);
  CHECK(exit_code_of(Error{ErrorCode::kCorrupt, "x"}) == 8);
  CHECK(exit_code_of(Error{ErrorCode::kTimeout, "x"}) == 6);
  CHECK(exit_code_of(Error{ErrorCode::kIo, "x"}) == 20);
  CHECK(exit_code_of(Error{ErrorCode::kIo, "x", "a.word.of.tomorrow"}) == 20);
}

TEST_CASE("of several failures the one of the contract's order wins", "[control]") {
  CHECK(stronger_exit(3, 5) == 5);
  CHECK(stronger_exit(4, 9) == 9);
  CHECK(stronger_exit(2, 11) == 2);
  CHECK(stronger_exit(20, 10) == 10);
  CHECK(stronger_exit(0, 3) == 3);
  CHECK(stronger_exit(7, 8) == 7);
}

}  // namespace
}  // namespace converge::control
