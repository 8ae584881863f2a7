#include "cli/commands/run.h"

#include "cli/app/invocation.h"
#include "cli/app/settings.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/session.h"
#include "cli/reference/help.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <system_error>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;

/// The format, as far as it can be told before the line is known to be right: an error about the
/// line itself must already have the form that was asked for.
std::string format_word(const std::vector<std::string>& words, const Environment& environment) {
  std::string format = environment("SYNCCTL_OUTPUT").value_or("text");
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const std::string& word = words[i];
    if (word == "--json") format = "json";
    if ((word == "-o" || word == "--output") && i + 1 < words.size()) format = words[i + 1];
    if (word.starts_with("--output=")) format = word.substr(9);
    if (word.starts_with("-o") && word.size() > 2 && word[2] != '-') format = word.substr(2);
  }
  return format;
}

int fail(Printer& printer, const Error& error) {
  printer.error(error);
  return control::exit_code_of(error);
}

std::string pager_of(const Invocation& invocation, const Settings& settings,
                     const Environment& environment) {
  if (invocation.has("no-pager")) return "";
  const Setting& setting = settings.setting("pager");
  // Set and empty means none; the environment hides empty variables, so getenv is asked directly.
  for (const char* name : {"SYNCCTL_PAGER", "PAGER"}) {
    if (std::string_view(name) == "PAGER" && !setting.value.empty()) return setting.value;
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    return *value == '\0' || std::string_view(value) == "cat" ? "" : value;
  }
  return environment("LESS") ? "less" : "LESS=FRX less";
}

Printer::Options printer_options(const Invocation& invocation, const Settings& settings,
                                 const Environment& environment) {
  Printer::Options options;
  std::string format = settings.get("output");
  if (const auto flag = invocation.value("output")) format = *flag;
  if (invocation.has("json")) format = "json";
  options.format = Format::from_word(format);
  std::string color = settings.get("color");
  if (const auto flag = invocation.value("color")) color = *flag;
  if (invocation.has("no-color")) color = "never";
  options.terminal = find_terminal(environment, color);
  options.quiet = invocation.has("quiet") || settings.get("quiet") == "true";
  options.verbose = static_cast<int>(invocation.count("verbose"));
  if (options.terminal.out_tty) options.pager = pager_of(invocation, settings, environment);
  return options;
}

/// -h, no command, a group alone: help on stdout.
std::optional<int> help_instead(const Invocation& invocation, const Environment& environment) {
  const bool asked = invocation.has("help");
  if (!asked && invocation.command != nullptr && !invocation.command->is_group) return std::nullopt;
  if (!asked && invocation.command == nullptr && invocation.has("version")) return std::nullopt;
  const Terminal terminal = find_terminal(environment, "auto");
  const bool bold = terminal.color_out && terminal.out_tty;
  std::string text;
  if (invocation.command == nullptr)
    text = asked ? full_help(bold) : short_help(bold);
  else
    text = help_on(invocation.command->name, bold).value_or(short_help(bold));
  std::fputs(text.c_str(), stdout);
  return control::exit_code::kOk;
}

int run_command(Invocation invocation, const Environment& environment, Printer& early) {
  const Places places = find_places(environment);
  std::error_code error;
  auto settings = Settings::load(environment, places, std::filesystem::current_path(error));
  // Commands that explain or repair a broken configuration must work in spite of it.
  const std::string_view name = invocation.command->name;
  const bool needs_settings = name != "config validate" && name != "config path" &&
                              name != "config edit" && name != "doctor" && name != "help" &&
                              name != "version" && name != "completion" && name != "man" &&
                              name != "schema";
  if (!settings && needs_settings) return fail(early, settings.error());
  if (!settings)
    settings = Settings::load([](const std::string&) { return std::optional<std::string>(); },
                              Places{}, "");
  if (!settings) return fail(early, settings.error());
  auto options = printer_options(invocation, *settings, environment);
  const Handler handler = find_handler(invocation.command->name);
  Session session({std::move(invocation), environment, places, std::move(*settings), options});
  if (handler == nullptr)
    return fail(session.out(), make_error(ErrorId::kInternal,
                                          "the command \"" + std::string(session.command().name) +
                                              "\" has no handler"));
  if (auto usable = session.out().check_format(); !usable)
    return fail(session.out(), usable.error());
  const auto exit = handler(session);
  return exit ? *exit : fail(session.out(), exit.error());
}

}  // namespace

int run(const std::vector<std::string>& words, const Environment& environment) {
  Printer::Options early;
  early.format = Format::from_word(format_word(words, environment));
  early.terminal = find_terminal(environment, "auto");
  Printer printer(early);
  try {
    auto invocation = parse_command_line(words);
    if (!invocation) return fail(printer, invocation.error());
    if (const auto done = help_instead(*invocation, environment)) return *done;
    if (invocation->has("version")) invocation->command = find_command("version");
    const int code = run_command(std::move(*invocation), environment, printer);
    // The session is gone, and with it whatever it had started.
    std::fflush(stdout);
    die_if_stopped();
    return code;
  } catch (const std::exception& bug) {  // a foreign exception that no module kept in
    return fail(printer, make_error(ErrorId::kInternal, std::string("unexpected: ") + bug.what()));
  }
}

}  // namespace converge::cli
