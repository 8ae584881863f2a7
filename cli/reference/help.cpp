#include "cli/reference/help.h"

#include "cli/app/kinds.h"
#include "cli/app/settings.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

std::string heading(std::string_view text, bool bold) {
  return bold ? "\033[1m" + std::string(text) + "\033[0m" : std::string(text);
}

constexpr Group kGroups[] = {Group::kDocuments, Group::kHistory, Group::kSync,
                             Group::kVerify,    Group::kOperate, Group::kMore};

/// "  left            right", with the right side wrapped.
std::string two_columns(const std::string& left, std::string_view right, std::size_t column) {
  std::string line = "  " + left;
  if (line.size() + 2 > column) return line + "\n" + wrapped(right, column, column);
  line.resize(column, ' ');
  return line + wrapped(right, column, column).substr(column);
}

std::string flag_lines(std::span<const Flag> flags) {
  std::string out;
  for (const Flag& flag : flags)
    if (!flag.hidden) out += two_columns(flag_label(flag), flag_text(flag), 26);
  return out;
}

std::string overview() {
  std::string out;
  for (const Group group : kGroups) {
    std::string names;
    for (const Command* command : top_commands())
      if (command->group == group) names += (names.empty() ? "" : " ") + std::string(command->name);
    if (names.empty()) continue;
    std::string title = title_of(group);
    title.resize(13, ' ');
    out += title + wrapped(names, 13, 13).substr(13);
  }
  return out;
}

constexpr const char* kTail =
    "\n\"syncctl help COMMAND\" tells more; \"syncctl help exit-codes\" lists what scripts\n"
    "need.\n";

}  // namespace

std::string wrapped(std::string_view text, std::size_t first_indent, std::size_t indent,
                    std::size_t width) {
  std::string out(first_indent, ' ');
  std::size_t column = first_indent;
  bool fresh = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!fresh && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
      fresh = true;
    }
    if (!fresh) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    fresh = false;
  }
  return out + "\n";
}

std::string flag_label(const Flag& flag) {
  std::string label = flag.letter != 0 ? std::string("-") + flag.letter + ", " : "    ";
  label += std::string("--") + flag.name;
  if (flag.value != nullptr) label += std::string(" ") + flag.value;
  return label;
}

std::string flag_text(const Flag& flag) {
  std::string text = flag.help;
  if (!flag.choices.empty()) {
    std::string list;
    for (const char* choice : flag.choices)
      list += (list.empty() ? "" : ", ") + std::string(choice);
    text += ": " + list;
  }
  if (flag.fallback != nullptr) text += std::string(" (default: ") + flag.fallback + ")";
  return text;
}

std::vector<const Command*> top_commands() {
  std::vector<const Command*> out;
  for (const Command& command : command_table())
    if (!command.hidden && std::string_view(command.name).find(' ') == std::string_view::npos)
      out.push_back(&command);
  return out;
}

std::string short_help(bool bold) {
  return "Work with local-first documents kept by syncd.\n\n" + heading("Usage:", bold) +
         " syncctl [flags] COMMAND [arguments]\n\n"
         "  $ syncctl new --name todo/home -f todo.json      make a document\n"
         "  $ syncctl get todo/home /items/0                 read a value\n"
         "  $ syncctl set todo/home /items/0/done true       change it\n"
         "  $ syncctl status                                 see agent, peers, conflicts\n\n" +
         overview() + kTail;
}

std::string full_help(bool bold) {
  std::string names;
  for (const Topic& topic : topics())
    names += (names.empty() ? "" : ", ") + std::string(topic.name);
  std::string text = short_help(bold);
  text.resize(text.size() - std::string_view(kTail).size());
  return text + "\n" + heading("Global flags:", bold) + "\n" + flag_lines(global_flags()) + "\n" +
         wrapped("Help topics: " + names, 0, 2) + kTail;
}

std::string group_help(const Command& group, bool bold) {
  std::string out = std::string(group.summary) + ".\n\n" + heading("Usage:", bold) + " " +
                    usage_of(group) + " [arguments]\n\n";
  for (const Command* command : subcommands_of(group))
    out += two_columns(command->name, command->summary, 22);
  return out + "\n" +
         wrapped("\"syncctl help " + std::string(group.name) + " COMMAND\" tells more.", 0, 0);
}

std::string general_exit_codes() {
  return "0 done, 2 usage, 4 no agent, 6 time-out, 7 denied, 20 failed, 70 bug";
}

std::string command_help(const Command& command, bool bold) {
  std::string out = std::string(command.summary) + ".\n\n";
  out += wrapped(heading("Usage:", bold) + " " + usage_of(command), 0, 11);
  if (!command.args.empty()) {
    out += "\n";
    for (const Arg& arg : command.args) {
      std::string text = arg.help;
      if (!arg.choices.empty()) {
        std::string list;
        for (const char* choice : arg.choices)
          list += (list.empty() ? "" : ", ") + std::string(choice);
        text += ": " + list;
      }
      out += two_columns(shown(arg), text, 22);
    }
  }
  if (!command.examples.empty()) {
    out += "\n" + heading("Examples:", bold) + "\n";
    for (const Example& example : command.examples) {
      std::string line = wrapped(std::string("$ ") + example.line, 2, 6, 78);
      for (std::size_t at = line.find('\n'); at + 1 < line.size(); at = line.find('\n', at + 3))
        line.insert(at, " \\");
      out += line;
      if (*example.output != '\0') out += "  " + std::string(example.output) + "\n";
    }
  }
  if (!command.flags.empty())
    out += "\n" + heading("Flags:", bold) + "\n" + flag_lines(command.flags);
  if (command.write_flags)
    out += "\n" + heading("Write flags:", bold) + "\n" + flag_lines(write_flags());
  std::string global = "Global flags (\"syncctl help\" lists them): -o, -C, --timeout, -q, -v";
  if (command.writes) global += ", -n";
  if (command.reads) global += ", --at";
  out += "\n" + wrapped(global + " and others.", 0, 0);
  out += "\n" + heading("Exit codes:", bold) + "\n";
  for (const ExitNote& note : command.exits)
    out += two_columns(std::to_string(note.code), note.when, 6);
  out += wrapped("Always possible: " + general_exit_codes() + ".", 2, 2);
  if (!command.see_also.empty()) {
    std::string list;
    for (const char* other : command.see_also)
      list += (list.empty() ? "" : ", ") + std::string(other);
    out += "\n" + wrapped(heading("See also:", bold) + " " + list, 0, 10);
  }
  return out;
}

std::optional<std::string> help_on(std::string_view words, bool bold) {
  if (const Command* command = find_command(words); command != nullptr && !command->hidden)
    return command->is_group ? group_help(*command, bold) : command_help(*command, bold);
  for (const Topic& topic : topics())
    if (words == topic.name) return topic.text;
  return std::nullopt;
}

namespace {

using nlohmann::json;

json flag_json(const Flag& flag) {
  json out = {{"name", flag.name}, {"help", flag.help}, {"repeats", flag.repeats}};
  out["letter"] = flag.letter != 0 ? json(std::string(1, flag.letter)) : json();
  out["value"] = flag.value != nullptr ? json(flag.value) : json();
  out["type"] = flag.value != nullptr ? json(info(flag.kind).word) : json();
  out["default"] = flag.fallback != nullptr ? json(flag.fallback) : json();
  out["choices"] = flag.choices;
  out["excludes"] = flag.excludes;
  return out;
}

}  // namespace

json table_json() {
  json commands = json::array();
  for (const Command& command : command_table()) {
    if (command.hidden) continue;
    json args = json::array();
    for (const Arg& arg : command.args)
      args.push_back({{"name", arg.name},
                      {"type", info(arg.kind).word},
                      {"help", arg.help},
                      {"optional", arg.optional},
                      {"repeats", arg.repeats},
                      {"choices", arg.choices}});
    json flags = json::array();
    for (const Flag& flag : flags_of(command)) flags.push_back(flag_json(flag));
    json examples = json::array();
    for (const Example& example : command.examples) examples.push_back(example.line);
    json exits = json::array();
    for (const ExitNote& note : command.exits)
      exits.push_back({{"code", note.code}, {"when", note.when}});
    commands.push_back({{"name", command.name},
                        {"group", title_of(command.group)},
                        {"summary", command.summary},
                        {"usage", usage_of(command)},
                        {"is_group", command.is_group},
                        {"args", std::move(args)},
                        {"flags", std::move(flags)},
                        {"examples", std::move(examples)},
                        {"exit_codes", std::move(exits)},
                        {"kinds", command.kinds},
                        {"see_also", command.see_also},
                        {"writes", command.writes},
                        {"may_exit_1", command.answers}});
  }
  json global = json::array();
  for (const Flag& flag : global_flags()) global.push_back(flag_json(flag));
  json exits = json::array();
  for (const auto& row : control::exit_code_table())
    exits.push_back({{"code", row.code}, {"name", row.name}, {"when", row.summary}});
  json errors = json::array();
  for (const auto& row : control::error_table())
    errors.push_back({{"code", row.code},
                      {"exit", row.exit},
                      {"retryable", row.retryable},
                      {"when", row.summary}});
  return {{"kind", "CommandTable"},          {"v", 1},
          {"commands", std::move(commands)}, {"global_flags", std::move(global)},
          {"exit_codes", std::move(exits)},  {"error_codes", std::move(errors)}};
}

}  // namespace converge::cli
