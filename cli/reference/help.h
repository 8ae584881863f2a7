#pragma once

#include "cli/app/command_table.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Everything that is said about the commands, made from the command table.
namespace converge::cli {

/// Headings are bold with `bold`. No line is over 80 columns.
std::string short_help(bool bold);
std::string full_help(bool bold);  ///< with the global flags
std::string group_help(const Command& group, bool bold);
std::string command_help(const Command& command, bool bold);
/// A command's help, a group's or a topic's; nothing when there is none.
std::optional<std::string> help_on(std::string_view words, bool bold);

struct Topic {
  const char* name;
  const char* summary;
  std::string text;
};
std::span<const Topic> topics();

/// The table itself: {"kind":"CommandTable",...}.
nlohmann::json table_json();

/// `text` broken at blanks to `width`, every line behind the first indented.
std::string wrapped(std::string_view text, std::size_t first_indent, std::size_t indent,
                    std::size_t width = 80);

/// "-o, --output FORMAT", as help and man pages print it.
std::string flag_label(const Flag& flag);
/// The flag's help with its choices and default.
std::string flag_text(const Flag& flag);

/// Commands that stand alone in the overview: no subcommands, nothing hidden.
std::vector<const Command*> top_commands();

/// Exit codes that every command may end with.
std::string general_exit_codes();

}  // namespace converge::cli
