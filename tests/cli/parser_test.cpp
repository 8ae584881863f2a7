#include "cli/app/command_tree.h"
#include "cli/app/invocation.h"
#include "cli/app/kinds.h"
#include "cli/commands/session.h"
#include "core/base/suggest.h"
#include "core/control/error_table.h"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

namespace converge::cli {
namespace {

using Words = std::vector<std::string>;

/// A word that an argument or flag of the kind accepts.
std::string example_of(Kind kind, const std::vector<const char*>& choices) {
  switch (kind) {
    case Kind::kPointer:
      return "/a/0";
    case Kind::kRev:
      return "1f3a9c2";
    case Kind::kChange:
      return "todo/home@1f3a9c2";
    case Kind::kWhen:
    case Kind::kAt:
      return "2h";
    case Kind::kDuration:
      return "30s";
    case Kind::kSize:
    case Kind::kRate:
      return "10MB";
    case Kind::kEnum:
      return choices.front();
    case Kind::kInt:
      return "3";
    case Kind::kValue:
      return "1";
    case Kind::kCondition:
      return "idle";
    case Kind::kActor:
      return "a1b2";
    case Kind::kUrl:
      return "ws://127.0.0.1:1";
    case Kind::kFormat:
      return "json";
    default:
      return "todo/home";
  }
}

Words line_of(const Command& command) {
  Words words;
  std::string name = command.name;
  for (std::size_t space; (space = name.find(' ')) != std::string::npos; name.erase(0, space + 1))
    words.push_back(name.substr(0, space));
  words.push_back(name);
  for (const Arg& arg : command.args)
    if (arg.kind != Kind::kCommand && std::string(arg.name) != "POINTER VALUE")
      words.push_back(example_of(arg.kind, arg.choices));
  return words;
}

TEST_CASE("every row of the command table parses, alone and with each of its flags", "[cli]") {
  for (const Command& command : command_table()) {
    if (command.is_group) continue;
    INFO(command.name);
    const auto plain = parse_command_line(line_of(command));
    if (!plain) FAIL(plain.error().message);
    CHECK(plain->command == &command);
    std::vector<Flag> flags = flags_of(command);
    for (const Flag& flag : global_flags())
      if (std::string(flag.name) != "help") flags.push_back(flag);
    for (const Flag& flag : flags) {
      const std::string name = flag.name;
      if ((name == "dry-run" && !command.writes) || (name == "at" && !command.reads)) continue;
      INFO("--" << name);
      Words words = line_of(command);
      const bool replaces_value = name == "file";
      if (replaces_value && words.size() > 3) words.resize(3);
      words.push_back("--" + name);
      if (flag.value != nullptr) words.push_back(example_of(flag.kind, flag.choices));
      const auto parsed = parse_command_line(words);
      if (!parsed) FAIL(parsed.error().message);
      CHECK(parsed->has(name));
      if (flag.letter != 0 && flag.value == nullptr) {
        words.back() = std::string("-") + flag.letter;
        const auto shorter = parse_command_line(words);
        REQUIRE(shorter);
        CHECK(shorter->has(name));
      }
    }
  }
}

/// Every option and subcommand of the tree is in the table.
void walk(const CLI::App& app, const std::string& name, std::size_t& commands) {
  std::set<std::string> known;
  if (name.empty()) {
    for (const Flag& flag : global_flags()) known.insert(flag.name);
  } else {
    const Command* command = find_command(name);
    INFO(name);
    REQUIRE(command != nullptr);
    ++commands;
    for (const Flag& flag : flags_of(*command)) known.insert(flag.name);
  }
  for (const CLI::Option* option : app.get_options())
    for (const std::string& word : option->get_lnames()) {
      INFO(name << " --" << word);
      CHECK(known.erase(word) == 1);
    }
  CHECK(known.empty());
  for (const CLI::App* part : app.get_subcommands([](const CLI::App*) { return true; }))
    walk(*part, name.empty() ? part->get_name() : name + " " + part->get_name(), commands);
}

TEST_CASE("the parser holds the command table and nothing else", "[cli]") {
  CommandTree tree;
  std::size_t commands = 0;
  walk(tree.root(), "", commands);
  CHECK(commands == command_table().size());
}

TEST_CASE("2: every command has a handler, examples, and exit 1 only where the contract allows",
          "[cli]") {
  const std::set<std::string> may_say_no = {
      "diff",   "compare",     "digest",          "conflict ls",
      "status", "sync",        "verify file",     "verify convergence",
      "replay", "store check", "store repair",    "config validate",
      "doctor", "bisect",      "git merge-driver"};
  for (const Command& command : command_table()) {
    INFO(command.name);
    if (command.is_group) continue;
    CHECK(find_handler(command.name) != nullptr);
    if (!command.hidden) CHECK_FALSE(command.examples.empty());
    CHECK(command.answers == may_say_no.contains(command.name));
    for (const char* other : command.see_also)
      CHECK((find_command(other) != nullptr || std::string(other).find(' ') == std::string::npos));
  }
}

TEST_CASE("short letters mean the same everywhere", "[cli]") {
  std::map<char, std::string> meaning;
  const auto check = [&](const Flag& flag) {
    if (flag.letter == 0) return;
    const auto [found, fresh] = meaning.emplace(flag.letter, flag.name);
    INFO(flag.letter);
    CHECK(found->second == flag.name);
  };
  for (const Flag& flag : global_flags()) check(flag);
  for (const Command& command : command_table())
    for (const Flag& flag : flags_of(command)) check(flag);
  for (const auto& [letter, name] : meaning)
    CHECK(std::string("flmnorsqvyhC").find(letter) != std::string::npos);
}

TEST_CASE("global flags stand before or after the command", "[cli]") {
  for (const Words& words : {Words{"-o", "json", "--socket", "/s", "get", "todo/home"},
                             Words{"get", "-o", "json", "todo/home", "--socket", "/s"},
                             Words{"get", "todo/home", "-ojson", "--socket=/s"}}) {
    const auto parsed = parse_command_line(words);
    REQUIRE(parsed);
    CHECK(parsed->value("output") == "json");
    CHECK(parsed->value("socket") == "/s");
    CHECK(parsed->arg(0) == "todo/home");
  }
}

TEST_CASE("words that look like flags or commands stay words where they must", "[cli]") {
  const auto get = parse_command_line({"get", "status"});
  REQUIRE(get);
  CHECK(std::string(get->command->name) == "get");
  CHECK(get->arg(0) == "status");
  const auto incr = parse_command_line({"incr", "a", "/n", "-3"});
  REQUIRE(incr);
  CHECK(incr->arg(2) == "-3");
  const auto list = parse_command_line({"set", "a", "/n", "[1,2]"});
  REQUIRE(list);
  CHECK(list->arg(2) == "[1,2]");
  const auto fallback = parse_command_line({"get", "a", "/n", "--default", "[1,2]"});
  REQUIRE(fallback);
  CHECK(fallback->value("default") == "[1,2]");
  const auto text = parse_command_line({"set", "a", "/n", "-s", "--", "--looks-like-a-flag"});
  REQUIRE(text);
  CHECK(text->arg(2) == "--looks-like-a-flag");
  const auto empty = parse_command_line({"new", "--message="});
  REQUIRE(empty);
  CHECK(empty->value("message") == "");
  const auto dash = parse_command_line({"splice", "a", "/t", "0", "0", "-"});
  REQUIRE(dash);
  CHECK(dash->arg(4) == "-");
  const auto watch = parse_command_line({"watch", "todo/*", "--", "make", "-j2"});
  REQUIRE(watch);
  CHECK(watch->args(0) == Words{"todo/*"});
  CHECK(watch->args(1) == Words{"make", "-j2"});
}

TEST_CASE("help wins over everything else on the line", "[cli]") {
  for (const Words& words :
       {Words{"get", "-h"}, Words{"-h", "get"}, Words{"get", "--nonsense", "--help"}}) {
    const auto parsed = parse_command_line(words);
    REQUIRE(parsed);
    CHECK(parsed->has("help"));
    REQUIRE(parsed->command != nullptr);
    CHECK(std::string(parsed->command->name) == "get");
  }
}

struct WrongLine {
  Words words;
  const char* code;
  const char* message;
  const char* hint;
};
const WrongLine kWrongLines[] = {
    {{"stauts"}, "usage.command", "\"stauts\" is not a command", "did you mean \"status\"?"},
    {{"frobnicate"}, "usage.command", "\"frobnicate\" is not a command", "syncctl help"},
    {{"stat"}, "usage.command", "\"stat\" is not a command", ""},  // never abbreviated
    {{"name", "lst"},
     "usage.command",
     "\"name lst\" is not a command",
     "did you mean \"name ls\"?"},
    {{"get", "a", "--typd"},
     "usage.flag",
     "\"get\" has no flag \"--typd\"",
     "did you mean \"--typed\"?"},
    {{"get", "a", "-z"}, "usage.flag", "\"get\" has no flag \"-z\"", ""},
    {{"--colour", "never", "get", "a"}, "usage.flag", "\"--colour\"", "did you mean \"--color\"?"},
    {{"get"}, "usage.argument", "\"get\" needs a DOC[@REV]", "usage: syncctl get"},
    {{"get", "a", "/b", "c"}, "usage.argument", "no place for \"c\"", "usage: syncctl get"},
    {{"get", "a", "b"}, "usage.argument", "POINTER \"b\" does not begin with \"/\"", "try \"/b\""},
    {{"get", "a", "/b~2"}, "usage.argument", "\"/b~2\"", "~0"},
    {{"get", "a@xyz"}, "usage.argument", "a@xyz", "7 or more hex digits"},
    {{"get", ""}, "usage.argument", "names no document", ""},
    {{"set", "todo/home", "/title", "milk"},
     "usage.argument",
     "the value \"milk\" is not JSON",
     "for a string write: syncctl set todo/home /title --string milk"},
    {{"set", "a", "/b", "99999999999999999999"},
     "usage.argument",
     "the value holds an integer beyond 64 bits, 99999999999999999999,",
     "for a float write it with a fraction or an exponent"},
    {{"set", "a", "/b", "[18446744073709551615,-9223372036854775809]"},
     "usage.argument",
     "-9223372036854775809, at line 1, column 23",
     ""},
    {{"set", "a", "/b", "1", "--if-value", "99999999999999999999"},
     "usage.flag",
     "an integer beyond 64 bits",
     ""},
    {{"set", "a"}, "usage.argument", "\"set\" needs a POINTER", ""},
    {{"set", "a", "/b"}, "usage.argument", "\"set\" needs a VALUE", ""},
    {{"set", "a@1234567", "/b", "1"}, "usage.argument", "carries a revision", ""},
    {{"set", "a", "/b", "1", "-s", "--type", "int"}, "usage.flag", "exclude each other", ""},
    {{"set", "a", "/b", "1", "--type", "date"}, "usage.flag", "--type \"date\" is not one of", ""},
    {{"set", "a", "/b", "1", "--base", "12"}, "usage.flag", "--base \"12\" is not a revision", ""},
    {{"incr", "a", "/b", "1.5"}, "usage.argument", "N \"1.5\" is not a whole number", ""},
    {{"get", "a", "--timeout", "5"}, "usage.flag", "--timeout \"5\" is not a duration", "30s"},
    {{"get", "a", "--timeout"}, "usage.flag", "\"--timeout\" needs a value", ""},
    {{"get", "a", "-o", "xml"}, "usage.flag", "--output \"xml\" is not one of", ""},
    {{"get", "a", "-n"}, "usage.flag", "\"get\" changes nothing", ""},
    {{"set", "a", "/b", "1", "--at", "1234567"}, "usage.flag", "\"set\" does not take --at", ""},
    {{"get", "a", "--json", "-o", "name"}, "usage.flag", "exclude each other", ""},
    {{"ls", "-l", "0"}, "usage.flag", "--limit \"0\" is not between", ""},
    {{"ls", "--sort", "colour"}, "usage.flag", "--sort \"colour\" is not one of", ""},
    {{"new", "--name", "/abs"}, "usage.flag", "is not a name", ""},
    {{"new", "--name", "x.automerge"}, "usage.flag", "looks like a file", ""},
    {{"wait", "--for", "rain"}, "usage.flag", "is not a condition", ""},
    {{"show", "todo/home"}, "usage.argument", "names no change", "syncctl log"},
    {{"peer", "add", "nas", "http://nas"}, "usage.argument", "is not an address", "ws://"},
    {{"log", "a", "--since", "soon"}, "usage.flag", "is not a time", ""},
    {{"completion", "tcsh"}, "usage.argument", "is not one of bash, zsh, fish, powershell", ""},
};

TEST_CASE("19: a wrong line is refused with the word, and a suggestion when one is near", "[cli]") {
  for (const WrongLine& row : kWrongLines) {
    std::string line;
    for (const std::string& word : row.words) line += word + " ";
    INFO(line);
    const auto parsed = parse_command_line(row.words);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().id == row.code);
    CHECK(control::exit_code_of(parsed.error()) == control::exit_code::kUsage);
    CHECK_THAT(parsed.error().message, Catch::Contains(row.message));
    CHECK_THAT(parsed.error().hint, Catch::Contains(row.hint));
  }
}

TEST_CASE("durations and sizes have units", "[cli]") {
  CHECK(parse_duration("500ms")->count() == 500);
  CHECK(parse_duration("5m")->count() == 300'000);
  CHECK(parse_duration("2h")->count() == 7'200'000);
  CHECK(parse_duration("0")->count() == 0);
  for (const char* wrong : {"", "5", "s", "-1s", "1.5s", "99999999999999999999s", "5 s"})
    CHECK_FALSE(parse_duration(wrong));
  CHECK(*parse_size("64KiB") == 65'536);
  CHECK(*parse_size("10MB") == 10'000'000);
  for (const char* wrong : {"", "KiB", "5XB", "-1"}) CHECK_FALSE(parse_size(wrong));
}

TEST_CASE("suggestions come by edit distance and never for far words", "[cli]") {
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("stauts", "status") == 1);
  CHECK(nearest("stauts", {"set", "status", "sync"}) == "status");
  CHECK_FALSE(nearest("frobnicate", {"set", "status", "sync"}));
  CHECK_FALSE(nearest("zz", {"ls"}));
}

TEST_CASE("files are told from names by their look", "[cli]") {
  for (const char* file : {"-", "./a", "/a/b", "a.automerge", "../x", "a.automerge@1234567"})
    CHECK(is_file_word(file));
  for (const char* name : {"todo/home", "automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu", "a"})
    CHECK_FALSE(is_file_word(name));
}

}  // namespace
}  // namespace converge::cli
