#pragma once

#include "core/base/result.h"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace converge::config {

/// "500ms", "30s", "5m", "2h"; no bare numbers except 0 (cli-design DUR). Errors: kInvalid.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "64KiB", "10MB", "512" (bytes); binary and decimal suffixes up to TiB/TB (cli-design SIZE).
/// Errors: kInvalid, also for what does not fit 64 bits.
Result<std::uint64_t> parse_size(std::string_view text);

/// The shortest text that these read as the same value: "90s", "64MiB".
std::string format_duration(std::chrono::milliseconds value);
std::string format_size(std::uint64_t bytes);

/// A decimal number from `low` to `high`. Errors: kInvalid.
Result<std::int64_t> parse_integer(std::string_view text, std::int64_t low, std::int64_t high);

/// Host and port of "127.0.0.1:4433", "[::1]:0" or "nas.example:4433".
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text);

}  // namespace converge::config
