#include "cli/app/places.h"

#include <cstdlib>
#include <system_error>

namespace converge::cli {

namespace fs = std::filesystem;

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
}

Places find_places(const Environment& environment) {
  const fs::path home = environment("HOME").value_or("/");
  const auto xdg = [&](const char* name, const char* fallback) {
    const fs::path path = environment(name).value_or("");
    return path.is_absolute() ? path : home / fallback;
  };
  const fs::path config = xdg("XDG_CONFIG_HOME", ".config");
  const fs::path state = xdg("XDG_STATE_HOME", ".local/state");
  const fs::path runtime = environment("XDG_RUNTIME_DIR").value_or("");
  return {.user_config = config / "syncctl" / "config.toml",
          .system_config = "/etc/syncctl/config.toml",
          .agent_config = config / "syncd" / "syncd.toml",
          .user_socket =
              (runtime.is_absolute() ? runtime / "syncd" : state / "syncd" / "run") / "syncd.sock",
          .system_socket = "/run/syncd/syncd.sock",
          .user_store = xdg("XDG_DATA_HOME", ".local/share") / "syncd" / "store",
          .state = state / "syncctl",
          .cache = xdg("XDG_CACHE_HOME", ".cache") / "syncctl"};
}

std::optional<fs::path> find_project_file(fs::path directory) {
  std::error_code error;
  while (!directory.empty()) {
    const fs::path candidate = directory / ".syncctl.toml";
    if (fs::is_regular_file(candidate, error)) return candidate;
    const fs::path parent = directory.parent_path();
    if (parent == directory) break;
    directory = parent;
  }
  return std::nullopt;
}

}  // namespace converge::cli
