#pragma once

#include "agent/config/config.h"

#include <span>
#include <string>
#include <string_view>

namespace converge::config {

/// How a value is written in the configuration file; on the command line and in the environment
/// everything is text.
enum class ValueType { kText, kInteger, kBoolean, kSize, kDuration };

/// One setting. The table of these is the only list: parser, environment, `--help` and
/// syncd.toml(5) are made from it.
struct KeySpec {
  std::string_view key;          ///< "store.dir"; empty for settings that only exist as a flag
  std::string_view flag;         ///< "store"; empty for none
  std::string_view placeholder;  ///< "DIR"; empty for switches
  ValueType type;
  std::string_view default_text;
  std::string_view help;  ///< one sentence without a full stop
  Result<void> (*apply)(Config& config, std::string_view text);
  /// The value as text that `apply` takes; empty where nothing is set.
  std::string (*show)(const Config& config);
  bool reloads = false;  ///< takes effect without a restart: SIGHUP, `syncctl agent reload`
};

std::span<const KeySpec> keys();

/// Nothing called so: null.
const KeySpec* find_key(std::string_view key);
const KeySpec* find_flag(std::string_view flag);

}  // namespace converge::config
