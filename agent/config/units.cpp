#include "agent/config/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

namespace converge::config {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

/// Splits "12KiB" into 12 and the factor of its suffix; nothing when either is missing or too
/// large.
template <std::size_t N>
std::optional<std::uint64_t> scaled(std::string_view text, const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit.suffix != suffix) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

constexpr std::array<Unit, 4> kDurations{
    {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}}};

constexpr std::array<Unit, 10> kSizes{{{"", 1},
                                       {"B", 1},
                                       {"KiB", std::uint64_t{1} << 10},
                                       {"MiB", std::uint64_t{1} << 20},
                                       {"GiB", std::uint64_t{1} << 30},
                                       {"TiB", std::uint64_t{1} << 40},
                                       {"KB", 1000},
                                       {"MB", 1000 * 1000},
                                       {"GB", 1000 * 1000 * 1000},
                                       {"TB", std::uint64_t{1000} * 1000 * 1000 * 1000}}};

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  const auto value = scaled(text, kDurations);
  constexpr std::uint64_t kMax = std::uint64_t{1} << 53;
  if (!value || *value > kMax) {
    return invalid(fmt::format("\"{}\" is not a duration such as 500ms, 30s, 5m or 2h", text));
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(*value));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto value = scaled(text, kSizes);
  if (!value) return invalid(fmt::format("\"{}\" is not a size such as 64KiB or 10MB", text));
  return *value;
}

std::string format_duration(std::chrono::milliseconds value) {
  const auto ms = value.count();
  if (ms == 0) return "0";
  if (ms % 3'600'000 == 0) return fmt::format("{}h", ms / 3'600'000);
  if (ms % 60'000 == 0) return fmt::format("{}m", ms / 60'000);
  return ms % 1000 == 0 ? fmt::format("{}s", ms / 1000) : fmt::format("{}ms", ms);
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array kBinary{"", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes > 0 && bytes % 1024 == 0 && unit + 1 < kBinary.size()) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kBinary[unit]);
}

Result<std::int64_t> parse_integer(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < low || number > high) {
    return invalid(fmt::format("\"{}\" is not a number from {} to {}", text, low, high));
  }
  return number;
}

Result<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return invalid(fmt::format("\"{}\" is not ADDRESS:PORT", text));
  }
  const auto port = parse_integer(text.substr(colon + 1), 0, 65535);
  if (!port)
    return invalid(fmt::format("\"{}\" is not ADDRESS:PORT: {}", text, port.error().message));
  std::string_view host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return invalid(
        fmt::format("\"{}\" needs brackets: an IPv6 address is written [::1]:4433", text));
  }
  return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

}  // namespace converge::config
