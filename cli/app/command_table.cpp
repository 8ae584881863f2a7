#include "cli/app/command_table.h"

#include "cli/app/tables.h"

#include <algorithm>

namespace converge::cli {

std::span<const Command> command_table() {
  static const std::vector<Command> table = [] {
    std::vector<Command> all;
    for (auto part : {document_commands(), history_commands(), sync_commands(), verify_commands(),
                      operate_commands(), store_commands(), more_commands()})
      std::ranges::move(part, std::back_inserter(all));
    return all;
  }();
  return table;
}

std::span<const Flag> global_flags() {
  static const std::vector<Flag> flags = {
      {.name = "output",
       .letter = 'o',
       .value = "FORMAT",
       .kind = Kind::kFormat,
       .help = "text, wide, json, ndjson, csv, name or jsonpath=PATH",
       .fallback = "text"},
      {.name = "json", .help = "the same as -o json", .excludes = {"output"}},
      {.name = "context",
       .letter = 'C',
       .value = "NAME",
       .kind = Kind::kContext,
       .help = "configured agent or store, or a ready file that syncd wrote"},
      {.name = "socket", .value = "PATH", .kind = Kind::kSocket, .help = "agent socket"},
      {.name = "store",
       .value = "DIR",
       .kind = Kind::kDir,
       .help = "open a stopped store",
       .excludes = {"socket"}},
      {.name = "at",
       .value = "WHEN",
       .kind = Kind::kAt,
       .help = "reading commands: the state as it was then"},
      {.name = "timeout",
       .value = "DUR",
       .kind = Kind::kDuration,
       .help = "limit of the whole command; 0 is none",
       .fallback = "30s"},
      {.name = "dry-run",
       .letter = 'n',
       .help = "on commands that change something: say what would happen"},
      {.name = "quiet", .letter = 'q', .help = "no notes, no progress; errors and data only"},
      {.name = "verbose", .letter = 'v', .help = "say more; twice: every request", .repeats = true},
      {.name = "yes", .letter = 'y', .help = "answer yes to confirmations"},
      {.name = "no-input", .help = "never prompt; what would prompt fails with exit 13"},
      {.name = "color",
       .value = "WHEN",
       .kind = Kind::kEnum,
       .help = "when to use colour",
       .fallback = "auto",
       .choices = {"auto", "always", "never"}},
      {.name = "no-color", .help = "the same as --color never", .excludes = {"color"}},
      {.name = "no-pager", .help = "never use a pager"},
      {.name = "progress",
       .value = "HOW",
       .kind = Kind::kEnum,
       .help = "how to show progress",
       .fallback = "auto",
       .choices = {"auto", "plain", "json", "none"}},
      {.name = "debug", .help = "wire trace on stderr, secrets masked"},
      {.name = "help", .letter = 'h', .help = "help on the command; wins over everything else"},
      {.name = "version", .help = "the same as the command version"},
  };
  return flags;
}

std::span<const Flag> write_flags() {
  static const std::vector<Flag> flags = {
      {.name = "message", .letter = 'm', .value = "MSG", .help = "the change's message"},
      {.name = "base",
       .value = "REV",
       .kind = Kind::kRev,
       .help = "edit as of REV and carry the edit forward from there"},
      {.name = "if-heads",
       .value = "REV",
       .kind = Kind::kRev,
       .help = "only if the document is at exactly these heads"},
      {.name = "if-value",
       .value = "VALUE",
       .kind = Kind::kValue,
       .help = "only if the value now is this one",
       .excludes = {"if-absent"}},
      {.name = "if-absent", .help = "only if nothing is there now"},
      {.name = "ack",
       .value = "WHO",
       .help = "wait for local, peer=NAME or peers=N",
       .fallback = "local"},
      {.name = "durability",
       .value = "HOW",
       .kind = Kind::kEnum,
       .help = "answer when on disk, or when handed to the system",
       .fallback = "durable",
       .choices = {"durable", "relaxed"}},
      {.name = "no-queue", .help = "fail with exit 4 when the agent is down"},
      {.name = "request-id", .value = "ID", .help = "the same id again answers the first result"},
  };
  return flags;
}

std::vector<Flag> flags_of(const Command& command) {
  std::vector<Flag> flags = command.flags;
  if (command.write_flags) std::ranges::copy(write_flags(), std::back_inserter(flags));
  return flags;
}

const Command* find_command(std::string_view words) {
  const auto table = command_table();
  const auto found = std::ranges::find_if(
      table, [&](const Command& command) { return std::string_view(command.name) == words; });
  return found == table.end() ? nullptr : &*found;
}

std::vector<const Command*> subcommands_of(const Command& group) {
  const std::string prefix = std::string(group.name) + " ";
  std::vector<const Command*> below;
  for (const Command& command : command_table())
    if (std::string_view(command.name).starts_with(prefix)) below.push_back(&command);
  return below;
}

const char* title_of(Group group) {
  switch (group) {
    case Group::kDocuments:
      return "Documents";
    case Group::kHistory:
      return "History";
    case Group::kSync:
      return "Sync";
    case Group::kVerify:
      return "Verify";
    case Group::kOperate:
      return "Operate";
    case Group::kMore:
      return "More";
  }
  return "";
}

std::string shown(const Arg& arg) {
  std::string text = arg.name;
  if (arg.repeats) text += "...";
  if (arg.kind == Kind::kCommand) text = "-- " + text;
  return arg.optional ? "[" + text + "]" : text;
}

std::string usage_of(const Command& command) {
  std::string usage = std::string("syncctl ") + command.name;
  if (command.is_group) return usage + " COMMAND";
  bool has_command = false;
  for (const Arg& arg : command.args) {
    if (arg.kind == Kind::kCommand) {
      has_command = true;
      continue;
    }
    usage += " " + shown(arg);
  }
  if (!command.flags.empty() || command.write_flags) usage += " [flags]";
  if (has_command) usage += " " + shown(command.args.back());
  return usage;
}

}  // namespace converge::cli
