#include "core/verbs/diff.h"

#include "core/verbs/history.h"
#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>

namespace converge::verbs {
using namespace testing;

TEST_CASE("a diff of two states is a short JSON patch", "[verbs]") {
  auto document =
      document_of(parse(R"({"a":1,"b":{"c":"x"},"l":[1,2,3],"gone":true,"n":{"$counter":1}})"));
  const auto before = document.heads();
  REQUIRE(
      set(document, parse(R"([{"pointer":"/a","value":2},{"pointer":"/b/d","value":"y"}])"), {}));
  REQUIRE(insert(document, ptr("/l/1"), parse("[9]"), {}));
  REQUIRE(unset(document, {ptr("/l/0"), ptr("/gone")}, {}));
  REQUIRE(splice(document, ptr("/b/c"), 1, 0, "z", {}));
  REQUIRE(increment(document, ptr("/n"), 1, {}));

  const auto patch = diff_patch(document, before, document.heads());

  REQUIRE(patch);
  CHECK(*patch == parse(R"([{"op":"remove","path":"/gone"},{"op":"replace","path":"/a","value":2},
      {"op":"replace","path":"/n","value":{"$counter":2}},
      {"op":"remove","path":"/l/0"},{"op":"add","path":"/l/0","value":9},
      {"op":"add","path":"/b/d","value":"y"},{"op":"replace","path":"/b/c","value":"xz"}])"));
  CHECK(patch_stat(*patch) == parse(R"({"added":2,"removed":2,"replaced":3})"));
  CHECK(filter_patch(*patch, ptr("/b")).size() == 2);
  CHECK(filter_patch(*patch, ptr("/b/c")).size() == 1);
  CHECK(filter_patch(*patch, ptr("/l")).size() == 2);
  CHECK(filter_patch(*patch, ptr("")).size() == 7);
}

TEST_CASE("a diff object names what each side alone has", "[verbs]") {
  auto document = document_of(parse(R"({"a":1})"));
  auto other = document.fork(actor(2));
  const auto base = document.heads();
  REQUIRE(set_one(document, "/a", 2));
  REQUIRE(set_one(other, "/b", 3));

  const auto outcome = diff(document, document.heads(), other, other.heads());

  REQUIRE(outcome);
  CHECK((*outcome)["kind"] == "Diff");
  CHECK((*outcome)["equal"] == false);
  CHECK((*outcome)["only_left"] == json::array({document.heads()[0].to_hex()}));
  CHECK((*outcome)["only_right"] == json::array({other.heads()[0].to_hex()}));
  CHECK(*apply_patch_to_json(plain(document), (*outcome)["patch"]) == plain(other));

  const auto same = diff(document, base, other, base);
  CHECK((*same)["equal"] == true);
  CHECK((*same)["only_left"].empty());
  CHECK((*diff(document, base, other, other.heads(), {.path = ptr("/a")}))["equal"] == true);
  CHECK(error_id(diff(document, other.heads(), document, base)) == "rev.not_found");
}

TEST_CASE("unrelated documents are compared by value", "[verbs]") {
  const auto left = document_of(parse(R"({"l":[1,2,{"x":1},3],"s":{"$str":"a"}})"), 1);
  const auto right = document_of(parse(R"({"l":[0,1,{"x":2},3],"s":{"$str":"a"},"t":"b"})"), 2);
  const auto outcome = diff(left, left.heads(), right, right.heads());
  REQUIRE(outcome);
  CHECK(*apply_patch_to_json(plain(left), (*outcome)["patch"]) == plain(right));
  CHECK((*outcome)["only_left"].size() == 1);
  CHECK((*outcome)["only_right"].size() == 1);
}

TEST_CASE("changes are told with their facts and what they did", "[verbs]") {
  auto document = document_of(parse(R"({"a":1})"));
  const auto first = document.heads();
  const auto outcome =
      set(document, parse(R"([{"pointer":"/b","value":2}])"), {.message = "b", .time = 86'400});
  REQUIRE(outcome);

  const auto shown = show(document, *outcome->change, false);

  REQUIRE(shown);
  CHECK((*shown)["kind"] == "Change");
  CHECK((*shown)["hash"] == outcome->change->to_hex());
  CHECK((*shown)["actor"] == "ac01");
  CHECK((*shown)["seq"] == 2);
  CHECK((*shown)["deps"] == json::array({first[0].to_hex()}));
  CHECK((*shown)["message"] == "b");
  CHECK((*shown)["author_time"] == "1970-01-02T00:00:00.000Z");
  CHECK((*shown)["ops"] == 1);
  CHECK((*shown)["size_bytes"].get<int>() > 20);
  CHECK((*shown)["patch"] == parse(R"([{"op":"add","path":"/b","value":2}])"));
  CHECK((*shown)["stat"]["added"] == 1);
  CHECK(error_id(show(document, ChangeHash{}, false)) == "rev.not_found");
}

TEST_CASE("the log can be narrowed", "[verbs]") {
  auto document = document_of(parse(R"({"a":1,"m":{"x":1}})"));
  REQUIRE(set_one(document, "/m/x", 2));
  const auto middle = document.heads();
  document.set_actor(actor(7));
  REQUIRE(set_one(document, "/a", 2));
  const auto all = document.all_changes();

  CHECK(log(document, {})->size() == 3);
  CHECK(log(document, {})->front() == all.back());
  CHECK(log(document, {.limit = 1})->size() == 1);
  CHECK(*log(document, {.path = ptr("/m")}) == std::vector<ChangeHash>{all[1], all[0]});
  CHECK(*log(document, {.path = ptr("/a")}) == std::vector<ChangeHash>{all[2], all[0]});
  CHECK(*log(document, {.actor = "ac07"}) == std::vector<ChangeHash>{all[2]});
  CHECK(log(document, {.at = middle})->size() == 2);
  CHECK(error_id(log(document, {.at = Heads{ChangeHash{}}})) == "rev.not_found");
}

TEST_CASE("the log of a place follows elements and what was there before", "[verbs]") {
  auto document = document_of(parse(R"({"l":[{"t":"a"},{"t":"b"}],"x":{"old":1}})"));
  const auto made = document.heads()[0];
  const auto edit = [&](const char* pointer, const char* value) {
    const auto outcome = set_one(document, pointer, parse(value));
    REQUIRE(outcome);
    return *outcome->change;
  };
  const auto old_inside = edit("/x/old", "2");
  const auto replaced = edit("/x", R"({"new":[1]})");
  const auto new_inside = edit("/x/new/0", "5");
  const auto second = edit("/l/1/t", R"("c")");
  REQUIRE(insert(document, ptr("/l/0"), parse("[0]"), {}));
  const auto third = edit("/l/2/t", R"("d")");
  REQUIRE(unset(document, {ptr("/x")}, {}));
  const auto removed = document.heads()[0];
  using Hashes = std::vector<ChangeHash>;

  CHECK(*log(document, {.path = ptr("/x")}) ==
        Hashes{removed, new_inside, replaced, old_inside, made});
  CHECK(*log(document, {.path = ptr("/x/old")}) == Hashes{removed, replaced, old_inside, made});
  CHECK(*log(document, {.path = ptr("/l/2")}) == Hashes{third, second, made});
  CHECK(*log(document, {.path = ptr("/l/2/t"), .limit = 1}) == Hashes{third});
  CHECK(*log(document, {.path = ptr("/l/1/t"), .at = Heads{second}}) == Hashes{second, made});
  CHECK(log(document, {.path = ptr("")})->size() == document.change_count());
  CHECK(log(document, {.path = ptr("/never")})->empty());
  CHECK(error_id(log(document, {.path = ptr("/l/9")})) == "path.not_found");
  CHECK(error_id(log(document, {.path = ptr("/l/x")})) == "path.type");
}

TEST_CASE("a change's operations can be read", "[verbs]") {
  auto document = document_of(parse(R"({"t":"ab","l":[1]})"));
  const auto first = document.heads()[0];
  REQUIRE(splice(document, ptr("/t"), 0, 1, "X", {}));
  const auto operations = operations_json(document, document.heads()[0]);
  REQUIRE(operations);
  REQUIRE(operations->size() == 2);
  CHECK((*operations)[0]["action"] == "set");
  CHECK((*operations)[0]["insert"] == true);
  CHECK((*operations)[0]["element"] == "_head");
  CHECK((*operations)[0]["value"] == "X");
  CHECK((*operations)[1]["action"] == "del");
  CHECK((*operations)[1]["element"] == "4@ac01");
  CHECK_FALSE((*operations)[1].contains("count"));
  CHECK(error_id(operations_json(document, ChangeHash{})) == "rev.not_found");

  const auto made = operations_json(document, first);
  REQUIRE(made);
  REQUIRE(made->size() == 4);
  CHECK((*made)[0] == parse(R"({"id":"1@ac01","action":"makeList","object":"_root","key":"l",
                                "insert":false,"pred":[]})"));
  CHECK((*made)[3] == parse(R"({"id":"4@ac01","action":"set","object":"3@ac01","element":"_head",
                                "insert":true,"pred":[],"value":"ab","count":2})"));
}

}  // namespace converge::verbs
