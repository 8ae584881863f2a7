#pragma once

#include "cli/app/places.h"
#include "core/base/result.h"

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace converge::cli {

enum class SettingType { kText, kDuration, kBool, kInt, kFormat, kColor, kProgress };

/// One row of the table of settings.
struct SettingSpec {
  const char* key;
  SettingType type;
  const char* fallback;     ///< as text; empty: none
  bool project;             ///< a project file may set it
  const char* environment;  ///< the variable; null: none
  const char* help;
};

std::span<const SettingSpec> setting_table();
const SettingSpec* find_setting(std::string_view key);

/// Whether `value` can be the setting's. Errors: config.invalid.
Result<void> check_setting(const SettingSpec& spec, std::string_view value);

/// One value with the place it came from: "built-in", "SYNCCTL_OUTPUT", "/etc/...:3".
struct Setting {
  std::string key;
  std::string value;
  std::string origin;
};

/// A named agent or store of a configuration file: [contexts.NAME].
struct Context {
  std::string socket;
  std::string store;
};

/// All settings in force but those of flags. Files are read once, at the start.
class Settings {
 public:
  /// Built-in, system file, user file, project file, environment; later ones win. A missing file is
  /// fine. Errors: config.invalid with file and line.
  static Result<Settings> load(const Environment& environment, const Places& places,
                               const std::filesystem::path& working_directory);

  /// The value of a key of the table; empty when it has none.
  const std::string& get(std::string_view key) const;
  const Setting& setting(std::string_view key) const;
  std::vector<Setting> all() const;
  const std::map<std::string, Context>& contexts() const { return contexts_; }

 private:
  std::map<std::string, Setting, std::less<>> values_;
  std::map<std::string, Context> contexts_;
};

/// What one configuration file says, checked key by key.
struct ConfigFile {
  std::vector<Setting> settings;  ///< origin "FILE:LINE"
  std::map<std::string, Context> contexts;
  std::vector<Error> findings;  ///< config.invalid, in file order; settings with one are left out
};

/// `project`: only harmless keys are allowed. Errors: input.file when it cannot be read,
/// config.invalid when it is not TOML.
Result<ConfigFile> read_config_file(const std::filesystem::path& file, bool project);

/// `text` with `key` set to `value`, or taken out when `value` is empty; the rest, comments
/// included, stays. REQUIRES: text is a valid configuration file.
std::string edit_config(std::string_view text, const SettingSpec& spec,
                        const std::optional<std::string>& value);

}  // namespace converge::cli
