#include "core/verbs/canonical.h"

#include "core/base/bytes.h"
#include "tests/core/verbs/support.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>

#include <regex>
#include <sstream>

namespace converge::verbs {
using namespace testing;

TEST_CASE("the canonical form has one spelling", "[verbs]") {
  const auto document = document_of(parse(
      R"({"é":1,"z":[1.0,0.5,{"$counter":-3},{"$uint":"18446744073709551615"}],"a":{"$$k":"x\n"},
          "b":{"$bytes":"AAEC"},"w":{"$timestamp":0},"n":{"$float":"NaN"},"s":{"$str":"q"},
          "t":true,"u":{"$unknown":{"type":12,"bytes":"AAEC"}},"e":{},"l":[],"":null})"));
  CHECK(
      canonical_json(document.now()) ==
      R"({"":null,"a":{"$k":"x\n"},"b":{"$bytes":"AAEC"},"e":{},"l":[],"n":null,"s":"q","t":true,)"
      R"("u":{"$unknown":{"bytes":"AAEC","type":12}},"w":{"$timestamp":"1970-01-01T00:00:00.000Z"},)"
      R"("z":[1,0.5,-3,18446744073709551615],"é":1})");
}

TEST_CASE("a canonical form of any depth needs no stack", "[verbs]") {
  auto document = empty_document();
  {
    auto edit = document.transact();
    engine::ObjId at = model::kRoot;
    for (int i = 0; i < 50'000; ++i) at = *edit.put_object(at, "k", engine::ObjType::kMap);
    edit.commit();
  }
  CHECK(canonical_json(document.now()).size() == 50'000 * 6 + 2);
}

TEST_CASE("equal values have one state digest, whatever their history", "[verbs]") {
  const auto left = document_of(parse(R"({"a":1,"b":"x"})"), 1);
  auto right = document_of(parse(R"({"b":"y"})"), 2);
  REQUIRE(set(right, parse(R"([{"pointer":"","value":{"a":1,"b":"x"}}])"), {}));
  CHECK(state_digest(left.now()) == state_digest(right.now()));
  CHECK(history_digest(left.heads()) != history_digest(right.heads()));
  CHECK(history_digest(left.heads()) == history_digest(left.fork(actor(9)).heads()));
}

TEST_CASE("real documents have the JSON digest that the reference gives", "[verbs]") {
  const auto readme = converge::testing::shared_data("data/README.md");
  if (!readme) {
    WARN("the hand-outs are missing: real documents are not checked");
    return;
  }
  std::istringstream lines(converge::testing::read_file(*readme));
  const std::regex row(
      R"(\| (\S+) \| \d+ \| (\d+) \| \d+ \| ([0-9a-f]{64}) \| (\d+) \| ([0-9a-f]{64}) \|.*)");
  int checked = 0;
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (!std::regex_match(line, found, row)) continue;
    CAPTURE(found[1].str());
    const auto path = converge::testing::shared_data("data/documents/" + found[1].str());
    REQUIRE(path);
    const std::string bytes = converge::testing::read_file(*path);
    const auto document = engine::Document::load(as_bytes(bytes), actor(1));
    REQUIRE(document);
    REQUIRE(document->heads().size() == 1);
    CHECK(document->heads()[0].to_hex() == found[3].str());
    CHECK(document->change_count() == std::stoul(found[2].str()));
    CHECK(canonical_json(document->now()).size() == std::stoul(found[4].str()));
    CHECK(to_hex(state_digest(document->now())) == found[5].str());
    ++checked;
  }
  CHECK(checked == 6);
}

}  // namespace converge::verbs
