#include "core/verbs/conflicts.h"

#include "core/verbs/merge.h"
#include "core/verbs/read.h"
#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>

namespace converge::verbs {
using namespace testing;

namespace {

/// One document; two actors set the same places to other values while apart.
struct Apart {
  engine::Document left;
  engine::Document right;
};

Apart edited_apart(const char* start, const char* left_edits, const char* right_edits) {
  auto left = document_of(parse(start));
  auto right = left.fork(actor(2));
  REQUIRE(set(left, parse(left_edits), {.time = 60}));
  REQUIRE(set(right, parse(right_edits), {.time = 120}));
  return {std::move(left), std::move(right)};
}

engine::Document joined(Apart apart) {
  REQUIRE(apart.left.merge(apart.right));
  return std::move(apart.left);
}

engine::Document conflicted(const char* left, const char* right) {
  return joined(edited_apart(
      R"({"x":0})", json::array({{{"pointer", "/x"}, {"value", parse(left)}}}).dump().c_str(),
      json::array({{{"pointer", "/x"}, {"value", parse(right)}}}).dump().c_str()));
}

Result<Outcome> resolve_by_rule(engine::Document& document, const char* rule) {
  Resolution resolution;
  resolution.rule = *parse_rule(rule);
  return resolve_conflicts(document, "d", {conflicts(document, "d").at(0).id}, resolution, {});
}

}  // namespace

TEST_CASE("conflicts are listed with place and all values, alike on every replica", "[verbs]") {
  auto apart = edited_apart(R"({"items":[{"title":"?"}],"n":1})",
                            R"([{"pointer":"/items/0/title","value":"milk"},
                                {"pointer":"/n","value":2}])",
                            R"([{"pointer":"/items/0/title","value":"oat milk"},
                                {"pointer":"/n","value":3}])");
  REQUIRE(apart.left.merge(apart.right));
  REQUIRE(apart.right.merge(apart.left));

  const auto found = conflicts(apart.left, "automerge:x");

  REQUIRE(found.size() == 2);
  CHECK(count_conflicts(apart.left.now()) == 2);
  const auto& title = found[0].path == "/items/0/title" ? found[0] : found[1];
  CHECK(title.path == "/items/0/title");
  CHECK(title.id.size() == 14);
  CHECK(conflicts(apart.right, "automerge:x")[0].id == found[0].id);
  CHECK(conflicts(apart.left, "automerge:y")[0].id != found[0].id);

  const auto shape = to_json(apart.left, title);
  REQUIRE(shape);
  CHECK((*shape)["kind"] == "Conflict");
  CHECK((*shape)["winner"] == 1);
  REQUIRE((*shape)["values"].size() == 2);
  CHECK((*shape)["values"][0]["value"]["$text"] == plain(apart.left, "/items/0/title"));
  CHECK((*shape)["values"][0]["n"] == 1);
  CHECK((*shape)["values"][1]["change"].get<std::string>().size() == 64);
  CHECK((*shape)["values"][0]["actor"] == "ac02");
  CHECK((*shape)["values"][0]["author_time"] == "1970-01-01T00:02:00.000Z");
}

TEST_CASE("picking keeps the value that was picked, winner or not", "[verbs]") {
  for (const std::size_t pick : {1u, 2u}) {
    auto document = conflicted(R"({"from":"left","l":[1]})", R"({"from":"right","l":[2]})");
    const auto before = conflicts(document, "d");
    REQUIRE(before.size() == 1);
    const auto chosen = before[0].values.at(pick - 1);

    const auto outcome = resolve_conflicts(document, "d", {before[0].id.substr(0, 8)},
                                           {.pick = pick}, {.message = "pick"});

    REQUIRE(outcome);
    CHECK(outcome->summary == "resolve /x");
    CHECK(conflicts(document, "d").empty());
    // The object itself, not a copy: edits made elsewhere still arrive in it.
    CHECK(document.now().get(model::kRoot, "x")->id == chosen.id);
  }
}

TEST_CASE("picking a counter keeps its increments", "[verbs]") {
  auto document = conflicted(R"({"$counter":5})", R"({"$counter":7})");
  const auto id = conflicts(document, "d")[0].id;
  REQUIRE(resolve_conflicts(document, "d", {id}, {.pick = 2}, {}));
  CHECK(typed(document, "/x") == parse(R"({"$counter":5})"));
  REQUIRE(increment(document, ptr("/x"), 1, {}));
  CHECK(plain(document, "/x") == 6);
}

TEST_CASE("a value supersedes all competing ones", "[verbs]") {
  auto document = conflicted("1", "2");
  const json value = parse(R"({"both":[1,2]})");
  Resolution resolution;
  resolution.value = &value;
  REQUIRE(resolve_conflicts(document, "d", {conflicts(document, "d")[0].id}, resolution, {}));
  CHECK(conflicts(document, "d").empty());
  CHECK(plain(document, "/x") == value);

  auto again = conflicted("1", "2");
  const json winner = plain(again, "/x");
  resolution.value = &winner;
  REQUIRE(resolve_conflicts(again, "d", {conflicts(again, "d")[0].id}, resolution, {}));
  CHECK(conflicts(again, "d").empty());
  CHECK(plain(again, "/x") == winner);
}

TEST_CASE("rules choose", "[verbs]") {
  struct Row {
    const char* rule;
    const char* left;
    const char* right;
    const char* result;
  };
  const std::vector<Row> rows{
      {"max", "1", "2", "2"},
      {"min", "1", "2", "1"},
      {"max", "2.5", R"({"$counter":1})", "2.5"},
      {"max", "9007199254740993", "9007199254740992", "9007199254740993"},
      {"min", R"("abc")", R"("abd")", R"("abc")"},
      {"max", R"({"$timestamp":5})", R"({"$timestamp":4})", R"("1970-01-01T00:00:00.005Z")"},
      {"longest", R"("four")", R"("éé")", R"("four")"},
      {"longest", "[1]", "[1,2]", "[1,2]"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.rule, row.left, row.right);
    auto document = conflicted(row.left, row.right);
    REQUIRE(resolve_by_rule(document, row.rule));
    CHECK(conflicts(document, "d").empty());
    CHECK(plain(document, "/x") == parse(row.result));
  }
}

TEST_CASE("a union holds what either side had", "[verbs]") {
  auto lists = conflicted(R"(["a","b","b"])", R"(["b","c"])");
  REQUIRE(resolve_by_rule(lists, "union"));
  CHECK(conflicts(lists, "d").empty());
  CHECK(plain(lists, "/x") == parse(R"(["b","c","a","b"])"));

  auto maps = conflicted(R"({"a":1,"b":1})", R"({"b":2,"c":{"$counter":3}})");
  REQUIRE(resolve_by_rule(maps, "union"));
  CHECK(typed(maps, "/x") == parse(R"({"a":1,"b":2,"c":{"$counter":3}})"));
}

TEST_CASE("the newest received wins when the replica knows receipts", "[verbs]") {
  auto document = conflicted("1", "2");
  const auto conflict = conflicts(document, "d")[0];
  const auto older = *document.change_of(conflict.values[1].id);
  Resolution resolution;
  resolution.rule = Rule::kNewestReceived;
  CHECK(error_id(resolve_conflicts(document, "d", {conflict.id}, resolution, {})) ==
        "usage.argument");
  resolution.receipt = [&](const ChangeHash& hash) -> std::optional<std::uint64_t> {
    return hash == older ? 9 : 3;
  };
  REQUIRE(resolve_conflicts(document, "d", {conflict.id}, resolution, {}));
  CHECK(plain(document, "/x") == 1);
}

TEST_CASE("what cannot be resolved changes nothing", "[verbs]") {
  auto document = conflicted("1", R"("two")");
  const auto saved = document.save();
  const auto id = conflicts(document, "d")[0].id;
  CHECK(error_id(resolve_by_rule(document, "max")) == "usage.argument");
  CHECK(error_id(resolve_by_rule(document, "union")) == "usage.argument");
  CHECK(error_id(resolve_by_rule(document, "longest")) == "usage.argument");
  CHECK(error_id(resolve_conflicts(document, "d", {id}, {.pick = 3}, {})) == "usage.argument");
  CHECK(error_id(resolve_conflicts(document, "d", {id}, {.pick = 0}, {})) == "usage.argument");
  CHECK(error_id(resolve_conflicts(document, "d", {id}, {}, {})) == "usage.argument");
  CHECK(error_id(resolve_conflicts(document, "d", {"c-000000000000"}, {.pick = 1}, {})) ==
        "conflict.not_found");
  CHECK(error_id(resolve_conflicts(document, "d", {"c-"}, {.pick = 1}, {})) ==
        "conflict.not_found");
  CHECK(error_id(parse_rule("newest")) == "usage.argument");
  CHECK(document.save() == saved);
}

TEST_CASE("a merge reports what it brought", "[verbs]") {
  auto apart = edited_apart(R"({"x":0,"y":0})", R"([{"pointer":"/x","value":1}])",
                            R"([{"pointer":"/x","value":2}])");
  const auto saved = apart.left.save();

  const auto refused = merge_document(apart.left, apart.right, {.fail_on_conflict = true});
  CHECK(error_id(refused) == "merge.conflict");
  CHECK(apart.left.save() == saved);

  const auto trial = merge_document(apart.left, apart.right, {.dry_run = true});
  REQUIRE(trial);
  CHECK(trial->applied.size() == 1);
  CHECK(trial->new_conflicts == std::vector<std::string>{"/x"});
  CHECK(apart.left.save() == saved);

  const auto done = merge_chunks(apart.left, apart.right.save());
  REQUIRE(done);
  const json report = to_json(*done);
  CHECK(report["merged"] == 1);
  CHECK(report["conflicts"] == 1);
  CHECK(report["unchanged"] == false);
  CHECK(merge_chunks(apart.left, apart.right.save())->unchanged());
  CHECK_FALSE(merge_chunks(apart.left, as_bytes("not a chunk")));
  CHECK(document_facts(apart.left)["conflicts"] == 1);
}

}  // namespace converge::verbs
