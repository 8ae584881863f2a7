#include "core/verbs/jsonpath.h"

#include "core/verbs/iregexp.h"
#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>

namespace converge::verbs {
using namespace testing;

namespace {

/// The values a query finds, as compact JSON; the error's id where there is one.
std::string found(const json& value, std::string_view query) {
  const auto path = JsonPath::parse(query);
  if (!path) return path.error().id;
  const auto nodes = path->select(value);
  if (!nodes) return nodes.error().id;
  json out = json::array();
  for (const auto& node : *nodes) out.push_back(*node.value);
  return out.dump();
}

struct Row {
  const char* query;
  const char* values;  ///< a list, any JSON spelling
};

void check_rows(const char* value, const std::vector<Row>& rows) {
  const json searched = parse(value);
  for (const auto& row : rows) {
    CAPTURE(row.query);
    CHECK(found(searched, row.query) == parse(row.values).dump());
  }
}

const char* const kStore = R"({"store":{"book":[
  {"category":"reference","author":"Nigel Rees","title":"Sayings of the Century","price":8.95},
  {"category":"fiction","author":"Evelyn Waugh","title":"Sword of Honour","price":12.99},
  {"category":"fiction","author":"Herman Melville","title":"Moby Dick","isbn":"0-553-21311-3",
   "price":8.99},
  {"category":"fiction","author":"J. R. R. Tolkien","title":"The Lord of the Rings",
   "isbn":"0-395-19395-8","price":22.99}],
  "bicycle":{"color":"red","price":399}}})";

}  // namespace

TEST_CASE("queries of RFC 9535 section 1.5 find what it says", "[verbs]") {
  check_rows(kStore, {{"$.store.book[*].author",
                       R"(["Nigel Rees","Evelyn Waugh","Herman Melville","J. R. R. Tolkien"])"},
                      {"$..author",
                       R"(["Nigel Rees","Evelyn Waugh","Herman Melville","J. R. R. Tolkien"])"},
                      {"$.store..price", "[399,8.95,12.99,8.99,22.99]"},
                      {"$..book[2].author", R"(["Herman Melville"])"},
                      {"$..book[2].publisher", "[]"},
                      {"$..book[-1].title", R"(["The Lord of the Rings"])"},
                      {"$..book[0,1].price", "[8.95,12.99]"},
                      {"$..book[:2].price", "[8.95,12.99]"},
                      {"$..book[?@.isbn].price", "[8.99,22.99]"},
                      {"$..book[?@.price<10].title", R"(["Sayings of the Century","Moby Dick"])"}});
  CHECK(JsonPath::parse("$..*")->select(parse(kStore))->size() == 27);
}

TEST_CASE("selectors of RFC 9535 section 2.3", "[verbs]") {
  check_rows(R"({"o":{"j j":{"k.k":3}},"'":{"@":2}})", {{"$.o['j j']", R"([{"k.k":3}])"},
                                                        {"$.o['j j']['k.k']", "[3]"},
                                                        {"$.o[\"j j\"][\"k.k\"]", "[3]"},
                                                        {"$[\"'\"][\"@\"]", "[2]"},
                                                        {"$['\\'']['@']", "[2]"}});
  check_rows(R"({"o":{"j":1,"k":2},"a":[5,3]})", {{"$[*]", R"([[5,3],{"j":1,"k":2}])"},
                                                  {"$.o[*]", "[1,2]"},
                                                  {"$.o[*, *]", "[1,2,1,2]"},
                                                  {"$.a[*]", "[5,3]"}});
  check_rows(R"(["a","b"])", {{"$[1]", R"(["b"])"},
                              {"$[-2]", R"(["a"])"},
                              {"$[2]", "[]"},
                              {"$[-3]", "[]"},
                              {"$.a", "[]"},
                              {"$['0']", "[]"}});
  check_rows(R"(["a","b","c","d","e","f","g"])",
             {{"$[1:3]", R"(["b","c"])"},
              {"$[5:]", R"(["f","g"])"},
              {"$[1:5:2]", R"(["b","d"])"},
              {"$[5:1:-2]", R"(["f","d"])"},
              {"$[::-1]", R"(["g","f","e","d","c","b","a"])"},
              {"$[ : : ]", R"(["a","b","c","d","e","f","g"])"},
              {"$[-2:]", R"(["f","g"])"},
              {"$[:-5]", R"(["a","b"])"},
              {"$[1:3:0]", "[]"},
              {"$[10:]", "[]"},
              {"$[3:1]", "[]"},
              {"$[-100:100]", R"(["a","b","c","d","e","f","g"])"},
              {"$[100:-100:-3]", R"(["g","d","a"])"}});
}

TEST_CASE("comparisons of RFC 9535 section 2.3.5", "[verbs]") {
  const json value = parse(R"({"obj":{"x":"y"},"arr":[2,3]})");
  const auto holds = [&](const std::string& condition) {
    return found(json::array({value}), "$[?" + condition + "]") != "[]";
  };
  const std::vector<std::pair<const char*, bool>> rows{
      {"@.absent1 == @.absent2", true},
      {"@.absent1 <= @.absent2", true},
      {"@.absent == 'g'", false},
      {"@.absent1 != @.absent2", false},
      {"@.absent != 'g'", true},
      {"1 <= 2", true},
      {"1 > 2", false},
      {"13 == '13'", false},
      {"'a' <= 'b'", true},
      {"'a' > 'b'", false},
      {"@.obj == @.arr", false},
      {"@.obj != @.arr", true},
      {"@.obj == @.obj", true},
      {"@.obj != @.obj", false},
      {"@.arr == @.arr", true},
      {"@.arr != @.arr", false},
      {"@.obj == 17", false},
      {"@.obj != 17", true},
      {"@.obj <= @.arr", false},
      {"@.obj < @.arr", false},
      {"@.obj <= @.obj", true},
      {"@.arr <= @.arr", true},
      {"1 <= @.arr", false},
      {"1 >= @.arr", false},
      {"1 > @.arr", false},
      {"1 < @.arr", false},
      {"true <= true", true},
      {"true > true", false},
      {"1 == 1.0", true},
      {"1e2 == 100", true},
      {"-0 == 0", true},
      {"null == null", true},
      {"'\\u00e9' == 'é'", true},
  };
  for (const auto& [condition, expected] : rows) {
    CAPTURE(condition);
    CHECK(holds(condition) == expected);
  }
}

TEST_CASE("filters of RFC 9535 section 2.3.5.3", "[verbs]") {
  check_rows(R"({"a":[3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}],
                 "o":{"p":1,"q":2,"r":3,"s":5,"t":{"u":6}},"e":"f"})",
             {{"$.a[?@.b == 'kilo']", R"([{"b":"kilo"}])"},
              {"$.a[?(@.b == 'kilo')]", R"([{"b":"kilo"}])"},
              {"$.a[?@>3.5]", "[5,4,6]"},
              {"$.a[?@.b]", R"([{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}])"},
              {"$[?@.*]", R"([[3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}],
                            {"p":1,"q":2,"r":3,"s":5,"t":{"u":6}}])"},
              {"$[?@[?@.b]]", R"([[3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}]])"},
              {"$.o[?@<3, ?@<3]", "[1,2,1,2]"},
              {"$.a[?@<2 || @.b == \"k\"]", R"([1,{"b":"k"}])"},
              {"$.a[?match(@.b, \"[jk]\")]", R"([{"b":"j"},{"b":"k"}])"},
              {"$.a[?search(@.b, \"[jk]\")]", R"([{"b":"j"},{"b":"k"},{"b":"kilo"}])"},
              {"$.o[?@>1 && @<4]", "[2,3]"},
              {"$.o[?@.u || @.x]", R"([{"u":6}])"},
              {"$.a[?@.b == $.x]", "[3,5,1,2,4,6]"},
              {"$.a[?@ == @]", R"([3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}])"},
              {"$.a[?!@.b]", "[3,5,1,2,4,6]"},
              {"$.a[?!(@.b || @>2)]", "[1,2]"},
              {"$.a[?length(@.b) == 4]", R"([{"b":"kilo"}])"},
              {"$[?count(@.*) == 5]", R"([{"p":1,"q":2,"r":3,"s":5,"t":{"u":6}}])"},
              {"$[?value(@..u) == 6]", R"([{"p":1,"q":2,"r":3,"s":5,"t":{"u":6}}])"},
              {"$.a[?length(@.b) == length('ab') || @ == 6]", "[6]"}});
}

TEST_CASE("segments and null of RFC 9535 sections 2.5 and 2.6", "[verbs]") {
  check_rows(R"({"o":{"j":1,"k":2},"a":[5,3,[{"j":4},{"k":6}]]})",
             {{"$..j", "[4,1]"},
              {"$..[0]", R"([5,{"j":4}])"},
              {"$..o", R"([{"j":1,"k":2}])"},
              {"$.o..[*, *]", "[1,2,1,2]"},
              {"$.a..[0, 1]", R"([5,3,{"j":4},{"k":6}])"},
              {"$ .o ['j']", "[1]"}});
  check_rows(R"({"a":null,"b":[null],"c":[{}],"null":1})", {{"$.a", "[null]"},
                                                            {"$.a[0]", "[]"},
                                                            {"$.a.d", "[]"},
                                                            {"$.b[0]", "[null]"},
                                                            {"$.b[*]", "[null]"},
                                                            {"$.b[?@]", "[null]"},
                                                            {"$.b[?@==null]", "[null]"},
                                                            {"$.c[?@.d==null]", "[]"},
                                                            {"$.null", "[1]"}});
}

TEST_CASE("normalized paths name each node once", "[verbs]") {
  const json value = parse(R"({"a":{"b'\\\n\u000b":[1,2]}})");
  const auto nodes = JsonPath::parse("$..*")->select(value, true);
  REQUIRE(nodes);
  std::vector<std::string> paths;
  for (const auto& node : *nodes) paths.push_back(node.path);
  CHECK(paths == std::vector<std::string>{"$['a']", R"($['a']['b\'\\\n\u000b'])",
                                          R"($['a']['b\'\\\n\u000b'][0])",
                                          R"($['a']['b\'\\\n\u000b'][1])"});
  for (const auto& node : *nodes)
    CHECK(JsonPath::parse(node.path)->select(value)->front().value == node.value);
  CHECK(JsonPath::parse("$")->select(value, true)->front().path == "$");
}

TEST_CASE("what is no query is refused with its place", "[verbs]") {
  for (const char* text : {"",
                           " $",
                           "$ ",
                           "a",
                           "@.a",
                           "$.",
                           "$..",
                           "$...a",
                           "$.1",
                           "$.a.",
                           "$[",
                           "$[]",
                           "$[a]",
                           "$[01]",
                           "$[-0]",
                           "$[1.0]",
                           "$[9007199254740992]",
                           "$['a",
                           "$['\\x']",
                           "$['\\u12']",
                           "$['\\ud800']",
                           "$['\\udc00']",
                           "$['\\\"']",
                           "$[\"\\'\"]",
                           "$[1,]",
                           "$[,1]",
                           "$[1 2]",
                           "$[:::]",
                           "$[?]",
                           "$[?1]",
                           "$[?'a']",
                           "$[?true]",
                           "$[?@.a==]",
                           "$[?@.a == 1 == 2]",
                           "$[?(@.a]",
                           "$[?@.a &&]",
                           "$[?@.a & @.b]",
                           "$[?@.* == 1]",
                           "$[?@..a < 1]",
                           "$[?@[0,1] == 1]",
                           "$[?length(@)]",
                           "$[?length(@.*) == 1]",
                           "$[?count(1) == 1]",
                           "$[?count(@.*)]",
                           "$[?match(@.a, 'b') == true]",
                           "$[?match(@.a)]",
                           "$[?length() == 1]",
                           "$[?nope(@) == 1]",
                           "$[?length(@,@) == 1]",
                           "$[?length(@,) == 1]",
                           "$[?@.a == 01]",
                           "$[?@.a == 1.]",
                           "$[?@.a == 1e]",
                           "$[?@.a == +1]",
                           "$[?!1]",
                           "$[?!@.a == 1]",
                           "$[?@.a == True]",
                           "$ .",
                           "$. a",
                           "$.. a",
                           "\xff"}) {
    CAPTURE(text);
    const auto path = JsonPath::parse(text);
    CHECK(error_id(path) == "query.syntax");
  }
  CHECK(JsonPath::parse("$.a[").error().message ==
        "\"$.a[\" is not a JSONPath: a selector is missing, at byte 4");
}

TEST_CASE("a query is bounded in depth and in work", "[verbs]") {
  std::string deep = "$[?";
  for (int i = 0; i < 1000; ++i) deep += "(";
  CHECK(error_id(JsonPath::parse(deep + "@")) == "query.syntax");
  std::string nested = "$";
  for (int i = 0; i < 1000; ++i) nested += "[?@";
  CHECK(error_id(JsonPath::parse(nested)) == "query.syntax");

  json wide = json::array();
  for (int i = 0; i < 100; ++i) wide.push_back(json::array({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  CHECK(found(wide, "$[?count($[?count($[?count($..*)>0])>0])>0]") == "limit.exceeded");
}

TEST_CASE("regular expressions of RFC 9485", "[verbs]") {
  struct Case {
    const char* pattern;
    const char* text;
    bool whole;
    bool part;
  };
  const std::vector<Case> cases{
      {"abc", "abc", true, true},
      {"abc", "xabcx", false, true},
      {"", "", true, true},
      {"", "x", false, true},
      {"a|bc", "bc", true, true},
      {"a*", "aaa", true, true},
      {"a+", "", false, false},
      {"a?b", "ab", true, true},
      {"a{2}", "aa", true, true},
      {"a{2}", "aaa", false, true},
      {"a{2,3}", "aaa", true, true},
      {"a{2,}", "aaaaa", true, true},
      {"a{0}b", "b", true, true},
      {"(ab)+", "ababab", true, true},
      {"[a-c]+", "abcabc", true, true},
      {"[^a-c]", "d", true, true},
      {"[-a]", "-", true, true},
      {"[a-]", "-", true, true},
      {"a.c", "aéc", true, true},
      {"a.c", "a\nc", false, false},
      {"\\.\\n\\t", ".\n\t", true, true},
      {"[\\]\\-]", "]", true, true},
      {"é{2}", "éé", true, true},
      {"^ab.*", "abc", true, true},
      {"^b", "ab", false, false},
      {".*bc$", "abc", true, true},
      {"b$", "abc", false, false},
      {"a$|^b", "ba", false, true},
      {"^$", "", true, true},
      {"[^^$]", "$", false, false},
      {"\\$\\^", "$^", true, true},
      {"1974-05-..", "1974-05-01", true, true},
      {"(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false, false},
  };
  for (const auto& row : cases) {
    CAPTURE(row.pattern, row.text);
    const auto regexp = IRegexp::parse(row.pattern);
    REQUIRE(regexp);
    CHECK(regexp->matches(row.text) == row.whole);
    CHECK(regexp->found_in(row.text) == row.part);
  }
  for (const char* pattern : {"(", ")", "a)", "[", "[]", "[z-a]", "*", "a**b{", "a{2,1}", "a{x}",
                              "\\q", "\\p{L}", "a{1001}", "(((a{999}){999}){999})", "\xff"}) {
    CAPTURE(pattern);
    CHECK_FALSE(IRegexp::parse(pattern));
  }
}

}  // namespace converge::verbs
