#include "cli/app/settings.h"
#include "cli/reference/help.h"
#include "core/control/error_table.h"

namespace converge::cli {
namespace {

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string row(const std::string& left, const std::string& right, std::size_t column) {
  return padded("  " + left, column) + wrapped(right, column, column).substr(column);
}

std::string exit_codes() {
  std::string out = "Exit codes of syncctl. Code 1 only ever means \"the answer is no\".\n\n";
  for (const auto& code : control::exit_code_table())
    out += row(padded(std::to_string(code.code), 4) + code.name, code.summary, 22);
  out += "\n  130, 143, 141   ended by INT, TERM, PIPE (as the shell shows it)\n\n";
  std::string again;
  for (const auto& code : control::exit_code_table())
    if (std::string_view(code.again) == "yes")
      again += (again.empty() ? "" : ", ") + std::to_string(code.code);
  out += wrapped("Trying again may help with " + again +
                     "; with 5 after reading again, with 10 "
                     "for the items that failed, with 12 after freeing space.",
                 0, 0);
  out += "\n" + wrapped(
                    "Several failures in one run: the first of 2, 11, 7, 8, 12, 9, 4, 14, 6, "
                    "5, 3, 10, 20 wins.",
                    0, 0);
  out += "\nError codes, in the \"code\" of -o json and with -v:\n\n";
  for (const auto& error : control::error_table())
    out += row(padded(error.code, 22) + std::to_string(error.exit), error.summary, 30);
  return out;
}

std::string environment() {
  std::string out = "Environment variables. Flags win over them, they win over files.\n\n";
  for (const SettingSpec& spec : setting_table())
    if (spec.environment != nullptr) out += row(spec.environment, spec.help, 26);
  out += "\n";
  out += row("NO_COLOR", "no colour when set and not empty; wins over FORCE_COLOR", 26);
  out += row("FORCE_COLOR", "colour on pipes too", 26);
  out += row("PAGER", "pager when SYNCCTL_PAGER and the setting are unset", 26);
  out += row("VISUAL, EDITOR", "editor of config edit", 26);
  out += row("COLUMNS, LINES", "size when there is no terminal to ask", 26);
  out += row("XDG_CONFIG_HOME, ...", "where files are: \"syncctl config path\"", 26);
  return out + "\nNo secret is ever read from the environment.\n";
}

std::string configuration() {
  std::string out = wrapped(
      "Settings, strongest first: flag, environment, project file .syncctl.toml (found "
      "upwards from the working directory), user file, system file, built-in. "
      "\"syncctl config ls --show-origin\" shows each value with its place.",
      0, 0);
  out += "\nSettings (* may stand in a project file):\n\n";
  for (const SettingSpec& spec : setting_table())
    out += row(padded(std::string(spec.key) + (spec.project ? " *" : ""), 16) +
                   (*spec.fallback != '\0' ? spec.fallback : "-"),
               spec.help, 28);
  return out +
         "\nNamed agents and stores, for -C NAME:\n\n"
         "  [contexts.nas]\n"
         "  socket = \"/run/user/1000/nas.sock\"\n\n"
         "  [contexts.old]\n"
         "  store = \"/srv/backup/store\"\n";
}

constexpr const char* kRevisions =
    "A revision says which state of a document is meant. It stands behind the\n"
    "document (DOC@REV) or in a flag (--at, --base, --from, --to).\n\n"
    "  todo/home@1f3a9c2           a change hash, 7 or more hex digits\n"
    "  todo/home@1f3a9c2+88d0e1b   several heads; exactly what \"heads\" prints\n"
    "  todo/home@#184220           this replica's receipt number\n"
    "  todo/home@~3                three receipts of that document back\n"
    "  todo/home@{2h}              as this replica had it two hours ago\n"
    "  todo/home@{2026-11-20T09:00:00Z}\n\n"
    "Times select by when this replica received a change, never by the author's\n"
    "clock. Plain files know no receipts: they take hashes only.\n\n"
    "  $ rev=$(syncctl heads todo/home)\n"
    "  $ syncctl set todo/home /items/0/done true --base \"$rev\"\n";

constexpr const char* kPointers =
    "A JSON Pointer (RFC 6901) says where in a document.\n\n"
    "  \"\"                 the whole document\n"
    "  /items             the key \"items\"\n"
    "  /items/0/title     the title of the first item\n"
    "  /items/-           past the end: insert there to append\n"
    "  /a~1b              the key \"a/b\"; ~1 is /, ~0 is ~\n\n"
    "A list index means the list as it is now, which may have moved since a script\n"
    "looked. Scripts that edit inside lists pass --base REV: the index then means\n"
    "the list as it was at REV, and the edit is carried forward from there.\n";

constexpr const char* kOutput =
    "Output formats, chosen with -o.\n\n"
    "  text           for people: on a terminal a header, relative times, short ids,\n"
    "                 cut to the width; piped: tabs, no header, whole, never cut\n"
    "  wide           more columns, nothing cut\n"
    "  json           one object and a newline; pretty on a terminal\n"
    "  ndjson         one object a line, no list around them\n"
    "  csv            lists only, RFC 4180, with a header row\n"
    "  name           one id, name or hash a line, for xargs\n"
    "  jsonpath=PATH  PATH on the JSON form, one result a line, strings bare\n\n"
    "stdout is for data, stderr for everything else. Every JSON object but a\n"
    "document's own content has \"kind\" and \"v\"; within one v fields are only\n"
    "added, so readers must ignore fields they do not know. With -o json and\n"
    "ndjson an error is one Error object on stderr.\n\n"
    "Plain JSON turns counters into numbers, times and text into strings, bytes\n"
    "into base64. --typed loses nothing, and every command that reads JSON takes\n"
    "it:\n\n"
    "  {\"$counter\":3} {\"$timestamp\":\"2026-11-20T09:00:00.000Z\"} {\"$bytes\":\"AAEC\"}\n"
    "  {\"$text\":\"hello\"} {\"$uint\":\"18446744073709551615\"} {\"$float\":3}\n\n"
    "A real key that begins with $ is written with $$.\n";

constexpr const char* kConflicts =
    "No edit is ever thrown away. When two machines set the same field while apart,\n"
    "all values are kept; every replica shows the same one of them as the winner\n"
    "until somebody decides.\n\n"
    "  $ syncctl conflict ls                       what there is to decide\n"
    "  $ syncctl conflict show c-41d2              all values of one\n"
    "  $ syncctl conflict resolve c-41d2 --pick 2  choose\n"
    "  $ syncctl conflict resolve --all 'todo/*' --rule longest\n\n"
    "A resolution is an ordinary change that supersedes all competing values; it\n"
    "syncs like any other. Rules: max, min, union, longest, newest-received.\n"
    "Text, counters and lists merge by themselves and do not conflict.\n";

}  // namespace

std::span<const Topic> topics() {
  static const std::vector<Topic> all = {
      {"revisions", "how to name a state of a document", kRevisions},
      {"pointers", "how to name a place in a document", kPointers},
      {"exit-codes", "exit codes and error codes", exit_codes()},
      {"output", "output formats and typed JSON", kOutput},
      {"environment", "environment variables", environment()},
      {"configuration", "settings and their files", configuration()},
      {"conflicts", "values that were set concurrently", kConflicts},
  };
  return all;
}

}  // namespace converge::cli
