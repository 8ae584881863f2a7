#include "cli/app/command_table.h"
#include "tests/cli/file_fixture.h"

#include <algorithm>
#include <sstream>

namespace converge::cli {
namespace {

/// The words behind each "syncctl " of a text, up to what ends a command line.
std::vector<std::string> command_lines(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = text.find("syncctl "); at != std::string::npos;
       at = text.find("syncctl ", at + 8)) {
    const std::size_t end = text.find_first_of("`|\"\n$();>", at + 8);
    out.push_back(text.substr(at + 8, end - at - 8));
  }
  return out;
}

/// The command that a line names, with one or two words; null: none.
const Command* command_of(const std::string& line) {
  std::istringstream words(line);
  std::string first;
  std::string second;
  words >> first >> second;
  if (const Command* both = find_command(first + " " + second)) return both;
  const Command* one = find_command(first);
  return one != nullptr && !one->is_group ? one : nullptr;
}

TEST_CASE("every command that README shows in its code exists", "[cli]") {
  const std::string readme = testing::file_content(CONVERGE_SOURCE_DIR "/README.md");
  std::size_t shown = 0;
  bool code = false;
  std::istringstream lines(readme);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) code = !code;
    const bool table = line.starts_with("|") && line.find("`syncctl ") != std::string::npos;
    if (!code && !table) continue;
    for (const std::string& words : command_lines(line)) {
      INFO(line << " -> " << words);
      CHECK(command_of(words) != nullptr);
      ++shown;
    }
  }
  CHECK(shown >= 8);
}

TEST_CASE("every example of a command names that command, and flags it has", "[cli]") {
  for (const Command& command : command_table()) {
    for (const Example& example : command.examples) {
      const std::string line = example.line;
      INFO(line);
      const auto lines = command_lines(line);
      CHECK(std::ranges::any_of(lines, [&](const std::string& words) {
        return words.starts_with(command.name) || words.find(command.name) != std::string::npos;
      }));
    }
  }
}

TEST_CASE("every JSON kind of the command table has a schema, which is one", "[cli]") {
  for (const Command& command : command_table())
    for (const char* kind : command.kinds) {
      INFO(command.name << ": " << kind);
      const auto schema = schema_of(kind);
      REQUIRE(schema);
      CHECK(verify::JsonSchema::make(*schema));
    }
}

}  // namespace
}  // namespace converge::cli
