#include "core/verbs/edits.h"
#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>

namespace converge::verbs {
using namespace testing;

namespace {

Outcome applied(engine::Document& document, const char* target,
                std::optional<std::string_view> list_key = std::nullopt) {
  auto outcome = apply(document, parse(target), list_key, {});
  REQUIRE(outcome);
  CHECK(plain(document) == parse(target));
  CHECK(apply(document, parse(target), list_key, {})->unchanged);
  return *outcome;
}

engine::Value value_at(const engine::Document& document, const char* pointer) {
  return *resolve_existing(document.now(), ptr(pointer))->value;
}

}  // namespace

TEST_CASE("applying equal input writes nothing", "[verbs]") {
  const char* text =
      R"({"a":1,"c":3,"l":[{"id":1,"x":"y"}],"t":"hello","w":"1970-01-01T00:00:00.000Z"})";
  auto document = document_of(
      parse(R"({"a":1,"c":{"$counter":3},"l":[{"id":{"$uint":1},"x":{"$str":"y"}}],"t":"hello",
                "w":{"$timestamp":0}})"));
  const auto heads = document.heads();
  const auto outcome = apply(document, parse(text), std::nullopt, {});
  REQUIRE(outcome);
  CHECK(outcome->unchanged);
  CHECK(document.heads() == heads);
}

TEST_CASE("apply keeps objects and touches only what differs", "[verbs]") {
  auto document = document_of(parse(R"({"m":{"x":1,"y":2},"gone":1,"t":"the cat sat"})"));
  const auto m = value_at(document, "/m");
  const auto t = value_at(document, "/t");

  const auto outcome = applied(document, R"({"m":{"x":1,"y":3},"new":[1,[2]],"t":"the hat sat"})");

  CHECK(value_at(document, "/m").id == m.id);
  CHECK(value_at(document, "/t").id == t.id);
  // remove /gone, y, new with its list of two, and one character out and one in
  CHECK(outcome.ops == 1 + 1 + 4 + 2);
}

TEST_CASE("apply keeps types that plain JSON cannot say", "[verbs]") {
  auto document =
      document_of(parse(R"({"c":{"$counter":3},"u":{"$uint":3},"f":{"$float":3},"s":{"$str":"x"},
                "w":{"$timestamp":0},"b":{"$bytes":"AAEC"}})"));
  REQUIRE(apply(document,
                parse(R"({"c":10,"u":4,"f":5,"s":"y","w":"1970-01-01T00:00:01.000Z","b":"AAED"})"),
                std::nullopt, {}));
  CHECK(typed(document) ==
        parse(R"({"c":{"$counter":10},"u":{"$uint":4},"f":{"$float":5},"s":{"$str":"y"},
                  "w":{"$timestamp":"1970-01-01T00:00:01.000Z"},"b":{"$bytes":"AAED"}})"));
  // Types that do not fit the new value give way.
  REQUIRE(apply(document, parse(R"({"c":"x","u":-1,"f":true,"s":1,"w":"noon","b":"?"})"),
                std::nullopt, {}));
  CHECK(typed(document) == parse(R"({"c":{"$text":"x"},"u":-1,"f":true,"s":1,"w":{"$text":"noon"},
                  "b":{"$text":"?"}})"));
}

TEST_CASE("typed forms say the type exactly", "[verbs]") {
  auto document = document_of(parse(R"({"a":3,"b":"x","c":{"$counter":1}})"));
  const json target = parse(R"({"a":{"$counter":3},"b":{"$str":"x"},"c":{"$float":1}})");
  REQUIRE(apply(document, target, std::nullopt, {}));
  CHECK(typed(document) == target);
  const json text = parse(R"({"b":{"$text":"x"},"c":"scalar"})");
  REQUIRE(apply(document, text, std::nullopt, {}));
  CHECK(typed(document) == text);
}

TEST_CASE("a counter is incremented by the difference, so concurrent increments add up",
          "[verbs]") {
  auto document = document_of(parse(R"({"c":{"$counter":3}})"));
  auto other = document.fork(actor(2));
  REQUIRE(apply(document, parse(R"({"c":5})"), std::nullopt, {}));
  REQUIRE(increment(other, ptr("/c"), 10, {}));
  REQUIRE(document.merge(other));
  CHECK(plain(document, "/c") == 15);
}

TEST_CASE("lists of objects are matched by key", "[verbs]") {
  auto document =
      document_of(parse(R"({"l":[{"id":1,"t":"a"},{"id":2,"t":"b"},{"id":3,"t":"c"}]})"));
  const auto second = value_at(document, "/l/1");
  const auto third = value_at(document, "/l/2");

  applied(document, R"({"l":[{"id":9,"t":"new"},{"id":2,"t":"B"},{"id":3,"t":"c"}]})");

  CHECK(value_at(document, "/l/1").id == second.id);
  CHECK(value_at(document, "/l/2").id == third.id);
  applied(document, R"({"l":[{"id":3,"t":"c"},{"id":2,"t":"B"}]})");
}

TEST_CASE("the list key can be named", "[verbs]") {
  auto document = document_of(parse(R"({"l":[{"k":"a","v":1},{"k":"b","v":1}]})"));
  const auto second = value_at(document, "/l/1");
  applied(document, R"({"l":[{"k":"b","v":2}]})", "k");
  CHECK(value_at(document, "/l/0").id == second.id);
}

TEST_CASE("other lists are matched by content", "[verbs]") {
  auto document = document_of(parse(R"({"l":[1,[2],{"x":3},"four",5]})"));
  const auto map = value_at(document, "/l/2");
  const auto outcome = applied(document, R"({"l":[0,1,[2],{"x":3},"four"]})");
  CHECK(outcome.ops == 2);
  CHECK(value_at(document, "/l/3").id == map.id);
  applied(document, R"({"l":[{"x":4},"five"]})");
  applied(document, R"({"l":[]})");
}

TEST_CASE("keys that repeat or are missing fall back to content", "[verbs]") {
  auto document = document_of(parse(R"({"l":[{"id":1},{"id":1},{"id":2}]})"));
  applied(document, R"({"l":[{"id":1},{"id":2},{"id":2}]})");
  applied(document, R"({"l":[{"id":1},{"x":2},7]})");
}

TEST_CASE("text is edited by character, so concurrent edits of other places survive", "[verbs]") {
  auto document = document_of(parse(R"({"t":"the quick brown fox"})"));
  auto other = document.fork(actor(2));
  REQUIRE(apply(document, parse(R"({"t":"the slow brown fox"})"), std::nullopt, {}));
  REQUIRE(apply(other, parse("{\"t\":\"the quick brown fox \U0001F98A\"}"), std::nullopt, {}));
  REQUIRE(document.merge(other));
  CHECK(plain(document, "/t") == "the slow brown fox \U0001F98A");
}

TEST_CASE("a text whose elements hold several code points becomes equal too", "[verbs]") {
  auto document = empty_document();
  {
    auto edit = document.transact();
    const auto text = *edit.put_object(model::kRoot, "t", engine::ObjType::kText);
    REQUIRE(edit.insert(text, 0, Scalar::string("abc")));
    REQUIRE(edit.insert(text, 3, Scalar::string("def")));
    edit.commit();
  }
  REQUIRE(plain(document, "/t") == "abcdef");
  applied(document, R"({"t":"abXdef"})");
}

TEST_CASE("only an object can be applied to a document", "[verbs]") {
  auto document = document_of(parse("{}"));
  CHECK(error_id(apply(document, parse("[]"), std::nullopt, {})) == "path.type");
  CHECK(error_id(apply(document, parse(R"({"$text":"x"})"), std::nullopt, {})) == "path.type");
  CHECK(error_id(apply(document, parse(R"({"a":{"$x":1}})"), std::nullopt, {})) == "input.json");
}

}  // namespace converge::verbs
