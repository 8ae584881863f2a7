#include "cli/app/command_table.h"
#include "cli/output/text.h"
#include "cli/reference/files.h"
#include "cli/reference/help.h"
#include "tests/cli/fake_agent.h"
#include "tests/cli/run_cli.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace converge::cli {
namespace {

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

int shell(const std::string& command) { return std::system(command.c_str()); }

bool has_program(const std::string& name) {
  if (shell("command -v " + name + " >/dev/null 2>&1") == 0) return true;
  WARN("SKIPPED: " << name << " is not installed");
  return false;
}

const std::string kSource = CONVERGE_SOURCE_DIR;

TEST_CASE("18: the committed man pages, completions and help are those of the command table",
          "[cli]") {
  for (const auto& [name, content] : reference_files()) {
    INFO(name << " is out of date; refresh it with the build target \"reference\"");
    CHECK(content_of(kSource + "/" + name) == content);
  }
}

TEST_CASE("18: the program prints the committed help, and no page outlives its command",
          "[cli][process]") {
  const testing::ScratchDirectory home;
  const auto page = [](std::string name) {
    std::ranges::replace(name, ' ', '-');
    return content_of(kSource + "/man/help/" + name + ".txt");
  };
  CHECK(testing::run_cli(home.path(), {}).out == page("syncctl"));
  CHECK(testing::run_cli(home.path(), {"--help"}).out == page("syncctl-full"));
  bool asks_help = false;  // the two ways to ask, in turn
  for (const Command& command : command_table()) {
    if (command.hidden) continue;
    asks_help = !asks_help;
    std::vector<std::string> words;
    std::istringstream name(command.name);
    for (std::string word; name >> word;) words.push_back(word);
    words.insert(asks_help ? words.begin() : words.end(), asks_help ? "help" : "--help");
    INFO(command.name);
    const auto run = testing::run_cli(home.path(), words);
    CHECK(run.exit == 0);
    CHECK(run.out == page(std::string("syncctl ") + command.name));
  }
  const auto files = reference_files();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSource + "/man")) {
    const std::string name = std::filesystem::relative(entry.path(), kSource).string();
    if (entry.is_directory() || name.ends_with("CMakeLists.txt")) continue;
    const bool is_agents = name == "man/syncd.8" || name == "man/syncd.toml.5";
    INFO(name << " belongs to no command; delete it");
    CHECK((is_agents || files.contains(name)));
  }
}

TEST_CASE("no line of help is wider than 80 columns", "[cli]") {
  const auto check = [](const std::string& what, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      INFO(what << ": " << line);
      CHECK(display_width(line) <= 80);
      CHECK((line.empty() || line.back() != ' '));
      at = end + 1;
    }
  };
  check("short", short_help(false));
  check("full", full_help(false));
  for (const Command& command : command_table())
    if (!command.hidden) check(command.name, *help_on(command.name, false));
  for (const Topic& topic : topics()) check(topic.name, topic.text);
}

TEST_CASE("the man pages lint", "[cli]") {
  if (!has_program("mandoc")) return;
  CHECK(shell("cd " + kSource + "/man && mandoc -T lint -W warning *.1 *.5 *.7 *.8") == 0);
}

TEST_CASE("the completion scripts parse in their shells", "[cli]") {
  if (has_program("bash")) CHECK(shell("bash -n " + kSource + "/completions/syncctl.bash") == 0);
  if (has_program("zsh")) CHECK(shell("zsh -n " + kSource + "/completions/_syncctl") == 0);
  if (has_program("fish")) CHECK(shell("fish -n " + kSource + "/completions/syncctl.fish") == 0);
}

/// What bash offers for a line, sorted, in one line.
std::string bash_offers(const std::string& home, const std::string& line) {
  const std::string script = home + "/complete.bash";
  std::ofstream(script)
      << "export HOME=" << home << " XDG_RUNTIME_DIR=" << home << "/run\n"
      << "PATH=" << std::string(SYNCCTL_BINARY).substr(0, std::string(SYNCCTL_BINARY).rfind('/'))
      << ":$PATH\n"
      << "source " << kSource << "/completions/syncctl.bash\n"
      << "line="
      << "'" << line << "'\n"
      << "read -ra COMP_WORDS <<< \"$line\"\n"
      << "[[ $line == *' ' ]] && COMP_WORDS+=('')\n"
      << "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$line\n"
      << "_syncctl\n"
      << "printf '%s\\n' \"${COMPREPLY[@]}\" | sort | tr '\\n' ' '\n";
  shell("bash " + script + " > " + home + "/offers 2>&1");
  return content_of(home + "/offers");
}

TEST_CASE("bash completes commands, flags and words", "[cli][process]") {
  if (!has_program("bash")) return;
  const testing::ScratchDirectory home;
  struct Row {
    const char* line;
    const char* offers;
  };
  const Row rows[] = {
      {"syncctl sta", "status "},
      {"syncctl s", "schema set show splice status store sync "},
      {"syncctl peer p", "pause ping "},
      {"syncctl -o json conf", "config conflict "},
      {"syncctl get --ty", "--typed "},
      {"syncctl get todo --def", "--default "},
      {"syncctl set a /b 1 --dura", "--durability "},
      {"syncctl ls --sort ", "changes name size updated "},
      {"syncctl -o j", "json jsonpath= "},
      {"syncctl completion ", "bash fish powershell zsh "},
      {"syncctl config get ou", "output "},
      {"syncctl help exit", "exit-codes "},
      {"syncctl wait --for syn", "synced "},
  };
  for (const Row& row : rows) {
    INFO(row.line);
    CHECK(bash_offers(home.path(), row.line) == row.offers);
  }
}

/// Lines and a word that each shell must offer for them.
struct Prefix {
  const char* line;
  const char* offer;
};
constexpr Prefix kPrefixes[] = {{"syncctl sp", "splice"},
                                {"syncctl peer pau", "pause"},
                                {"syncctl -o json confl", "conflict"},
                                {"syncctl get --ty", "--typed"},
                                {"syncctl set a /b 1 --dura", "--durability"},
                                {"syncctl ls --sort up", "updated"},
                                {"syncctl -o ndj", "ndjson"},
                                {"syncctl completion powe", "powershell"},
                                {"syncctl config get out", "output"},
                                {"syncctl help exit", "exit-codes"}};

std::string binary_directory() {
  const std::string binary = SYNCCTL_BINARY;
  return binary.substr(0, binary.rfind('/'));
}

/// Types the lines into an interactive zsh and asks for a list (^D) of each; names the lines whose
/// word did not come. Waiting is for the word, the time only for a shell that hangs.
std::string zsh_misses(const std::string& home) {
  std::ofstream script(home + "/complete.zsh");
  script << "zmodload zsh/zpty\n"
         << "zpty z 'HOME=" << home << " TERM=dumb zsh -f -i'\n"
         << "shows() {\n"
         << "  local all= part; local -i end=$((SECONDS + $2))\n"
         << "  while (( SECONDS < end )); do\n"
         << "    if zpty -rt z part; then all+=$part; else sleep 0.01; fi\n"
         << "    [[ $all == *$1* ]] && return 0\n"
         << "  done\n"
         << "  print -r -- \"$1 is not in: $all\"; return 1\n"
         << "}\n"
         << "zpty -w z 'PROMPT=; RPROMPT=; PATH=" << binary_directory() << ":$PATH'\n"
         << "zpty -w z 'fpath=(" << kSource << "/completions $fpath); LISTMAX=0; setopt no_beep'\n"
         << "zpty -w z 'autoload -Uz compinit; compinit -u -D; print RE\"\"ADY'\n"
         << "shows READY 60\n";
  for (const Prefix& prefix : kPrefixes)
    script << "zpty -w -n z '" << prefix.line << "'$'\\C-d'\n"
           << "shows '" << prefix.offer << "' 20\n"
           << "zpty -w -n z $'\\C-u'\n";
  script << "zpty -d z\n";
  script.close();
  shell("timeout 300 zsh -f " + home + "/complete.zsh > " + home + "/misses 2>&1");
  return content_of(home + "/misses");
}

TEST_CASE("zsh completes commands, flags and words", "[cli][process]") {
  if (!has_program("zsh")) return;
  const testing::ScratchDirectory home;
  CHECK(zsh_misses(home.path()).empty());
}

TEST_CASE("fish completes commands, flags and words", "[cli][process]") {
  if (!has_program("fish")) return;
  const testing::ScratchDirectory home;
  std::string script = "source " + kSource + "/completions/syncctl.fish";
  for (const Prefix& prefix : kPrefixes)
    script += "; echo '> " + std::string(prefix.line) + "'; complete -C '" + prefix.line + "'";
  shell("PATH=" + binary_directory() + ":$PATH HOME=" + home.path().string() +
        " fish --no-config -c \"" + script + "\" > " + (home / "offers").string() + " 2>&1");
  const std::string offers = content_of((home / "offers").string());
  INFO(offers);
  for (const Prefix& prefix : kPrefixes) {
    INFO(prefix.line);
    const std::size_t at = offers.find(std::string("> ") + prefix.line + "\n");
    REQUIRE(at != std::string::npos);
    const std::string answer = offers.substr(at + 1, offers.find("\n> ", at + 1) - at - 1);
    CHECK(answer.find(std::string("\n") + prefix.offer) != std::string::npos);
  }
}

TEST_CASE("candidates from the agent come by name, and none when there is no agent",
          "[cli][process]") {
  using nlohmann::json;
  const testing::ScratchDirectory home;
  const testing::FakeAgent agent(
      home / "s", testing::answers([](const std::string& method, const json&) -> json {
        if (method == "doc.list")
          return {{"items", json::array({{{"name", "todo/home"}, {"id", "automerge:x"}},
                                         {{"name", nullptr}, {"id", "automerge:y"}}})}};
        if (method == "doc.get") return {{"value", {{"items", json::array()}, {"a/b", 1}}}};
        return {{"items", json::array()}};
      }));
  const auto complete = [&](std::vector<std::string> words, const std::string& socket) {
    words.insert(words.begin(), {"--socket", socket, "__complete", "--"});
    const auto run = testing::run_cli(home.path(), words);
    CHECK(run.exit == 0);
    CHECK(run.err.empty());
    return run.out;
  };
  const std::string socket = (home / "s").string();
  CHECK(complete({"get", ""}, socket) == "todo/home\nautomerge:y\n");
  CHECK(complete({"get", "to"}, socket) == "todo/home\n");
  CHECK(complete({"get", "todo/home", "/"}, socket) == "/a~1b\n/items\n");
  CHECK(complete({"get", ""}, (home / "nobody").string()).empty());
}

TEST_CASE("every error code in the sources is in the table's words", "[cli]") {
  // The enumeration makes a missing row impossible; what is checked here is that the page shows
  // all.
  const std::string page = *help_on("exit-codes", false);
  const nlohmann::json table = table_json();
  REQUIRE_FALSE(table["error_codes"].empty());
  for (const auto& error : table["error_codes"])
    CHECK(page.find(error["code"].get<std::string>()) != std::string::npos);
}

}  // namespace
}  // namespace converge::cli
