#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace converge {

/// Borrowed bytes. Whoever stores one says who owns it.
using ByteView = std::span<const std::byte>;

/// Owned bytes.
using Bytes = std::vector<std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }

/// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);

/// Accepts both cases. Nothing for an odd length or any other character.
std::optional<Bytes> from_hex(std::string_view text);

}  // namespace converge
