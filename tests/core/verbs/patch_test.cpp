#include "core/verbs/diff.h"
#include "core/verbs/edits.h"
#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>

namespace converge::verbs {
using namespace testing;

namespace {

struct Example {
  const char* what;
  const char* before;
  const char* patch;
  const char* after;  ///< null: the patch fails and changes nothing
};

/// RFC 6902 appendix A, by number; A.17's point (paths are not names) is in A.14.
const std::vector<Example> kRfc6902{
    {"A.1", R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])",
     R"({"baz":"qux","foo":"bar"})"},
    {"A.2", R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])",
     R"({"foo":["bar","qux","baz"]})"},
    {"A.3", R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])",
     R"({"foo":"bar"})"},
    {"A.4", R"({"foo":["bar","qux","baz"]})", R"([{"op":"remove","path":"/foo/1"}])",
     R"({"foo":["bar","baz"]})"},
    {"A.5", R"({"baz":"qux","foo":"bar"})", R"([{"op":"replace","path":"/baz","value":"boo"}])",
     R"({"baz":"boo","foo":"bar"})"},
    {"A.6", R"({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}})",
     R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])",
     R"({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}})"},
    {"A.7", R"({"foo":["all","grass","cows","eat"]})",
     R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])",
     R"({"foo":["all","cows","eat","grass"]})"},
    {"A.8", R"({"baz":"qux","foo":["a",2,"c"]})",
     R"([{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}])",
     R"({"baz":"qux","foo":["a",2,"c"]})"},
    {"A.9", R"({"baz":"qux"})", R"([{"op":"test","path":"/baz","value":"bar"}])", nullptr},
    {"A.10", R"({"foo":"bar"})", R"([{"op":"add","path":"/child","value":{"grandchild":{}}}])",
     R"({"foo":"bar","child":{"grandchild":{}}})"},
    {"A.11", R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux","xyz":123}])",
     R"({"foo":"bar","baz":"qux"})"},
    {"A.12", R"({"foo":"bar"})", R"([{"op":"add","path":"/baz/bat","value":"qux"}])", nullptr},
    {"A.14", R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":10}])",
     R"({"/":9,"~1":10})"},
    {"A.15", R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":"10"}])", nullptr},
    {"A.16", R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc","def"]}])",
     R"({"foo":["bar",["abc","def"]]})"},
    {"copy", R"({"a":{"b":[1]}})", R"([{"op":"copy","from":"/a/b","path":"/c"}])",
     R"({"a":{"b":[1]},"c":[1]})"},
    {"sequence", R"({})",
     R"([{"op":"add","path":"/a","value":[]},{"op":"add","path":"/a/0","value":1},
         {"op":"add","path":"/a/0","value":0},{"op":"replace","path":"/a/1","value":2}])",
     R"({"a":[0,2]})"},
    {"whole document", R"({"a":1})", R"([{"op":"replace","path":"","value":{"b":2}}])",
     R"({"b":2})"},
    {"move onto itself", R"({"a":1})", R"([{"op":"move","from":"/a","path":"/a"}])", R"({"a":1})"},
    {"move into itself", R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", nullptr},
    {"index beyond", R"({"a":[1]})", R"([{"op":"add","path":"/a/2","value":1}])", nullptr},
    {"leading zero", R"({"a":[1]})", R"([{"op":"replace","path":"/a/00","value":1}])", nullptr},
    {"replace past the end", R"({"a":[1]})", R"([{"op":"replace","path":"/a/-","value":1}])",
     nullptr},
    {"remove nothing", R"({"a":1})", R"([{"op":"remove","path":"/b"}])", nullptr},
    {"half fails", R"({"a":1})", R"([{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}])",
     nullptr},
};

/// RFC 7396 appendix A, as far as both sides are objects.
const std::vector<Example> kRfc7396{
    {"1", R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
    {"2", R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
    {"3", R"({"a":"b"})", R"({"a":null})", R"({})"},
    {"4", R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
    {"5", R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
    {"6", R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
    {"7", R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
    {"8", R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
    {"13", R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
    {"15", R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
    {"typed", R"({"n":1})", R"({"n":{"$counter":2},"m":{"x":null,"y":{"$str":"s"}}})",
     R"({"n":2,"m":{"y":"s"}})"},
};

}  // namespace

TEST_CASE("JSON patches do what RFC 6902 says", "[verbs]") {
  for (const auto& example : kRfc6902) {
    CAPTURE(example.what);
    auto document = document_of(parse(example.before));
    const auto saved = document.save();
    const auto outcome = patch(document, PatchType::kJson, parse(example.patch), {});
    const auto on_json = apply_patch_to_json(parse(example.before), parse(example.patch));

    CHECK(outcome.has_value() == (example.after != nullptr));
    CHECK(on_json.has_value() == (example.after != nullptr));
    if (example.after == nullptr) {
      CHECK(document.save() == saved);
      CHECK(error_id(outcome) == error_id(on_json));
    } else {
      CHECK(plain(document) == parse(example.after));
      CHECK(*on_json == parse(example.after));
    }
  }
}

TEST_CASE("merge patches do what RFC 7396 says", "[verbs]") {
  for (const auto& example : kRfc7396) {
    CAPTURE(example.what);
    auto document = document_of(parse(example.before));
    REQUIRE(patch(document, PatchType::kMerge, parse(example.patch), {}));
    CHECK(plain(document) == parse(example.after));
  }
  CHECK(apply_merge_patch_to_json(parse(R"(["a","b"])"), parse(R"(["c","d"])")) ==
        parse(R"(["c","d"])"));
  CHECK(apply_merge_patch_to_json(parse("[1,2]"), parse(R"({"a":"b","c":null})")) ==
        parse(R"({"a":"b"})"));
  auto document = document_of(parse("{}"));
  CHECK(error_id(patch(document, PatchType::kMerge, parse("[]"), {})) == "path.type");
}

TEST_CASE("a failed test names the operation", "[verbs]") {
  auto document = document_of(parse(R"({"a":1})"));
  const auto outcome =
      patch(document, PatchType::kJson, parse(R"([{"op":"test","path":"/a","value":1},
                                       {"op":"test","path":"/a","value":2}])"),
            {});
  REQUIRE(error_id(outcome) == "value.mismatch");
  CHECK(outcome.error().message ==
        "operation 1 of the patch: the patch's test failed: /a holds another value");
}

TEST_CASE("what is no patch is refused", "[verbs]") {
  auto document = document_of(parse(R"({"a":1})"));
  for (const char* text :
       {"{}", "[1]", "[{}]", R"([{"op":"add","path":"/x"}])", R"([{"op":"add","value":1}])",
        R"([{"op":"spam","path":"/x"}])", R"([{"op":"move","path":"/x"}])",
        R"([{"op":"add","path":"x","value":1}])", R"([{"op":1,"path":"/x"}])",
        R"([{"op":"add","path":"/x","value":{"$counter":"a"}}])"}) {
    CAPTURE(text);
    CHECK(error_id(patch(document, PatchType::kJson, parse(text), {})) == "input.json");
  }
}

TEST_CASE("moving keeps the types", "[verbs]") {
  auto document =
      document_of(parse(R"({"a":{"c":{"$counter":3},"s":{"$str":"x"},"t":{"$text":"y"}}})"));
  const json before = typed(document, "/a");
  REQUIRE(
      patch(document, PatchType::kJson, parse(R"([{"op":"move","from":"/a","path":"/b"}])"), {}));
  CHECK(typed(document) == json{{"b", before}});
}

}  // namespace converge::verbs
