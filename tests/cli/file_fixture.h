#pragma once

#include "cli/reference/schema.h"
#include "core/verify/json_schema.h"
#include "tests/cli/fake_agent.h"
#include "tests/cli/run_cli.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <vector>

namespace converge::testing {

inline std::string file_content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Whether the object is what `syncctl schema KIND` promises of its kind.
inline void check_schema(const nlohmann::json& object) {
  const std::string kind = object.value("kind", "");
  INFO(kind);
  const auto text = cli::schema_of(kind);
  REQUIRE(text);
  const auto schema = verify::JsonSchema::make(*text);
  REQUIRE(schema);
  const auto wrong = schema->check(object);
  REQUIRE(wrong);
  INFO(wrong->value_or(""));
  CHECK_FALSE(wrong->has_value());
}

/// A home with one empty document in a file: what tests of commands on files start from. No bytes
/// are an empty document.
struct FileFixture {
  using Words = std::vector<std::string>;
  ScratchDirectory home;
  std::string file = home.write("a.automerge", "");

  CliRun run(const Words& words, const std::string& input = "") {
    CliRun result = run_cli(home.path(), words, {.input = input});
    UNSCOPED_INFO(result.err);
    return result;
  }
  /// It must succeed; what it printed.
  std::string ok(const Words& words, const std::string& input = "") {
    const CliRun result = run(words, input);
    CHECK(result.exit == 0);
    return result.out;
  }
  nlohmann::json ok_json(Words words, const std::string& input = "") {
    words.insert(words.begin(), {"-o", "json"});
    nlohmann::json object = nlohmann::json::parse(ok(words, input));
    check_schema(object);
    return object;
  }
  nlohmann::json value(const std::string& of, const std::string& pointer = "") {
    return nlohmann::json::parse(ok({"get", of, pointer}));
  }
  std::string heads(const std::string& of) {
    std::string out = ok({"heads", of});
    out.pop_back();
    return out;
  }
  /// A file with the same history that is edited apart from then on.
  std::string copy(const std::string& of, const std::string& name) {
    return home.write(name, file_content(of));
  }
};

}  // namespace converge::testing
