#include "agent/config/man.h"

#include "agent/config/keys.h"
#include "core/base/roff.h"
#include "core/control/error_table.h"

#include <fmt/format.h>

#include <string_view>

namespace converge::config {
namespace {

std::string flag_label(const KeySpec& spec) {
  return fmt::format("--{}{}{}", spec.flag, spec.placeholder.empty() ? "" : " ", spec.placeholder);
}

std::string_view type_text(ValueType type) {
  switch (type) {
    case ValueType::kText:
      return "a string";
    case ValueType::kInteger:
      return "a whole number";
    case ValueType::kBoolean:
      return "true or false";
    case ValueType::kSize:
      return "a size: \"64KiB\", \"10MB\", or a number of bytes";
    case ValueType::kDuration:
      return "a duration: \"500ms\", \"30s\", \"5m\", \"2h\"";
  }
  return "";
}

std::string options_part() {
  std::string out =
      roff::tagged("--config FILE",
                   "Read this configuration file; it must exist. Without it, the first that exists "
                   "of those under FILES.");
  for (const KeySpec& spec : keys()) {
    if (spec.flag.empty()) continue;
    std::string help = fmt::format("{}.", spec.help);
    if (!spec.default_text.empty() && !spec.placeholder.empty())
      help += fmt::format(" Default: {}.", spec.default_text);
    if (!spec.key.empty()) help += fmt::format(" In the file: {}.", spec.key);
    out += roff::tagged(flag_label(spec), help);
  }
  return out +
         roff::tagged("--print-config",
                      "Print the settings that would be in force, as JSON, and "
                      "exit; what is wrong with them is an error.") +
         roff::tagged("--version", "Print the version and exit.") +
         roff::tagged("-h, --help", "Print a summary and exit.");
}

std::string environment_part() {
  std::string out =
      "Every setting of\n.BR syncd.toml (5)\nhas a variable; it is stronger than the file and "
      "weaker than a flag.\n";
  for (const KeySpec& spec : keys()) {
    if (!spec.key.empty()) out += roff::tagged(variable_of(spec.key), spec.key);
  }
  return out + roff::tagged("HOME, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR",
                            "Where files are looked for and made; relative values are ignored.");
}

std::string files_part() {
  return roff::tagged("$XDG_CONFIG_HOME/syncd/syncd.toml", "The user's configuration.") +
         roff::tagged("/etc/syncd/syncd.toml", "The machine's configuration.") +
         roff::tagged("$XDG_DATA_HOME/syncd/store", "The replica. One process at a time.") +
         roff::tagged("$XDG_DATA_HOME/syncd/keys",
                      "device.key, this device's private key (mode 0600), and device.crt.") +
         roff::tagged("$XDG_RUNTIME_DIR/syncd/syncd.sock",
                      "The socket, for its owner alone; without XDG_RUNTIME_DIR it is made below "
                      "$XDG_STATE_HOME/syncd.");
}

std::string signals_part() {
  return roff::tagged("TERM, INT",
                      "Stop: refuse requests, finish those under way, close the store. What takes "
                      "longer than agent.shutdown_deadline is cut, which loses nothing that was "
                      "acknowledged.") +
         roff::tagged("HUP", "Read the configuration again, as \"syncctl agent reload\" does.") +
         roff::tagged("KILL", "Loses nothing that was acknowledged.");
}

std::string monitoring_part() {
  return roff::text(
             "With metrics.address set, these are served over HTTP on that loopback address:\n") +
         roff::tagged("/metrics", "Counters and gauges in Prometheus text form.") +
         roff::tagged("/healthz", "200 as long as the agent carries out requests.") +
         roff::tagged("/readyz",
                      "200 while it takes reads and writes; 503 with the reasons while "
                      "the store is read-only or failed, and when the agent stops.");
}

std::string exits_part() {
  std::string out;
  for (const int code :
       {control::exit_code::kOk, control::exit_code::kUsage, control::exit_code::kNotFound,
        control::exit_code::kDenied, control::exit_code::kBadData, control::exit_code::kLocked,
        control::exit_code::kIncompatible, control::exit_code::kNoSpace,
        control::exit_code::kFailed}) {
    for (const control::ExitCodeRow& row : control::exit_code_table()) {
      if (row.code == code) out += roff::tagged(std::to_string(code), row.summary);
    }
  }
  return out;
}

std::string agent_page() {
  return roff::head("syncd", 8, "the Converge agent: keeps documents in sync between machines") +
         roff::section("SYNOPSIS") + ".B syncd\n[flags]\n" + roff::section("DESCRIPTION") +
         roff::text(
             "syncd owns one replica of a workspace's documents: it keeps them durable, syncs them "
             "with peers (other agents, browsers and programs that speak the automerge-repo "
             "protocol over WebSocket), and serves syncctl on a Unix socket.\n") +
         ".PP\n" +
         roff::text(
             "It stays in the foreground and logs on stderr; systemd units for one user and "
             "for the machine come with it. It tells systemd when it is ready.\n") +
         roff::section("OPTIONS") + options_part() + roff::section("SIGNALS") + signals_part() +
         roff::section("MONITORING") + monitoring_part() + roff::section("ENVIRONMENT") +
         environment_part() + roff::section("FILES") + files_part() + roff::section("EXIT STATUS") +
         exits_part() + roff::section("EXAMPLES") +
         roff::as_typed(
             "$ syncd \\-\\-ephemeral \\-\\-socket /tmp/try/syncd.sock\n"
             "$ syncd \\-\\-listen 0.0.0.0:4433 \\-\\-log\\-format json\n"
             "$ systemctl \\-\\-user enable \\-\\-now syncd\n") +
         roff::section("SEE ALSO") +
         ".BR syncd.toml (5),\n.BR syncctl (1),\n.BR syncctl\\-agent (1),\n"
         ".BR syncctl\\-exit\\-codes (7)\n";
}

std::string setting_text(const KeySpec& spec) {
  std::string text = fmt::format("{}; {}.", spec.help, type_text(spec.type));
  if (!spec.default_text.empty()) text += fmt::format(" Default: {}.", spec.default_text);
  if (!spec.flag.empty()) text += fmt::format(" Flag: --{}.", spec.flag);
  return text + (spec.reloads ? " Changes at once when the agent reads its configuration again."
                              : " A change needs a restart.");
}

/// "store" for "store.dir".
std::string_view table_of(std::string_view key) { return key.substr(0, key.find('.')); }

std::string settings_part() {
  std::string out;
  std::string_view table;
  for (const KeySpec& spec : keys()) {
    if (spec.key.empty()) continue;
    if (table_of(spec.key) != table) {
      table = table_of(spec.key);
      out += fmt::format(".SS [{}]\n", table);
    }
    out += roff::tagged(spec.key.substr(table.size() + 1), setting_text(spec));
  }
  return out;
}

std::string file_page() {
  return roff::head("syncd.toml", 5, "configuration of the Converge agent") +
         roff::section("DESCRIPTION") +
         roff::text(
             "TOML, at most 1 MiB. The first that exists of "
             "$XDG_CONFIG_HOME/syncd/syncd.toml and /etc/syncd/syncd.toml is read, or the "
             "file that --config names; without one the defaults hold. Flags are stronger "
             "than the environment, which is stronger than the file. A key that is not "
             "listed here, or a value that does not fit, keeps the agent from starting, and "
             "is named with file, line and column.\n") +
         roff::section("SETTINGS") + settings_part() + roff::section("EXAMPLE") +
         roff::as_typed(roff::text(example_file())) + roff::section("SEE ALSO") +
         ".BR syncd (8),\n.BR syncctl\\-agent (1)\n";
}

}  // namespace

std::string variable_of(std::string_view key) {
  std::string name = "SYNCD_" + roff::upper(key);
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name;
}

std::string example_file() {
  return "# A machine that others connect to.\n"
         "[store]\n"
         "dir = \"/srv/converge/store\"\n"
         "document_cache = \"512MiB\"\n"
         "\n"
         "[listen]\n"
         "address = \"0.0.0.0:4433\"\n"
         "advertise = \"wss://nas.example:4433\"\n"
         "\n"
         "[metrics]\n"
         "address = \"127.0.0.1:9464\"\n"
         "\n"
         "[log]\n"
         "level = \"info\"\n"
         "format = \"json\"\n";
}

std::map<std::string, std::string> man_pages() {
  return {{"syncd.8", agent_page()}, {"syncd.toml.5", file_page()}};
}

}  // namespace converge::config
