#pragma once

#include "agent/config/config.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace converge::config {

/// Reads one environment variable; a parameter, so that tests bring their own.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The process's own.
Environment process_environment();

/// Built-in places from HOME and the XDG variables (cli-design section 2); relative XDG values
/// count as unset. For root without HOME the system's places.
void apply_default_places(const Environment& environment, Config& config);

/// $XDG_CONFIG_HOME/syncd/syncd.toml, or /etc/syncd/syncd.toml; whichever exists first, else
/// nothing.
std::optional<std::filesystem::path> find_config_file(const Environment& environment);

/// SYNCD_STORE_DIR and so on: "SYNCD_" and the key in capitals, dots as underscores.
/// Errors: kInvalid naming the variable.
Result<void> apply_environment(const Environment& environment, Config& config);

}  // namespace converge::config
