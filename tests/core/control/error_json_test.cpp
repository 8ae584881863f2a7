#include "core/control/error_json.h"

#include "core/control/error_table.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace converge::control {
namespace {

using nlohmann::json;

TEST_CASE("an error survives the way through JSON", "[control]") {
  const Error error =
      make_error(ErrorId::kHeadsMoved, "todo/home has moved on\n1 change since", "read again");

  const json object = to_json(error);

  CHECK(object["kind"] == "Error");
  CHECK(object["v"] == 1);
  CHECK(object["code"] == "heads.moved");
  CHECK(object["exit"] == 5);
  CHECK(object["message"] == "todo/home has moved on");
  CHECK(object["details"]["why"] == "1 change since");
  CHECK(object["retryable"] == false);
  const Error back = from_json(object);
  CHECK(back.message == error.message);
  CHECK(back.id == error.id);
  CHECK(back.hint == error.hint);
  CHECK(back.code == error.code);
}

TEST_CASE("what a word may have meant survives the way through JSON", "[control]") {
  Error error = make_error(ErrorId::kDocNotFound, "no document is called \"todo/hme\"");
  error.subject = "todo/hme";
  error.candidates = {"todo/home"};

  const json object = to_json(error);

  CHECK(object["details"] == json{{"name", "todo/hme"}, {"candidates", {"todo/home"}}});
  const Error back = from_json(object);
  CHECK(back.subject == error.subject);
  CHECK(back.candidates == error.candidates);
  CHECK(to_json(make_error(ErrorId::kTimeout, "late"))["details"] == json::object());
}

TEST_CASE("a missing hint is null", "[control]") {
  CHECK(to_json(make_error(ErrorId::kTimeout, "late"))["hint"].is_null());
}

TEST_CASE("a code of a newer agent keeps its word and its exit code", "[control]") {
  const Error error =
      from_json({{"kind", "Error"}, {"code", "doc.frozen"}, {"exit", 3}, {"message", "m"}});

  CHECK(error.id == "doc.frozen");
  CHECK(exit_code_of(error) == 3);
}

TEST_CASE("what is no Error object becomes an internal error that quotes it", "[control]") {
  for (const json& wrong :
       {json(), json(3), json::array(), json{{"code", 7}}, json{{"message", "x"}}}) {
    const Error error = from_json(wrong);
    CHECK(is(error, ErrorId::kInternal));
  }
}

}  // namespace
}  // namespace converge::control
