#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// What of a string needs nothing done to stand in JSON, found eight bytes at a time.
namespace converge::control {

/// Whether any of eight bytes is a control character, a quote, a backslash or no ASCII. May say yes
/// of others. Source: "Determine if a word has a byte less than n", Bit Twiddling Hacks.
inline bool may_need_work(std::uint64_t bytes) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  constexpr std::uint64_t kHigh = kEach * 0x80;
  const std::uint64_t quote = bytes ^ (kEach * '"');
  const std::uint64_t backslash = bytes ^ (kEach * '\\');
  return ((bytes | (bytes - kEach * 0x20) | (quote - kEach) | (backslash - kEach)) & kHigh) != 0;
}

/// Bytes before the first control character, quote, backslash or byte beyond ASCII.
inline std::size_t plain_prefix(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t bytes = 0; at + sizeof bytes <= text.size(); at += sizeof bytes) {
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    if (may_need_work(bytes)) break;
  }
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') break;
  }
  return at;
}

}  // namespace converge::control
