#include "core/verbs/pointer.h"

#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>

namespace converge::verbs {
using namespace testing;

TEST_CASE("pointers of RFC 6901 section 5 lead where it says", "[verbs]") {
  const auto document = document_of(parse(R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,
      "g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8})"));

  CHECK(plain(document, "/foo") == parse(R"(["bar","baz"])"));
  CHECK(plain(document, "/foo/0") == "bar");
  CHECK(plain(document, "/") == 0);
  CHECK(plain(document, "/a~1b") == 1);
  CHECK(plain(document, "/c%d") == 2);
  CHECK(plain(document, "/e^f") == 3);
  CHECK(plain(document, "/g|h") == 4);
  CHECK(plain(document, "/i\\j") == 5);
  CHECK(plain(document, "/k\"l") == 6);
  CHECK(plain(document, "/ ") == 7);
  CHECK(plain(document, "/m~0n") == 8);
  CHECK(plain(document, "").size() == 10);
}

TEST_CASE("a pointer's text parses back to it", "[verbs]") {
  for (const char* text : {"", "/", "/a/b", "/~0/~1/~01", "//", "/items/0/-"}) {
    CAPTURE(text);
    CHECK(ptr(text).text() == text);
  }
  CHECK(ptr("/~01").parts == std::vector<std::string>{"~1"});
}

TEST_CASE("a text that is no pointer is refused with a correction", "[verbs]") {
  const auto no_slash = Pointer::parse("items/0");
  CHECK(error_id(no_slash) == "usage.argument");
  CHECK(no_slash.error().hint == "did you mean \"/items/0\"?");
  CHECK(error_id(Pointer::parse("/a~")) == "usage.argument");
  CHECK(error_id(Pointer::parse("/a~2")) == "usage.argument");
}

TEST_CASE("an index has one spelling", "[verbs]") {
  CHECK(parse_index("0") == 0u);
  CHECK(parse_index("10") == 10u);
  for (const char* text : {"", "00", "01", "-", "-1", "+1", "1a", " 1", "99999999999999999999999"})
    CHECK_FALSE(parse_index(text));
}

TEST_CASE("resolving names the pointer and the place where it fails", "[verbs]") {
  const auto document = document_of(parse(R"({"items":[{"t":"x"}],"n":1})"));
  const auto view = document.now();
  const auto fails = [&](const char* text) {
    const auto place = resolve(view, ptr(text));
    REQUIRE_FALSE(place);
    return place.error().id + ": " + place.error().message;
  };

  CHECK(fails("/nope/a") == "path.not_found: /nope/a: there is nothing at /nope");
  CHECK(fails("/n/a") == "path.type: /n/a: /n is a number, it has no parts");
  CHECK(fails("/items/0/t/0") == "path.type: /items/0/t/0: /items/0/t is text, it has no parts");
  CHECK(fails("/items/x") == "path.type: /items/x: /items is a list, \"x\" is no index");
  CHECK(fails("/items/2") ==
        "path.not_found: /items/2: index 2 is beyond the end of /items, a list of 1");
  CHECK(fails("/items/-/t") == "path.not_found: /items/-/t: there is nothing at /items/-");
}

TEST_CASE("a place past the end has no value", "[verbs]") {
  const auto document = document_of(parse(R"({"items":[1]})"));
  const auto view = document.now();
  for (const char* text : {"/items/-", "/items/1", "/absent"}) {
    CAPTURE(text);
    const auto place = resolve(view, ptr(text));
    REQUIRE(place);
    CHECK_FALSE(place->value);
    CHECK(error_id(resolve_existing(view, ptr(text))) == "path.not_found");
  }
}

}  // namespace converge::verbs
