#pragma once

#include "agent/config/config.h"

#include <filesystem>
#include <string_view>

namespace converge::config {

/// Sets what the TOML text says. `origin` names the file in errors, which carry line and column.
/// Errors: kInvalid (syntax, unknown key, wrong type, bad value); `config` may then be half set.
Result<void> apply_toml(std::string_view text, std::string_view origin, Config& config);

/// The same for a file. Errors: also kNotFound, kIo, kLimitExceeded (over 1 MiB).
Result<void> apply_file(const std::filesystem::path& path, Config& config);

}  // namespace converge::config
