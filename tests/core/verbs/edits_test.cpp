#include "core/verbs/edits.h"

#include "core/verbs/canonical.h"
#include "core/verbs/conflicts.h"
#include "core/verbs/read.h"
#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>

namespace converge::verbs {
using namespace testing;

TEST_CASE("set makes and replaces keys and list elements in one change", "[verbs]") {
  auto document = document_of(parse(R"({"a":1,"list":[1,2]})"));
  const auto before = document.change_count();

  const auto outcome = set(document, parse(R"([{"pointer":"/b","value":{"c":[true]}},
      {"pointer":"/list/1","value":"two"},{"pointer":"/b/d","value":null}])"),
                           {.message = "hello", .time = 5});

  REQUIRE(outcome);
  CHECK_FALSE(outcome->unchanged);
  CHECK(outcome->change.has_value());
  CHECK(outcome->summary == "add /b and 2 more");
  CHECK(outcome->notes == std::vector<std::string>{"add /b", "replace /list/1", "add /b/d"});
  CHECK(document.change_count() == before + 1);
  CHECK(document.change_info(*outcome->change)->message == "hello");
  CHECK(document.change_info(*outcome->change)->time == 5);
  CHECK(outcome->heads == document.heads());
  CHECK(plain(document) == parse(R"({"a":1,"list":[1,"two"],"b":{"c":[true],"d":null}})"));
}

TEST_CASE("set leaves a register that already shows exactly the value", "[verbs]") {
  auto document = document_of(parse(R"({"a":1,"t":"x","m":{"k":[1]},"c":{"$counter":3}})"));
  const auto heads = document.heads();
  for (const char* edit :
       {R"([{"pointer":"/a","value":1}])", R"([{"pointer":"/t","value":"x"}])",
        R"([{"pointer":"/m","value":{"k":[1]}}])", R"([{"pointer":"/c","value":{"$counter":3}}])",
        R"([{"pointer":"","value":{"a":1,"t":"x","m":{"k":[1]},
                               "c":{"$counter":3}}}])"}) {
    CAPTURE(edit);
    const auto outcome = set(document, parse(edit), {});
    REQUIRE(outcome);
    CHECK(outcome->unchanged);
    CHECK_FALSE(outcome->change);
    CHECK(document.heads() == heads);
  }
  // A plain number is not a counter: the type changes.
  CHECK_FALSE(set_one(document, "/c", 3)->unchanged);
  CHECK(typed(document, "/c") == 3);
}

TEST_CASE("setting the whole document replaces its content", "[verbs]") {
  auto document = document_of(parse(R"({"a":1,"b":2})"));
  REQUIRE(set_one(document, "", parse(R"({"b":2,"c":3})")));
  CHECK(plain(document) == parse(R"({"b":2,"c":3})"));
  CHECK(error_id(set_one(document, "", parse("[]"))) == "path.type");
  CHECK(error_id(set_one(document, "", parse(R"({"$counter":1})"))) == "path.type");
}

TEST_CASE("unset means the lists as they were before", "[verbs]") {
  auto document = document_of(parse(R"({"l":[0,1,2,3,4],"m":{"x":[7,8]},"k":1})"));
  const auto outcome = unset(
      document, {ptr("/l/1"), ptr("/l/3"), ptr("/l/1"), ptr("/m"), ptr("/m/x/0"), ptr("/k")}, {});
  REQUIRE(outcome);
  CHECK(plain(document) == parse(R"({"l":[0,2,4]})"));
}

TEST_CASE("insert moves elements up and appends", "[verbs]") {
  auto document = document_of(parse(R"({"l":[1],"t":"ac","m":{}})"));
  REQUIRE(insert(document, ptr("/l/0"), parse("[8,[9]]"), {}));
  REQUIRE(insert(document, ptr("/l/-"), parse("[2]"), {}));
  REQUIRE(insert(document, ptr("/l/4"), parse("[3]"), {}));
  REQUIRE(insert(document, ptr("/t/1"), parse(R"(["b","é"])"), {}));
  CHECK(plain(document) == parse(R"({"l":[8,[9],1,2,3],"t":"abéc","m":{}})"));

  CHECK(error_id(insert(document, ptr("/l/9"), parse("[1]"), {})) == "path.not_found");
  CHECK(error_id(insert(document, ptr("/l/x"), parse("[1]"), {})) == "path.type");
  CHECK(error_id(insert(document, ptr("/m/x"), parse("[1]"), {})) == "path.type");
  CHECK(error_id(insert(document, ptr("/none/0"), parse("[1]"), {})) == "path.not_found");
  CHECK(error_id(insert(document, ptr("/t/9"), parse(R"(["x"])"), {})) == "path.not_found");
  CHECK(error_id(insert(document, ptr("/t/0"), parse("[1]"), {})) == "path.type");
  CHECK(error_id(insert(document, ptr(""), parse("[1]"), {})) == "path.type");
  CHECK(error_id(insert(document, ptr("/l/0"), parse("[]"), {})) == "usage.argument");
}

TEST_CASE("counters add up", "[verbs]") {
  auto document = document_of(parse(R"({"c":{"$counter":3},"n":3})"));
  const auto outcome = increment(document, ptr("/c"), 4, {});
  REQUIRE(outcome);
  CHECK(outcome->summary == "add 4 to /c");
  CHECK(typed(document, "/c") == parse(R"({"$counter":7})"));
  CHECK(increment(document, ptr("/c"), 0, {})->unchanged);

  const auto plain_number = increment(document, ptr("/n"), 1, {});
  REQUIRE(error_id(plain_number) == "path.type");
  CHECK(plain_number.error().message == "/n is a number, not a counter");
  CHECK_FALSE(plain_number.error().hint.empty());
  CHECK(error_id(increment(document, ptr("/none"), 1, {})) == "path.not_found");
}

TEST_CASE("splice counts Unicode code points", "[verbs]") {
  auto document = document_of(parse("{\"t\":\"a\U0001F600é!\",\"s\":{\"$str\":\"x\"}}"));
  REQUIRE(splice(document, ptr("/t"), 2, 1, "e\U0001F601", {}));
  CHECK(plain(document, "/t") == "a\U0001F600e\U0001F601!");
  REQUIRE(splice(document, ptr("/t"), 5, 0, "?", {}));
  CHECK(plain(document, "/t") == "a\U0001F600e\U0001F601!?");
  CHECK(splice(document, ptr("/t"), 0, 0, "", {})->unchanged);

  CHECK(error_id(splice(document, ptr("/t"), 7, 0, "x", {})) == "path.not_found");
  CHECK(error_id(splice(document, ptr("/t"), 5, 2, "x", {})) == "path.not_found");
  CHECK(error_id(splice(document, ptr("/t"), 0, SIZE_MAX, "x", {})) == "path.not_found");
  CHECK(error_id(splice(document, ptr("/s"), 0, 0, "x", {})) == "path.type");
  CHECK(error_id(splice(document, ptr(""), 0, 0, "x", {})) == "path.type");
  CHECK(error_id(splice(document, ptr("/t"), 0, 0, "\xff", {})) == "usage.argument");
}

TEST_CASE("a failed edit leaves the document exactly as it was", "[verbs]") {
  auto document = document_of(parse(R"({"l":[1],"n":1,"t":"x"})"));
  const auto saved = document.save();
  const std::vector<const char*> edits{
      R"([{"pointer":"/new","value":{"deep":[1]}},{"pointer":"/l/5","value":1}])",
      R"([{"pointer":"/l/0","value":9},{"pointer":"/n/x","value":1}])",
      R"([{"pointer":"/l","value":9},{"pointer":"/l/0","value":1}])",
      R"([{"pointer":"/l/-","value":1}])",
      R"([{"pointer":"/a","value":{"$counter":"x"}}])",
      R"([])",
      R"({})",
      R"([{"pointer":"a","value":1}])",
      R"([{"pointer":"/a"}])"};
  for (const char* edit : edits) {
    CAPTURE(edit);
    CHECK_FALSE(set(document, parse(edit), {}));
    CHECK(document.save() == saved);
  }
  CHECK_FALSE(unset(document, {ptr("/n"), ptr("/none")}, {}));
  CHECK(document.save() == saved);
  REQUIRE(set_one(document, "/n", 2));
  CHECK(plain(document) == parse(R"({"l":[1],"n":2,"t":"x"})"));
}

TEST_CASE("a dry run says what would change and keeps nothing", "[verbs]") {
  auto document = document_of(parse(R"({"a":1})"));
  const auto saved = document.save();
  const auto outcome = set(document, parse(R"([{"pointer":"/a","value":2}])"), {.dry_run = true});
  REQUIRE(outcome);
  CHECK_FALSE(outcome->unchanged);
  CHECK_FALSE(outcome->change);
  CHECK(outcome->ops == 1);
  CHECK(outcome->summary == "replace /a");
  CHECK(document.save() == saved);
}

TEST_CASE("if-heads stops an edit when the document has moved on", "[verbs]") {
  auto document = document_of(parse(R"({"a":1})"));
  const auto old_heads = format_heads(document.heads());
  REQUIRE(set_one(document, "/a", 2));

  const json edit = parse(R"([{"pointer":"/a","value":3}])");
  const auto stale = set(document, edit, {.if_heads = old_heads});
  REQUIRE(error_id(stale) == "heads.moved");
  CHECK(stale.error().message ==
        "the document has moved on: expected heads " + old_heads.substr(0, 7) + ", found " +
            format_heads_short(document.heads()) + "\n1 change since: replace /a");
  CHECK(stale.error().hint ==
        "use --base " + old_heads.substr(0, 7) + " to merge with it, or read again");
  CHECK(error_id(set(document, edit, {.if_heads = "0000000"})) == "rev.not_found");
  CHECK(set(document, edit, {.if_heads = format_heads_short(document.heads())}));
}

TEST_CASE("if-value and if-absent judge the value before the edit", "[verbs]") {
  auto document = document_of(parse(R"({"a":1,"c":{"$counter":2},"l":[1]})"));
  const json one = 1, two = 2, doc = parse(R"({"a":1,"c":2,"l":[1]})");
  const auto set_with = [&](const char* pointer, const WriteOptions& options) {
    return set(document, json::array({{{"pointer", pointer}, {"value", 9}}}), options);
  };

  WriteOptions dry{.dry_run = true};
  dry.if_value = &one;
  CHECK(set_with("/a", dry));
  CHECK(error_id(set_with("/c", dry)) == "value.mismatch");
  CHECK(error_id(set_with("/none", dry)) == "value.mismatch");
  dry.if_value = &two;
  CHECK(set_with("/c", dry));
  const auto mismatch = set_with("/a", dry);
  REQUIRE(error_id(mismatch) == "value.mismatch");
  CHECK(mismatch.error().message == "/a is 1, expected 2");
  dry.if_value = &doc;
  CHECK(apply(document, parse("{}"), std::nullopt, dry));
  dry.if_value = &one;
  CHECK(error_id(apply(document, parse("{}"), std::nullopt, dry)) == "value.mismatch");

  const WriteOptions absent{.if_absent = true};
  CHECK(error_id(set_with("/a", absent)) == "value.mismatch");
  CHECK(set_with("/fresh", absent));
  CHECK(insert(document, ptr("/l/-"), parse("[2]"), absent));
  CHECK(error_id(insert(document, ptr("/l/0"), parse("[2]"), absent)) == "value.mismatch");
  auto fresh = empty_document();
  CHECK(apply(fresh, parse(R"({"a":1})"), std::nullopt, absent));
  CHECK(error_id(apply(fresh, parse(R"({"a":2})"), std::nullopt, absent)) == "value.mismatch");
}

TEST_CASE("an edit with a base merges with what came since", "[verbs]") {
  auto document = document_of(parse(R"({"l":["a","b","c"],"x":1})"));
  const auto base = format_heads(document.heads());
  REQUIRE(insert(document, ptr("/l/0"), parse(R"(["first"])"), {}));

  SECTION("an index means the element that stood there") {
    REQUIRE(set(document, parse(R"([{"pointer":"/l/1","value":"B"}])"), {.base = base}));
    CHECK(plain(document, "/l") == parse(R"(["first","a","B","c"])"));
  }
  SECTION("two edits of one field are a conflict, nothing is lost") {
    REQUIRE(set_one(document, "/x", 2));
    REQUIRE(set(document, parse(R"([{"pointer":"/x","value":3}])"), {.base = base}));
    CHECK(conflicts(document, "d").size() == 1);
  }
  SECTION("later pairs see what earlier ones did") {
    REQUIRE(set(document, parse(R"([{"pointer":"/n","value":{}},{"pointer":"/n/k","value":1}])"),
                {.base = base}));
    CHECK(plain(document, "/n") == parse(R"({"k":1})"));
  }
  SECTION("apply from one base twice keeps both edits") {
    REQUIRE(
        apply(document, parse(R"({"l":["a","b","c"],"x":1,"p":1})"), std::nullopt, {.base = base}));
    REQUIRE(
        apply(document, parse(R"({"l":["a","b","c"],"x":1,"q":2})"), std::nullopt, {.base = base}));
    CHECK(plain(document) == parse(R"({"l":["first","a","b","c"],"x":1,"p":1,"q":2})"));
  }
  SECTION("a dry run and a failure leave no trace") {
    const auto saved = document.save();
    REQUIRE(
        set(document, parse(R"([{"pointer":"/x","value":3}])"), {.base = base, .dry_run = true}));
    CHECK(document.save() == saved);
    CHECK_FALSE(set(document, parse(R"([{"pointer":"/x","value":3},{"pointer":"/q/r","value":3}])"),
                    {.base = base}));
    CHECK(document.save() == saved);
  }
  CHECK(error_id(set(document, parse(R"([{"pointer":"/x","value":3}])"), {.base = "fffffff"})) ==
        "rev.not_found");
}

TEST_CASE("control requests run as edits", "[verbs]") {
  auto document = document_of(parse(R"({"l":[1],"c":{"$counter":0},"t":"ab"})"));
  const auto run = [&](const char* method, const char* params) {
    return run_edit(document, method, parse(params), {});
  };
  REQUIRE(run("doc.set", R"({"doc":"x","edits":[{"pointer":"/a","value":1}],"message":"m"})"));
  REQUIRE(run("doc.unset", R"({"pointers":["/a"]})"));
  REQUIRE(run("doc.insert", R"({"pointer":"/l/-","values":[2,3]})"));
  REQUIRE(run("doc.incr", R"({"pointer":"/c"})"));
  REQUIRE(run("doc.incr", R"({"pointer":"/c","amount":-5})"));
  REQUIRE(run("doc.splice", R"({"pointer":"/t","index":1,"delete":1,"text":"cd"})"));
  REQUIRE(run("doc.patch", R"({"patch":[{"op":"add","path":"/p","value":true}]})"));
  REQUIRE(run("doc.patch", R"({"type":"merge","patch":{"q":1}})"));
  CHECK(plain(document) == parse(R"({"l":[1,2,3],"c":-4,"t":"acd","p":true,"q":1})"));
  REQUIRE(run("doc.apply", R"({"value":{"l":[1]},"dry_run":true})"));
  REQUIRE(run("doc.apply", R"({"value":{"l":[1]}})"));
  CHECK(plain(document) == parse(R"({"l":[1]})"));
  CHECK(error_id(run("doc.set", R"({"edits":[{"pointer":"/l","value":1}],"if_value":null})")) ==
        "value.mismatch");
}

TEST_CASE("control requests of the wrong shape are refused", "[verbs]") {
  auto document = document_of(parse(R"({"l":[1],"c":{"$counter":0},"t":"ab"})"));
  const std::vector<std::pair<const char*, const char*>> bad{
      {"doc.set", "{}"},
      {"doc.set", "[]"},
      {"doc.set", R"({"edits":[{"pointer":"/a","value":1}],"message":3})"},
      {"doc.set", R"({"edits":[{"pointer":"/a","value":1}],"dry_run":"yes"})"},
      {"doc.unset", R"({"pointers":"/a"})"},
      {"doc.unset", R"({"pointers":[]})"},
      {"doc.unset", R"({"pointers":[1]})"},
      {"doc.insert", R"({"pointer":"/l/-"})"},
      {"doc.insert", R"({"values":[1]})"},
      {"doc.incr", R"({"pointer":"/c","amount":1.5})"},
      {"doc.incr", R"({"pointer":"/c","amount":9223372036854775808})"},
      {"doc.splice", R"({"pointer":"/t","index":-1,"delete":0})"},
      {"doc.splice", R"({"pointer":"/t","index":0})"},
      {"doc.patch", R"({"type":"diff","patch":[]})"},
      {"doc.patch", R"({})"},
      {"doc.apply", R"({})"},
      {"doc.apply", R"({"value":{},"list_key":1})"},
      {"doc.set", R"({"edits":[{"pointer":"/a","value":1}],"if_value":1,"if_absent":true})"},
  };
  for (const auto& [method, params] : bad) {
    CAPTURE(method, params);
    CHECK(error_id(run_edit(document, method, parse(params), {})) == "usage.argument");
  }
  CHECK(error_id(run_edit(document, "doc.get", parse("{}"), {})) == "usage.command");
  CHECK(is_edit_method("doc.apply"));
  CHECK_FALSE(is_edit_method("doc.get"));
}

}  // namespace converge::verbs
