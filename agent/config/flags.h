#pragma once

#include "agent/config/config.h"
#include "agent/config/environment.h"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace converge::config {

/// The command line of syncd, taken apart but not yet applied.
struct CommandLine {
  bool help = false;
  bool version = false;
  bool print_config = false;  ///< only show what would be in force
  std::optional<std::filesystem::path> config_file;
  std::vector<std::pair<std::string_view, std::string>> settings;  ///< flag and value, in order
};

/// "--flag VALUE" and "--flag=VALUE"; switches take no value. Errors: kInvalid naming the word.
Result<CommandLine> parse_command_line(std::span<const std::string> arguments);

/// Places, configuration file, environment, flags, in that order, then validated. A configuration
/// file that was named must exist; one at the usual place may be missing.
Result<Config> resolve(const CommandLine& line, const Environment& environment);

/// Text of --help, made from the table of keys.
std::string help_text();

}  // namespace converge::config
