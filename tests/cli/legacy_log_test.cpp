#include "cli/commands/legacy_log.h"

#include <catch2/catch.hpp>

using namespace converge;
using namespace converge::cli;

namespace {

std::string text_of(const engine::Document& document, const std::string& key) {
  const auto value = document.now().get(model::kRoot, key);
  if (!value) return "(none)";
  if (value->object) return document.now().text(value->id);
  return "(scalar)";
}

}  // namespace

TEST_CASE("whole lines of the old file are operations in their order", "[legacy]") {
  const LegacyLog log = read_legacy_log(
      "{\"key\":\"a\",\"value\":1,\"timestamp\":1700000000000,\"node\":\"n1\"}\n"
      "\n"
      "  {\"timestamp\":1700000001,\"node_id\":7,\"value\":{\"x\":[\"}\"]},\"key\":\"b/c\"}\r\n"
      "{\"key\":\"a\",\"deleted\":true,\"timestamp\":1700000002.5,\"nodeId\":\"n1\"}");
  CHECK(log.damaged.empty());
  REQUIRE(log.operations.size() == 3);
  CHECK(log.operations[0].time_ms == 1'700'000'000'000);
  CHECK(log.operations[1].time_ms == 1'700'000'001'000);
  CHECK(log.operations[1].node == "7");
  CHECK(log.operations[2].is_removal);
  CHECK(log.keys() == 2);
  CHECK(log.nodes() == std::vector<std::string>{"7", "n1"});
}

TEST_CASE("damage in the old file is told by its place and costs nothing else", "[legacy]") {
  const std::string good = R"({"key":"k","value":"v","timestamp":1,"node":"n"})";
  SECTION("a torn line before a whole one on the same line") {
    const std::string torn = R"({"key":"lost","val)";
    const LegacyLog log = read_legacy_log(good + "\n" + torn + good + "\n" + good + "\n");
    CHECK(log.operations.size() == 3);
    REQUIRE(log.damaged.size() == 1);
    CHECK(log.damaged[0].offset == good.size() + 1);
    CHECK(log.damaged[0].bytes == torn.size());
    CHECK(log.damaged[0].line == 2);
  }
  SECTION("zeros, garbage and a torn end") {
    const std::string zeros(64, '\0');
    const LegacyLog log =
        read_legacy_log(zeros + good + "\n\xff\xfe garbage\n" + good + "\n" + good.substr(0, 20));
    CHECK(log.operations.size() == 2);
    REQUIRE(log.damaged.size() == 3);
    CHECK(log.damaged[0].offset == 0);
    CHECK(log.damaged[0].bytes == 64);
    CHECK(log.damaged[0].why == "zeros");
    CHECK(log.damaged[2].bytes == 20);
  }
  SECTION("objects that lack something are not operations") {
    for (const char* line :
         {R"({"value":1,"timestamp":1,"node":"n"})", R"({"key":"k","timestamp":1,"node":"n"})",
          R"({"key":"k","value":1,"node":"n"})",
          R"({"key":"k","value":1,"timestamp":"x","node":"n"})",
          R"({"key":"k","value":1,"timestamp":1e300,"node":"n"})",
          R"({"key":"k","value":1,"timestamp":1})", "[1]", "}{", "{{{{"}) {
      const LegacyLog log = read_legacy_log(std::string(line) + "\n" + good);
      INFO(line);
      CHECK(log.operations.size() == 1);
      REQUIRE(log.damaged.size() == 1);
      CHECK(log.damaged[0].bytes == std::string(line).size());
    }
  }
}

TEST_CASE("the last writer of the old file wins, and every write is in the history", "[legacy]") {
  const LegacyLog log = read_legacy_log(
      "{\"key\":\"a\",\"value\":\"late\",\"timestamp\":20,\"node\":\"n1\"}\n"
      "{\"key\":\"a\",\"value\":\"early\",\"timestamp\":10,\"node\":\"n2\"}\n"
      "{\"key\":\"b\",\"value\":\"tie 1\",\"timestamp\":30,\"node\":\"n1\"}\n"
      "{\"key\":\"b\",\"value\":\"tie 2\",\"timestamp\":30,\"node\":\"n2\"}\n"
      "{\"key\":\"c\",\"value\":\"gone\",\"timestamp\":1,\"node\":\"n1\"}\n"
      "{\"key\":\"c\",\"deleted\":true,\"timestamp\":2,\"node\":\"n1\"}\n"
      "{\"key\":\"x/~y\",\"value\":\"odd\",\"timestamp\":2,\"node\":\"n1\"}\n");
  REQUIRE(log.damaged.empty());
  const auto document = replay_legacy_log(log);
  REQUIRE(document);
  CHECK(text_of(*document, "a") == "late");
  CHECK(text_of(*document, "b") == "tie 2");
  CHECK(text_of(*document, "c") == "(none)");
  CHECK(text_of(*document, "x/~y") == "odd");
  CHECK(document->change_count() == 7);
  CHECK(document->actor_count() == 2);
}
