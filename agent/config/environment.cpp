#include "agent/config/environment.h"

#include "agent/config/keys.h"
#include "agent/config/man.h"

#include <fmt/format.h>

#include <cstdlib>
#include <system_error>

namespace converge::config {
namespace {

namespace fs = std::filesystem;

/// An XDG base directory, its default below HOME, or nothing when neither is known.
std::optional<fs::path> base_directory(const Environment& environment, std::string_view variable,
                                       std::string_view below_home) {
  if (const auto set = environment(variable); set && fs::path(*set).is_absolute())
    return fs::path(*set);
  if (below_home.empty()) return std::nullopt;
  const auto home = environment("HOME");
  if (!home || !fs::path(*home).is_absolute()) return std::nullopt;
  return fs::path(*home) / below_home;
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

void apply_default_places(const Environment& environment, Config& config) {
  const auto data = base_directory(environment, "XDG_DATA_HOME", ".local/share");
  config.store_dir = data ? *data / "syncd/store" : fs::path("/var/lib/syncd/store");
  config.keys_dir = data ? *data / "syncd/keys" : fs::path("/var/lib/syncd/keys");
  if (const auto state = base_directory(environment, "XDG_STATE_HOME", ".local/state")) {
    config.outbox = *state / "syncctl/outbox";
  }
  if (const auto runtime = base_directory(environment, "XDG_RUNTIME_DIR", "")) {
    config.socket = *runtime / "syncd/syncd.sock";
  } else if (const auto state = base_directory(environment, "XDG_STATE_HOME", ".local/state")) {
    config.socket = *state / "syncd/run/syncd.sock";
  } else {
    config.socket = "/run/syncd/syncd.sock";
  }
}

std::optional<fs::path> find_config_file(const Environment& environment) {
  std::error_code ignored;
  if (const auto base = base_directory(environment, "XDG_CONFIG_HOME", ".config")) {
    fs::path path = *base / "syncd/syncd.toml";
    if (fs::exists(path, ignored)) return path;
  }
  const fs::path system = "/etc/syncd/syncd.toml";
  if (fs::exists(system, ignored)) return system;
  return std::nullopt;
}

Result<void> apply_environment(const Environment& environment, Config& config) {
  for (const KeySpec& spec : keys()) {
    if (spec.key.empty()) continue;
    const std::string name = variable_of(spec.key);
    const auto value = environment(name);
    if (!value) continue;
    const auto done = spec.apply(config, *value);
    if (!done) return Error{ErrorCode::kInvalid, fmt::format("{}: {}", name, done.error().message)};
  }
  return {};
}

}  // namespace converge::config
