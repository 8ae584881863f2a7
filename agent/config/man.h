#pragma once

#include <map>
#include <string>

namespace converge::config {

/// syncd(8) and syncd.toml(5) in man(7), by file name; made from the table of keys (keys.h), so
/// that a setting that exists is described and one that is described exists.
std::map<std::string, std::string> man_pages();

/// The configuration file that syncd.toml(5) shows; a test reads it.
std::string example_file();

/// "SYNCD_LOG_LEVEL" for "log.level".
std::string variable_of(std::string_view key);

}  // namespace converge::config
