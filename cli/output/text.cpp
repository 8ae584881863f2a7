#include "cli/output/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <cwchar>

namespace converge::cli {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xC2 ? 0
                           : lead < 0xE0 ? 2
                           : lead < 0xF0 ? 3
                           : lead < 0xF5 ? 4
                                         : 0;
  if (size == 0 || size > text.size()) return {lead, 1, false};
  static constexpr std::array<std::uint32_t, 5> kMask = {0, 0x7F, 0x1F, 0x0F, 0x07};
  static constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  std::uint32_t value = lead & kMask[size];
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {lead, 1, false};
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  if (value < kLeast[size] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
    return {lead, 1, false};
  return {value, size, true};
}

/// Characters that would move the cursor, change colours or turn the writing direction.
bool is_unsafe(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

bool in(std::uint32_t c, std::uint32_t first, std::uint32_t last) {
  return c >= first && c <= last;
}

std::size_t width_of(std::uint32_t c) {
  if (in(c, 0x0300, 0x036F) || in(c, 0x20D0, 0x20FF) || in(c, 0xFE00, 0xFE0F)) return 0;
  const bool wide = in(c, 0x1100, 0x115F) || in(c, 0x2E80, 0x303E) || in(c, 0x3041, 0xA4CF) ||
                    in(c, 0xAC00, 0xD7A3) || in(c, 0xF900, 0xFAFF) || in(c, 0xFE30, 0xFE6F) ||
                    in(c, 0xFF00, 0xFF60) || in(c, 0xFFE0, 0xFFE6) || in(c, 0x1F300, 0x1F64F) ||
                    in(c, 0x1F680, 0x1F6FF) || in(c, 0x1F900, 0x1F9FF) || in(c, 0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view text, bool line_breaks) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = decode(text);
    char escape[16];
    if (!point.valid) {
      std::snprintf(escape, sizeof escape, "\\x%02x", point.value);
      out += escape;
    } else if (line_breaks && (point.value == '\n' || point.value == '\t')) {
      out += static_cast<char>(point.value);
    } else if (is_unsafe(point.value)) {
      std::snprintf(escape, sizeof escape, "\\u%04x", point.value);
      out += escape;
    } else {
      out.append(text.substr(0, point.bytes));
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::size_t display_width(std::string_view utf8) {
  std::size_t width = 0;
  while (!utf8.empty()) {
    const CodePoint point = decode(utf8);
    width += point.valid ? width_of(point.value) : 1;
    utf8.remove_prefix(point.bytes);
  }
  return width;
}

std::string cut(std::string_view utf8, std::size_t width, bool utf8_ellipsis) {
  if (display_width(utf8) <= width) return std::string(utf8);
  std::size_t used = 0;
  std::size_t end = 0;
  while (end < utf8.size()) {
    const CodePoint point = decode(utf8.substr(end));
    const std::size_t next = point.valid ? width_of(point.value) : 1;
    if (used + next + 1 > width) break;
    used += next;
    end += point.bytes;
  }
  if (width == 0) return "";
  return std::string(utf8.substr(0, end)) + (utf8_ellipsis ? "\u2026" : "~");
}

std::optional<std::int64_t> parse_time(std::string_view rfc3339) {
  std::tm parts{};
  int used = 0;
  const std::string text(rfc3339);
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used) != 6)
    return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  std::int64_t milliseconds = static_cast<std::int64_t>(::timegm(&parts)) * 1000;
  if (text[static_cast<std::size_t>(used)] == '.')
    milliseconds += std::strtol(
        (text.substr(static_cast<std::size_t>(used) + 1, 3) + "00").substr(0, 3).c_str(), nullptr,
        10);
  return milliseconds;
}

std::string relative_time(std::string_view rfc3339, std::int64_t now_ms) {
  const auto then = parse_time(rfc3339);
  if (!then) return std::string(rfc3339);
  const std::int64_t seconds = (now_ms - *then) / 1000;
  if (seconds < 0) return std::string(rfc3339.substr(0, 10));
  if (seconds < 2) return "now";
  if (seconds < 60) return std::to_string(seconds) + "s ago";
  if (seconds < 3600) return std::to_string(seconds / 60) + "m ago";
  if (seconds < 86'400) return std::to_string(seconds / 3600) + "h ago";
  if (seconds < 86'400 * 60) return std::to_string(seconds / 86'400) + "d ago";
  return std::string(rfc3339.substr(0, 10));
}

std::string human_bytes(std::uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
                kUnits[unit]);
  return text;
}

std::string human_duration(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1000;
  const auto two = [](std::uint64_t big, const char* a, std::uint64_t small, const char* b) {
    return std::to_string(big) + a + " " + std::to_string(small) + b;
  };
  if (seconds < 2) return std::to_string(milliseconds) + " ms";
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return two(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3600, "h", seconds / 60 % 60, "m");
  return two(seconds / 86'400, "d", seconds / 3600 % 24, "h");
}

std::string counted(std::uint64_t count, std::string_view thing) {
  return std::to_string(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

std::string short_hash(std::string_view hash) { return std::string(hash.substr(0, 7)); }

}  // namespace converge::cli
