#include "cli/app/tables.h"

#include <algorithm>

namespace converge::cli {
namespace {

std::vector<Command> cmd_agent() {
  return {
      {.name = "agent", .summary = "Ask and control the agent", .is_group = true},
      {.name = "agent show",
       .summary = "Show which agent answers, and for which store",
       .examples = {{"syncctl agent show", ""}},
       .kinds = {"Hello"},
       .see_also = {"status", "agent ping"}},
      {.name = "agent ping",
       .summary = "Measure how fast the agent answers",
       .examples = {{"syncctl agent ping", ""}},
       .kinds = {"Ping"},
       .see_also = {"agent show"}},
      {.name = "agent stop",
       .summary = "Let the agent finish its work and end",
       .flags = {{.name = "deadline",
                  .value = "DUR",
                  .kind = Kind::kDuration,
                  .help = "how long it may take",
                  .fallback = "10s"}},
       .examples = {{"syncctl agent stop", ""}},
       .see_also = {"agent show"},
       .writes = true},
  };
}

std::vector<Command> cmd_config() {
  const Arg key = {.name = "KEY", .kind = Kind::kKey, .help = "as config ls prints it"};
  return {
      {.name = "config", .summary = "See and change syncctl's settings", .is_group = true},
      {.name = "config ls",
       .summary = "List the settings in force",
       .flags = {{.name = "show-origin", .help = "where each value comes from"}},
       .examples = {{"syncctl config ls --show-origin", ""}},
       .kinds = {"SettingList"},
       .see_also = {"config get", "configuration", "environment"}},
      {.name = "config get",
       .summary = "Print one setting",
       .args = {key},
       .examples = {{"syncctl config get timeout", "30s"}},
       .exits = {{3, "no such setting"}},
       .kinds = {"Setting"},
       .see_also = {"config set"}},
      {.name = "config set",
       .summary = "Write one setting to the user's file",
       .args = {key, {.name = "VALUE", .kind = Kind::kText, .help = "the value as it stands"}},
       .examples = {{"syncctl config set timeout 1m", ""}},
       .exits = {{2, "the value is not one of this setting"}, {3, "no such setting"}},
       .kinds = {"Setting"},
       .see_also = {"config unset", "configuration"},
       .writes = true},
      {.name = "config unset",
       .summary = "Take one setting out of the user's file",
       .args = {key},
       .examples = {{"syncctl config unset timeout", ""}},
       .exits = {{3, "no such setting, or it is not in the file"}},
       .kinds = {"Setting"},
       .see_also = {"config set"},
       .writes = true},
      {.name = "config edit",
       .summary = "Open the user's file in the editor; it is checked before it is kept",
       .examples = {{"EDITOR=nano syncctl config edit", ""}},
       .exits = {{2, "what was written is not valid; the old file stays"},
                 {13, "there is no terminal"}},
       .kinds = {"ConfigReport"},
       .see_also = {"config validate"},
       .writes = true},
      {.name = "config validate",
       .summary = "Check configuration files",
       .args = {{.name = "FILE",
                 .kind = Kind::kFile,
                 .help = "default: all that would be read",
                 .optional = true}},
       .examples = {{"syncctl config validate ./config.toml", ""}},
       .exits = {{1, "there are findings"}, {8, "the file cannot be read"}},
       .kinds = {"ConfigReport"},
       .see_also = {"config ls", "configuration"},
       .answers = true},
      {.name = "config path",
       .summary = "Print where settings, sockets and stores are looked for",
       .examples = {{"syncctl config path", ""}},
       .kinds = {"PathList"},
       .see_also = {"configuration"}},
  };
}

}  // namespace

std::vector<Command> operate_commands() {
  std::vector<Command> all = cmd_agent();
  std::ranges::move(cmd_config(), std::back_inserter(all));
  for (Command& command : all) command.group = Group::kOperate;
  return all;
}

std::vector<Command> more_commands() {
  std::vector<Command> all = {
      {.name = "completion",
       .summary = "Print the completion script of a shell",
       .args = {{.name = "SHELL",
                 .kind = Kind::kEnum,
                 .help = "whose",
                 .choices = {"bash", "zsh", "fish", "powershell"}}},
       .examples = {{"syncctl completion bash > ~/.local/share/bash-completion/completions/syncctl",
                     ""},
                    {"source <(syncctl completion zsh)", ""}},
       .see_also = {"help"}},
      {.name = "man",
       .summary = "Show a manual page",
       .args = {{.name = "COMMAND",
                 .kind = Kind::kTopic,
                 .help = "a command; without it syncctl",
                 .optional = true,
                 .repeats = true}},
       .examples = {{"syncctl man get", ""}, {"syncctl man set | mandoc -T pdf > set.pdf", ""}},
       .see_also = {"help"},
       .notes = {"Piped output is the page's source."},
       .pages = true},
      {.name = "schema",
       .summary = "Print the JSON Schema of an output kind",
       .args = {{.name = "KIND",
                 .kind = Kind::kText,
                 .help = "such as Ack; without it the list",
                 .optional = true}},
       .flags = {{.name = "all", .help = "every schema in one object"}},
       .examples = {{"syncctl schema Ack", ""}},
       .exits = {{3, "no such kind"}},
       .see_also = {"output"}},
      {.name = "help",
       .summary = "Explain a command or a topic",
       .args = {{.name = "TOPIC",
                 .kind = Kind::kTopic,
                 .help = "a command or a topic",
                 .optional = true,
                 .repeats = true}},
       .flags = {{.name = "all", .help = "every command; with -o json the command table"}},
       .examples = {{"syncctl help get", ""},
                    {"syncctl help exit-codes", ""},
                    {"syncctl help --all -o json", ""}},
       .exits = {{2, "no such command or topic"}},
       .kinds = {"CommandTable"},
       .see_also = {"man"},
       .pages = true},
      {.name = "version",
       .summary = "Print the version",
       .examples = {{"syncctl version", "syncctl 0.1.0"}},
       .kinds = {"Version"}},
      {.name = "__complete",
       .summary = "Print candidates for a completion script",
       .args = {{.name = "WORD",
                 .kind = Kind::kText,
                 .help = "the line so far",
                 .optional = true,
                 .repeats = true}},
       .hidden = true},
  };
  for (Command& command : all) command.group = Group::kMore;
  return all;
}

}  // namespace converge::cli
