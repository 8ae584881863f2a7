#pragma once

#include <cstddef>
#include <string_view>

namespace converge::codec {

/// Whether the bytes are well-formed UTF-8 (no surrogates, nothing overlong). U+0000 is fine. Runs
/// of ASCII cost an eighth of a step a byte; utfcpp does the rest.
bool is_valid_utf8(std::string_view text);

/// Length that a code point's first byte announces: 1 .. 4. Total; only meaningful in valid UTF-8.
inline std::size_t code_point_size(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  if (byte < 0x80) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}

/// REQUIRES: valid UTF-8.
inline bool is_one_code_point(std::string_view text) {
  return !text.empty() && code_point_size(text.front()) == text.size();
}

/// Byte offset behind the first `count` code points. REQUIRES: valid UTF-8 with at least that many.
std::size_t skip_code_points(std::string_view text, std::size_t count);

}  // namespace converge::codec
