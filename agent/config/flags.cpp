#include "agent/config/flags.h"

#include "agent/config/keys.h"
#include "agent/config/toml_file.h"

#include <fmt/format.h>

namespace converge::config {
namespace {

Error usage(std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message), "usage.flag",
               "\"syncd --help\" lists the flags"};
}

bool sets(const CommandLine& line, std::string_view wanted) {
  for (const auto& [flag, value] : line.settings) {
    if (flag == wanted) return true;
  }
  return false;
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const std::string> arguments) {
  CommandLine line;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--help" || word == "-h") {
      line.help = true;
      continue;
    }
    if (word == "--version") {
      line.version = true;
      continue;
    }
    if (word == "--print-config") {
      line.print_config = true;
      continue;
    }
    if (!word.starts_with("--")) return usage(fmt::format("\"{}\" is not a flag of syncd", word));
    const std::size_t equals = word.find('=');
    const bool inline_value = equals != std::string::npos;
    const std::string name = word.substr(2, inline_value ? equals - 2 : std::string::npos);
    const KeySpec* spec = find_flag(name);
    const bool is_config = name == "config";
    if (spec == nullptr && !is_config)
      return usage(fmt::format("\"--{}\" is not a flag of syncd", name));
    const bool is_switch = spec != nullptr && spec->placeholder.empty();
    std::string value = "true";
    if (inline_value) {
      value = word.substr(equals + 1);
    } else if (!is_switch) {
      if (i + 1 == arguments.size()) return usage(fmt::format("\"--{}\" needs a value", name));
      value = arguments[++i];
    }
    if (is_config) {
      line.config_file = value;
    } else {
      line.settings.emplace_back(spec->flag, std::move(value));
    }
  }
  return line;
}

Result<Config> resolve(const CommandLine& line, const Environment& environment) {
  Config config;
  apply_default_places(environment, config);
  const auto file = line.config_file ? line.config_file : find_config_file(environment);
  if (file) {
    const auto done = apply_file(*file, config);
    if (!done) return done.error();
    config.file = *file;
  }
  const auto done = apply_environment(environment, config);
  if (!done) return done.error();
  for (const auto& [flag, value] : line.settings) {
    const auto applied = find_flag(flag)->apply(config, value);
    if (!applied) return usage(fmt::format("--{}: {}", flag, applied.error().message));
  }
  // An agent for one test must not fight over the usual port and socket.
  if (config.ephemeral && !sets(line, "listen")) config.listen = "127.0.0.1:0";
  if (config.ephemeral && !sets(line, "metrics")) config.metrics = "off";
  if (config.ephemeral && !sets(line, "socket")) config.socket.clear();
  if (config.ephemeral && !sets(line, "keys")) config.keys_dir.clear();
  const auto valid = validate(config);
  if (!valid) return valid.error();
  return config;
}

std::string help_text() {
  std::string text =
      "The Converge agent: owns a replica, syncs it with peers, serves syncctl.\n\n"
      "Usage: syncd [flags]\n\n";
  const auto row = [&text](const std::string& left, std::string_view help) {
    text += fmt::format("  {:<24} {}\n", left, help);
  };
  row("--config FILE", "configuration, instead of $XDG_CONFIG_HOME/syncd/syncd.toml");
  for (const KeySpec& spec : keys()) {
    if (spec.flag.empty()) continue;
    row(fmt::format("--{}{}{}", spec.flag, spec.placeholder.empty() ? "" : " ", spec.placeholder),
        spec.help);
  }
  row("--print-config", "print the settings that would be in force, as JSON, and exit");
  row("--version", "print the version and exit");
  row("-h, --help", "print this and exit");
  return text;
}

}  // namespace converge::config
