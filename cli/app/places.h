#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace converge::cli {

/// The process's environment as a value, so that tests bring their own. Empty variables are unset.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

/// Where things are (contract, section 2). An unset or relative XDG variable means its default.
struct Places {
  std::filesystem::path user_config;    ///< $XDG_CONFIG_HOME/syncctl/config.toml
  std::filesystem::path system_config;  ///< /etc/syncctl/config.toml
  std::filesystem::path agent_config;   ///< $XDG_CONFIG_HOME/syncd/syncd.toml
  std::filesystem::path user_socket;    ///< $XDG_RUNTIME_DIR/syncd/syncd.sock
  std::filesystem::path system_socket;  ///< /run/syncd/syncd.sock
  std::filesystem::path user_store;     ///< $XDG_DATA_HOME/syncd/store
  std::filesystem::path state;          ///< $XDG_STATE_HOME/syncctl
  std::filesystem::path cache;          ///< $XDG_CACHE_HOME/syncctl
};
Places find_places(const Environment& environment);

/// The nearest .syncctl.toml from `directory` upwards.
std::optional<std::filesystem::path> find_project_file(std::filesystem::path directory);

}  // namespace converge::cli
