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
      {.name = "agent reload",
       .summary = "Have the agent read its configuration again",
       .examples = {{"syncctl agent reload", "changed  log.level"}},
       .exits = {{2, "the configuration is not valid; the agent goes on as before"}},
       .kinds = {"ReloadReport"},
       .see_also = {"agent level", "config"},
       .notes = {"What can change while the agent runs does so at once; settings that need a "
                 "restart are named in a warning. SIGHUP does the same."},
       .writes = true},
  };
}

std::vector<Command> cmd_agent_telemetry() {
  return {
      {.name = "agent metrics",
       .summary = "Print the agent's counters in Prometheus text form",
       .examples = {{"syncctl agent metrics", ""},
                    {"syncctl agent metrics -o 'jsonpath=$.items[*].name'", ""}},
       .kinds = {"Metrics"},
       .see_also = {"status"}},
      {.name = "agent logs",
       .summary = "Print what the agent logged",
       .flags = {{.name = "follow", .help = "go on with new lines as they come"},
                 {.name = "level",
                  .value = "LEVEL",
                  .kind = Kind::kEnum,
                  .help = "this level and worse",
                  .choices = {"trace", "debug", "info", "warn", "error"}},
                 {.name = "since",
                  .value = "WHEN",
                  .kind = Kind::kWhen,
                  .help = "lines from this time on"}},
       .examples = {{"syncctl agent logs --level warn --since 2h", ""},
                    {"syncctl agent logs --follow", ""}},
       .kinds = {"LogLine", "LogLineList"},
       .see_also = {"agent level"},
       .notes = {"The agent keeps its newest lines in memory, up to 4,000 of them; older ones "
                 "are in the journal, or wherever its stderr goes."}},
      {.name = "agent level",
       .summary = "Show or change how much the agent logs",
       .args = {{.name = "LEVEL",
                 .kind = Kind::kEnum,
                 .help = "log this and worse",
                 .optional = true,
                 .choices = {"trace", "debug", "info", "warn", "error"}}},
       .flags = {{.name = "for",
                  .value = "DUR",
                  .kind = Kind::kDuration,
                  .help = "then back to what the configuration says"}},
       .examples = {{"syncctl agent level debug --for 10m", "debug"}},
       .kinds = {"LogLevel"},
       .see_also = {"agent logs", "agent reload"},
       .writes = true},
  };
}

std::vector<Command> cmd_key() {
  const Arg key = {.name = "KEY",
                   .kind = Kind::kText,
                   .help = "a fingerprint or its beginning, a peer's name, or self"};
  return {
      {.name = "key", .summary = "See, trust and replace the keys of devices", .is_group = true},
      {.name = "key new",
       .summary = "Make a key: this device's when it has none, or one to give away",
       .flags = {{.name = "name",
                  .value = "NAME",
                  .kind = Kind::kText,
                  .help = "of the files NAME.key and NAME.crt in the agent's key directory"}},
       .examples = {{"syncctl key new --name phone", "SHA256:5be77100..."}},
       .kinds = {"KeyMade"},
       .see_also = {"key ls"},
       .writes = true},
      {.name = "key ls",
       .summary = "List the keys of this device and of its peers",
       .examples = {{"syncctl key ls", ""}},
       .kinds = {"KeyList"},
       .see_also = {"key show", "peer ls"},
       .notes = {"The states: own; pinned, a configured peer must show it; seen, a peer that is "
                 "connected shows it; revoked."}},
      {.name = "key show",
       .summary = "Print a key's fingerprint, which peers pin",
       .args = {{.name = "KEY", .kind = Kind::kText, .help = key.help, .optional = true}},
       .examples = {{"syncctl key show > laptop.key", ""},
                    {"ssh nas syncctl key show | syncctl key trust nas -f -", ""}},
       .exits = {{3, "no such key"}},
       .kinds = {"Key"},
       .see_also = {"key trust", "peer add"},
       .notes = {"Without KEY it is this device's own."}},
      {.name = "key trust",
       .summary = "Pin a peer's key, after the peer got another one",
       .args = {{.name = "PEER", .kind = Kind::kPeer, .help = "whose key it is"}},
       .flags = {{.name = "file",
                  .letter = 'f',
                  .value = "FILE",
                  .kind = Kind::kFile,
                  .help = "what \"syncctl key show\" prints on the peer"}},
       .examples = {{"ssh nas syncctl key show | syncctl key trust nas -f -", ""}},
       .exits = {{3, "no such peer"}},
       .kinds = {"Peer"},
       .see_also = {"key show", "key revoke", "peer set"},
       .notes = {"A key that was revoked is admitted again."},
       .writes = true},
      {.name = "key revoke",
       .summary = "Refuse a key from now on, whoever shows it",
       .args = {key},
       .examples = {{"syncctl key revoke phone", ""}},
       .exits = {{2, "it is this device's own"}, {3, "no such key"}},
       .kinds = {"Key"},
       .see_also = {"key trust", "peer rm"},
       .notes = {"Connections that showed it are closed. What the peer already has it keeps, and "
                 "who has no key at all is not affected: use listen.tls = \"on\" for that."},
       .writes = true},
      {.name = "key rotate",
       .summary = "Make a new key for this device in the place of its own",
       .examples = {{"syncctl key rotate --yes", "SHA256:88d0e1b4..."}},
       .exits = {{13, "answered no"}},
       .kinds = {"KeyMade"},
       .see_also = {"key show", "key trust"},
       .notes = {"The agent shows the new key after a restart. Every peer that pinned the one "
                 "before refuses this device until \"syncctl key trust\" there; the old files are "
                 "kept as device.key.old and device.crt.old."},
       .writes = true},
  };
}

std::vector<Command> cmd_doctor() {
  return {
      {.name = "doctor",
       .summary = "Look for what is wrong with the agent, its files and its peers",
       .flags = {{.name = "fix", .help = "repair what can be repaired without harm: file modes"}},
       .examples = {{"syncctl doctor", ""}, {"syncctl doctor -o name", "key"}},
       .exits = {{1, "at least one check failed"}},
       .kinds = {"DoctorReport"},
       .see_also = {"status", "store check", "agent show"},
       .notes = {"One line a check: settings, config (of the agent), socket, agent, version, "
                 "restart, store, lock, space, key, listener, clock, status, peer, outbox. "
                 "Warnings alone exit 0. With --store only what concerns that directory is "
                 "looked at."},
       .writes = true,
       .answers = true},
  };
}

std::vector<Command> cmd_bundle() {
  return {
      {.name = "bundle",
       .summary = "Collect what is needed to look into a fault, for a report",
       .flags = {{.name = "doc",
                  .value = "DOC",
                  .kind = Kind::kDoc,
                  .help = "with the changes of this document"},
                 {.name = "reproduce",
                  .value = "CMD",
                  .kind = Kind::kShell,
                  .help = "run this first (sh -c), so that the log tells of it"},
                 {.name = "no-anonymize", .help = "with names, addresses, paths and contents"},
                 {.name = "to",
                  .value = "FILE",
                  .kind = Kind::kFile,
                  .help = "where to; default: syncctl-bundle-TIME.tar (-: stdout)"},
                 {.name = "force", .help = "replace FILE"}},
       .examples = {{"syncctl bundle",
                     "wrote  syncctl-bundle-20261123T101500Z.tar  48 KiB  "
                     "anonymized"},
                    {"syncctl bundle --doc todo/home --reproduce 'syncctl get todo/home'", ""}},
       .exits = {{5, "FILE exists"},
                 {10, "the document or the command could not be had; the rest is written"}},
       .kinds = {"Bundle"},
       .see_also = {"doctor", "agent logs", "debug change"},
       .notes =
           {"A tar archive of JSON files: system, settings, status, counters, peers, store, "
            "quarantine and the newest log lines. Texts that are not the program's own words "
            "become hashes under a key that is thrown away: equal ones stay equal. The "
            "document's texts keep their length and its keys become hashes; its numbers and "
            "times stay. Look into it before it is sent.",
            "Without an agent the bundle has what can be known without. Secrets are in none."}},
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
  std::ranges::move(cmd_agent_telemetry(), std::back_inserter(all));
  std::ranges::move(cmd_key(), std::back_inserter(all));
  std::ranges::move(cmd_config(), std::back_inserter(all));
  std::ranges::move(cmd_doctor(), std::back_inserter(all));
  std::ranges::move(cmd_bundle(), std::back_inserter(all));
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
       .kinds = {"Completion"},
       .see_also = {"help"}},
      {.name = "man",
       .summary = "Show a manual page",
       .args = {{.name = "COMMAND",
                 .kind = Kind::kTopic,
                 .help = "a command; without it syncctl",
                 .optional = true,
                 .repeats = true}},
       .examples = {{"syncctl man get", ""}, {"syncctl man set | mandoc -T pdf > set.pdf", ""}},
       .kinds = {"ManPage"},
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
       .kinds = {"CommandTable", "Help"},
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
