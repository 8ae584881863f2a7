#include "core/verbs/value.h"

#include "core/base/limits.h"
#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>

#include <cmath>

namespace converge::verbs {
using namespace testing;

TEST_CASE("the contract's example of the typed form reads and writes unchanged", "[verbs]") {
  const json example = parse(
      R"({"count":{"$counter":3},"when":{"$timestamp":"2026-11-20T09:00:00.000Z"},
          "blob":{"$bytes":"AAEC"},"body":{"$text":"hello"},"label":"a plain scalar string",
          "big":{"$uint":"18446744073709551615"},"x":{"$float":3}})");

  const auto document = document_of(example);

  CHECK(typed(document) == example);
  CHECK(plain(document) ==
        parse(R"({"count":3,"when":"2026-11-20T09:00:00.000Z","blob":"AAEC","body":"hello",
                  "label":"a plain scalar string","big":18446744073709551615,"x":3.0})"));
  CHECK(document.now().get(model::kRoot, "label")->scalar ==
        Scalar::string("a plain scalar string"));
  CHECK(document.now().get(model::kRoot, "body")->object == engine::ObjType::kText);
}

TEST_CASE("bare JSON becomes text, ints and floats", "[verbs]") {
  const auto document = document_of(parse(
      R"({"s":"hi","i":-3,"f":1.5,"g":3.0,"e":1e3,"u":18446744073709551615,"t":true,"n":null})"));
  const auto view = document.now();
  const auto scalar = [&](const char* key) { return view.get(model::kRoot, key)->scalar; };

  CHECK(view.get(model::kRoot, "s")->object == engine::ObjType::kText);
  CHECK(scalar("i") == Scalar::integer(-3));
  CHECK(scalar("f") == Scalar::float64(1.5));
  CHECK(scalar("g") == Scalar::float64(3));
  CHECK(scalar("e") == Scalar::float64(1000));
  CHECK(scalar("u") == Scalar::uint(~std::uint64_t{0}));
  CHECK(scalar("t") == Scalar::boolean(true));
  CHECK(scalar("n") == Scalar::null());
}

TEST_CASE("a counter beside bare strings leaves them text", "[verbs]") {
  const auto document = document_of(parse(R"({"title":"milk","votes":{"$counter":0}})"));
  CHECK(document.now().get(model::kRoot, "title")->object == engine::ObjType::kText);
}

TEST_CASE("every scalar type survives the typed form", "[verbs]") {
  Scalar unknown;
  unknown.type = 13;
  unknown.raw = std::string("\x00\xff", 2);
  const std::vector<Scalar> scalars{Scalar::null(),
                                    Scalar::boolean(false),
                                    Scalar::uint(0),
                                    Scalar::uint(1u << 31),
                                    Scalar::uint(~0ull),
                                    Scalar::integer(INT64_MIN),
                                    Scalar::integer(7),
                                    Scalar::float64(0.1),
                                    Scalar::float64(-0.0),
                                    Scalar::float64(1e300),
                                    Scalar::float64(9007199254740993.0),
                                    Scalar::float64(NAN),
                                    Scalar::float64(-INFINITY),
                                    Scalar::float64(1e16),
                                    Scalar::string(""),
                                    Scalar::string("$x"),
                                    Scalar::bytes({}),
                                    Scalar::counter(INT64_MAX),
                                    Scalar::counter(-1),
                                    Scalar::timestamp(0),
                                    Scalar::timestamp(INT64_MAX),
                                    Scalar::timestamp(-62'167'219'200'001),
                                    unknown};
  for (const auto& scalar : scalars) {
    auto document = empty_document();
    {
      auto edit = document.transact();
      REQUIRE(edit.put(model::kRoot, "v", scalar));
      edit.commit();
    }

    const json form = typed(document, "/v");
    CAPTURE(form.dump());
    // Through text, as it would go through a pipe.
    auto copy = empty_document();
    REQUIRE(set_one(copy, "/v", parse(form.dump())));

    CHECK(copy.now().get(model::kRoot, "v")->scalar == scalar);
  }
}

TEST_CASE("keys that begin with a dollar are escaped in the typed form only", "[verbs]") {
  auto document = document_of(parse(R"({"$$ref":1,"$$$x":2})"));
  CHECK(document.now().keys(model::kRoot) == std::vector<std::string>{"$$x", "$ref"});
  CHECK(plain(document) == parse(R"({"$ref":1,"$$x":2})"));
  CHECK(typed(document) == parse(R"({"$$ref":1,"$$$x":2})"));
}

TEST_CASE("broken typed forms are refused with their place", "[verbs]") {
  const std::vector<std::pair<const char*, const char*>> cases{
      {R"({"a":{"$conuter":3}})", "the value at /a: \"$conuter\" is not one of the typed forms"},
      {R"({"a":[{"$counter":3,"b":1}]})",
       "the value at /a/0: \"$counter\" must be the only key of its object"},
      {R"({"$counter":1.5})", "the value: \"$counter\" takes a whole number within 64 bits"},
      {R"({"$counter":9223372036854775808})",
       "the value: \"$counter\" takes a whole number within 64 bits"},
      {R"({"$uint":-1})",
       "the value: \"$uint\" takes a whole number from 0 to 18446744073709551615"},
      {R"({"$bytes":"A"})", "the value: \"$bytes\" takes base64 with padding"},
      {R"({"$text":3})", "the value: \"$text\" takes a string"},
      {R"({"$str":null})", "the value: \"$str\" takes a string"},
      {R"({"$float":"many"})",
       "the value: \"$float\" takes a number, \"NaN\", \"Infinity\" or \"-Infinity\""},
      {R"({"$timestamp":"noon"})",
       "the value: \"$timestamp\" takes a time such as \"2026-11-20T09:00:00.000Z\", or "
       "milliseconds"},
      {R"({"$unknown":{"type":3,"bytes":""}})",
       "the value: \"$unknown\" takes an object of \"type\" (10 to 15) and \"bytes\" (base64)"},
  };
  for (const auto& [text, message] : cases) {
    const auto result = check_writable(parse(text));
    REQUIRE(error_id(result) == "input.json");
    CHECK(result.error().message == message);
  }
}

TEST_CASE("strings and keys that are not UTF-8 are refused", "[verbs]") {
  CHECK(error_id(check_writable(json("\xff"))) == "input.json");
  CHECK(error_id(check_writable(json{{"\xc0", 1}})) == "input.json");
  CHECK(error_id(check_writable(json{{"a", {{"$str", "\xed\xa0\x80"}}}})) == "input.json");
}

TEST_CASE("JSON that is nested too deeply is refused at the limit", "[verbs]") {
  json value = 1;
  for (int i = 0; i < limits::kJsonDepthMax; ++i) value = json::array({value});
  CHECK(check_writable(value));
  value = json::array({value});
  CHECK(error_id(check_writable(value)) == "limit.exceeded");
}

TEST_CASE("a document may be nested deeper than a read shows", "[verbs]") {
  auto document = empty_document();
  {
    auto edit = document.transact();
    engine::ObjId at = model::kRoot;
    for (std::size_t i = 0; i < kReadDepthMax - 1; ++i)
      at = *edit.put_object(at, "k", engine::ObjType::kMap);
    edit.commit();
  }
  CHECK(object_to_json(document.now(), model::kRoot));
  {
    auto edit = document.transact();
    engine::ObjId at = model::kRoot;
    for (std::size_t i = 0; i < kReadDepthMax; ++i)
      at = *edit.put_object(at, "k", engine::ObjType::kMap);
    edit.commit();
  }
  CHECK(error_id(object_to_json(document.now(), model::kRoot)) == "limit.exceeded");
}

TEST_CASE("values that plain JSON cannot show are counted", "[verbs]") {
  const auto document = document_of(
      parse(R"({"a":{"$float":"NaN"},"b":[null,{"$unknown":{"type":12,"bytes":""}}],"c":1})"));
  std::size_t unshown = 0;
  const auto value =
      object_to_json(document.now(), model::kRoot, {.form = Form::kPlain, .unshown = &unshown});
  CHECK(*value == parse(R"({"a":null,"b":[null,null],"c":1})"));
  CHECK(unshown == 2);
}

TEST_CASE("nested values are written breadth first", "[verbs]") {
  const auto document = document_of(parse(R"({"v":{"b":[{"x":1}],"a":{"y":[2]}}})"));
  const auto id = [&](const char* pointer) {
    return resolve_existing(document.now(), ptr(pointer))->value->id.counter;
  };
  CHECK(id("/v") == 1);
  CHECK(id("/v/a") == 2);
  CHECK(id("/v/b") == 3);
  CHECK(id("/v/a/y") == 4);
  CHECK(id("/v/b/0") == 5);
  CHECK(id("/v/a/y/0") == 6);
  CHECK(id("/v/b/0/x") == 7);
}

TEST_CASE("words of the command line become typed JSON", "[verbs]") {
  const auto of = [](const char* type, const char* word) { return json_of_type(type, word); };
  CHECK(*of("text", "hi") == json("hi"));
  CHECK(*of("str", "hi") == parse(R"({"$str":"hi"})"));
  CHECK(*of("int", "-5") == json(-5));
  CHECK(*of("uint", "5") == parse(R"({"$uint":"5"})"));
  CHECK(*of("float", "3") == parse(R"({"$float":3.0})"));
  CHECK(*of("float", "NaN") == parse(R"({"$float":"NaN"})"));
  CHECK(*of("counter", "0") == parse(R"({"$counter":"0"})"));
  CHECK(*of("timestamp", "2026-11-20T09:00:00Z") ==
        parse(R"({"$timestamp":"2026-11-20T09:00:00Z"})"));
  CHECK(*of("bytes", "AAEC") == parse(R"({"$bytes":"AAEC"})"));
  CHECK(*of("bool", "true") == json(true));
  CHECK(*of("null", "null") == json(nullptr));

  for (const auto& [type, word] :
       std::vector<std::pair<const char*, const char*>>{{"int", "1.5"},
                                                        {"int", ""},
                                                        {"uint", "-1"},
                                                        {"float", "x"},
                                                        {"float", "1e999"},
                                                        {"counter", "a"},
                                                        {"timestamp", "now"},
                                                        {"bytes", "?"},
                                                        {"bool", "yes"},
                                                        {"null", "0"}}) {
    CAPTURE(type, word);
    CHECK(error_id(of(type, word)) == "usage.argument");
  }
  CHECK(error_id(of("date", "x")) == "usage.flag");
}

TEST_CASE("loose and exact equality", "[verbs]") {
  const auto document = document_of(parse(
      R"({"c":{"$counter":3},"u":{"$uint":3},"f":{"$float":3},"i":3,"t":"x","s":{"$str":"x"},
          "w":{"$timestamp":0},"b":{"$bytes":"AAEC"},"m":{"k":[1,"x"]}})"));
  const auto view = document.now();
  const auto equal = [&](const char* key, const char* value, Match match) {
    return equals_json(view, *view.get(model::kRoot, key), parse(value), match);
  };

  for (const char* key : {"c", "u", "f", "i"}) {
    CAPTURE(key);
    CHECK(equal(key, "3", Match::kLoose));
    CHECK_FALSE(equal(key, "4", Match::kLoose));
    CHECK(equal(key, "3", Match::kExact) == (std::string(key) == "i"));
  }
  CHECK_FALSE(equal("i", R"({"$counter":3})", Match::kLoose));
  CHECK(equal("c", R"({"$counter":3})", Match::kExact));
  CHECK(equal("t", R"("x")", Match::kExact));
  CHECK(equal("s", R"("x")", Match::kLoose));
  CHECK_FALSE(equal("s", R"("x")", Match::kExact));
  CHECK_FALSE(equal("t", R"({"$str":"x"})", Match::kLoose));
  CHECK(equal("w", R"("1970-01-01T00:00:00.000Z")", Match::kLoose));
  CHECK(equal("b", R"("AAEC")", Match::kLoose));
  CHECK(equal("m", R"({"k":[1,"x"]})", Match::kExact));
  CHECK_FALSE(equal("m", R"({"k":[1,"x",2]})", Match::kLoose));
  CHECK_FALSE(equal("m", R"({"k":[1]})", Match::kLoose));
  CHECK_FALSE(equal("m", R"({"l":[1,"x"]})", Match::kLoose));
  CHECK_FALSE(equal("m", R"([])", Match::kLoose));
}

}  // namespace converge::verbs
