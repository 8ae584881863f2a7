#include "cli/reference/man.h"

#include "cli/app/kinds.h"
#include "cli/app/settings.h"
#include "cli/reference/help.h"
#include "core/base/roff.h"
#include "core/control/error_table.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

namespace converge::cli {
namespace {

std::string page_name(std::string_view words) {
  const std::string_view top = words.substr(0, words.find(' '));
  return "syncctl-" + std::string(top);
}

std::string trimmed_label(const Flag& flag) {
  const std::string label = flag_label(flag);
  return label.substr(label.find_first_not_of(' '));
}

std::string flags_part(std::span<const Flag> flags) {
  std::string out;
  for (const Flag& flag : flags) out += roff::tagged(trimmed_label(flag), flag_text(flag));
  return out;
}

std::string sentence(std::string_view text) { return std::string(text) + "."; }

/// Lower first letter, for NAME lines.
std::string name_line(std::string_view summary) {
  std::string out(summary);
  out[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(out[0])));
  return out;
}

std::string examples_part(const Command& command) {
  std::string out;
  for (const Example& example : command.examples) {
    out += "$ " + roff::text(example.line) + "\n";
    if (*example.output != '\0') out += roff::text(example.output) + "\n";
  }
  return out;
}

std::string description(const Command& command) {
  std::string out = roff::text(sentence(command.summary)) + "\n";
  for (const char* note : command.notes) out += ".PP\n" + roff::text(note) + "\n";
  for (const Arg& arg : command.args) {
    std::string text = arg.help;
    const std::string_view kind = info(arg.kind).text;
    if (arg.kind != Kind::kText && arg.kind != Kind::kEnum) text += ". " + std::string(kind);
    for (std::size_t i = 0; i < arg.choices.size(); ++i)
      text += (i == 0 ? ": " : ", ") + std::string(arg.choices[i]);
    out += roff::tagged(shown(arg), text);
  }
  return out;
}

std::string exits_part(const std::vector<const Command*>& commands) {
  std::string out;
  std::set<std::string> said;
  for (const Command* command : commands)
    for (const ExitNote& note : command->exits)
      if (said.insert(std::to_string(note.code) + note.when).second)
        out += roff::tagged(std::to_string(note.code), note.when);
  return out + (out.empty() ? "" : ".PP\n") +
         "Always possible: " + roff::text(general_exit_codes()) +
         ".\nSee\n.BR syncctl\\-exit\\-codes (7).\n";
}

std::string see_also_part(const std::vector<const Command*>& commands) {
  std::set<std::string> pages = {"syncctl (1)"};
  for (const Command* command : commands)
    for (const char* other : command->see_also) {
      if (find_command(other) != nullptr)
        pages.insert(page_name(other) + " (1)");
      else if (std::string_view(other) == "revisions" || std::string_view(other) == "exit-codes")
        pages.insert("syncctl-" + std::string(other) + " (7)");
    }
  pages.erase(page_name(commands.front()->name) + " (1)");
  std::string out;
  for (const std::string& page : pages) {
    out += (out.empty() ? "" : ",\n") + std::string(".BR ") + roff::text(page);
  }
  // ".BR name (1)," puts the comma behind the section.
  return out + "\n";
}

std::string command_page(const Command& top) {
  std::vector<const Command*> commands;
  if (top.is_group)
    commands = subcommands_of(top);
  else
    commands = {&top};
  std::string out = roff::head(page_name(top.name), 1, name_line(top.summary));
  out += roff::section("SYNOPSIS");
  for (std::size_t i = 0; i < commands.size(); ++i)
    out += (i == 0 ? "" : ".br\n") + std::string(".B ") + roff::text(usage_of(*commands[i])) + "\n";
  out += roff::section("DESCRIPTION");
  if (!top.is_group) {
    out += description(top);
    if (!top.flags.empty()) out += roff::section("OPTIONS") + flags_part(top.flags);
    if (top.write_flags) out += ".SS Write flags\n" + flags_part(write_flags());
  } else {
    out += roff::text(sentence(top.summary)) + "\n";
    for (const Command* command : commands) {
      out += ".SS " + roff::text(usage_of(*command)) + "\n" + description(*command);
      out += flags_part(command->flags);
    }
  }
  out += ".PP\nThe global flags of\n.BR syncctl (1)\nmay stand before or after the command.\n";
  out += roff::section("EXIT STATUS") + exits_part(commands);
  std::string examples;
  for (const Command* command : commands) examples += examples_part(*command);
  if (!examples.empty()) out += roff::section("EXAMPLES") + roff::as_typed(examples);
  return out + roff::section("SEE ALSO") + see_also_part(commands);
}

std::string main_page() {
  std::string out = roff::head("syncctl", 1, "work with local-first documents kept by syncd");
  out += roff::section("SYNOPSIS") + ".B syncctl\n[flags] COMMAND [arguments]\n";
  out += roff::section("DESCRIPTION") +
         "syncctl reads, edits, compares and repairs documents: those of the agent syncd, those of "
         "a stopped store, and plain files.\n";
  for (const Group group : {Group::kDocuments, Group::kHistory, Group::kSync, Group::kVerify,
                            Group::kOperate, Group::kMore}) {
    std::string part;
    for (const Command* command : top_commands())
      if (command->group == group)
        part += ".TP\n.BR " + roff::text(page_name(command->name)) + " (1)\n" +
                roff::text(sentence(command->summary)) + "\n";
    if (!part.empty()) out += ".SS " + std::string(title_of(group)) + "\n" + part;
  }
  out += roff::section("OPTIONS") + flags_part(global_flags());
  out += ".SS Kinds of words\n";
  std::set<std::string> said;
  for (int i = 0; i <= static_cast<int>(Kind::kContext); ++i) {
    const KindInfo& kind = info(static_cast<Kind>(i));
    if (said.insert(kind.word).second) out += roff::tagged(kind.word, kind.text);
  }
  out += roff::section("ENVIRONMENT");
  for (const SettingSpec& spec : setting_table())
    if (spec.environment != nullptr) out += roff::tagged(spec.environment, spec.help);
  out += roff::section("FILES") +
         roff::tagged("~/.config/syncctl/config.toml", "settings of the user") +
         roff::tagged("/etc/syncctl/config.toml", "settings of the machine") +
         roff::tagged(".syncctl.toml", "settings of a project: harmless ones only") +
         roff::tagged("$XDG_RUNTIME_DIR/syncd/syncd.sock", "the user's agent") +
         roff::tagged("/run/syncd/syncd.sock", "the machine's agent");
  out += roff::section("EXIT STATUS") + "See\n.BR syncctl\\-exit\\-codes (7).\n";
  return out + roff::section("SEE ALSO") +
         ".BR syncctl\\-exit\\-codes (7),\n.BR syncctl\\-revisions (7)\n";
}

std::string topic_page(const Topic& topic) {
  return roff::head("syncctl-" + std::string(topic.name), 7, topic.summary) +
         roff::section("DESCRIPTION") + roff::as_typed(roff::text(topic.text)) +
         roff::section("SEE ALSO") + ".BR syncctl (1)\n";
}

std::string code_list(std::span<const Flag> flags) {
  std::string out;
  for (const Flag& flag : flags)
    out += "- `" + trimmed_label(flag) + "`: " + flag_text(flag) + "\n";
  return out;
}

}  // namespace

std::map<std::string, std::string> man_pages() {
  std::map<std::string, std::string> pages;
  pages["syncctl.1"] = main_page();
  for (const Command* command : top_commands())
    pages[page_name(command->name) + ".1"] = command_page(*command);
  for (const Topic& topic : topics())
    if (std::string_view(topic.name) == "revisions" || std::string_view(topic.name) == "exit-codes")
      pages["syncctl-" + std::string(topic.name) + ".7"] = topic_page(topic);
  return pages;
}

std::string reference_page() {
  std::string out =
      "# syncctl reference\n\nMade from the command table; do not edit. Refresh it with the build "
      "target `reference`.\n\n## Global flags\n\n" +
      code_list(global_flags()) + "\n## Write flags\n\n" + code_list(write_flags());
  for (const Command& command : command_table()) {
    if (command.hidden || command.is_group) continue;
    out += "\n## " + std::string(command.name) + "\n\n" + sentence(command.summary) + "\n\n    " +
           usage_of(command) + "\n";
    std::string args;
    for (const Arg& arg : command.args) args += "- `" + shown(arg) + "`: " + arg.help + "\n";
    if (!args.empty()) out += "\n" + args;
    if (!command.flags.empty()) out += "\n" + code_list(command.flags);
    if (command.write_flags) out += "\nAlso the write flags.\n";
    for (const char* note : command.notes) out += "\n" + std::string(note) + "\n";
    out += "\n";
    for (const Example& example : command.examples)
      out += "    $ " + std::string(example.line) + "\n";
    if (!command.exits.empty()) out += "\n";
    for (const ExitNote& note : command.exits)
      out += "- exit " + std::to_string(note.code) + ": " + note.when + "\n";
    if (!command.kinds.empty()) {
      std::string kinds;
      for (const char* kind : command.kinds)
        kinds += (kinds.empty() ? "" : ", ") + std::string("`") + kind + "`";
      out += "\nPrints with `-o json`: " + kinds + ".\n";
    }
  }
  out += "\n## Exit codes\n\n| code | name | when | try again |\n| --- | --- | --- | --- |\n";
  for (const auto& row : control::exit_code_table())
    out += "| " + std::to_string(row.code) + " | " + row.name + " | " + row.summary + " | " +
           row.again + " |\n";
  out += "\n## Error codes\n\n| code | exit | when |\n| --- | --- | --- |\n";
  for (const auto& row : control::error_table())
    out += "| `" + std::string(row.code) + "` | " + std::to_string(row.exit) + " | " + row.summary +
           " |\n";
  return out;
}

}  // namespace converge::cli
