#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codec/reader.h"

#include <cstdint>
#include <string>

namespace converge::codec {

inline constexpr std::size_t kLebBytesMax = 10;

/// Decodes one unsigned LEB128 number at the cursor. Source: automerge-format 1.1.
/// Range 0 .. 2^64-1, at most 10 bytes; rejects overlong forms so that every value has one
/// encoding. Errors: kTruncated, kCorrupt (overlong, too large). On error the cursor does not move.
Result<std::uint64_t> read_uleb(Reader& in);

/// The same for a field of 32 bits. Errors: as read_uleb, and kCorrupt above 2^32-1.
Result<std::uint32_t> read_uleb32(Reader& in);

/// Decodes one signed LEB128 number. Range -2^63 .. 2^63-1. Errors: as read_uleb.
Result<std::int64_t> read_sleb(Reader& in);

/// The same two for hot loops: no message, the cursor is a pair of pointers. False leaves `at`
/// where it was.
bool take_uleb_slow(const std::byte*& at, const std::byte* end, std::uint64_t& out);
bool take_sleb_slow(const std::byte*& at, const std::byte* end, std::int64_t& out);

inline bool take_uleb(const std::byte*& at, const std::byte* end, std::uint64_t& out) {
  if (at != end && (*at & std::byte{0x80}) == std::byte{0}) {
    out = std::to_integer<std::uint64_t>(*at++);
    return true;
  }
  return take_uleb_slow(at, end, out);
}

inline bool take_sleb(const std::byte*& at, const std::byte* end, std::int64_t& out) {
  if (at != end && (*at & std::byte{0x80}) == std::byte{0}) {
    const auto low = std::to_integer<std::int64_t>(*at++);
    out = low < 64 ? low : low - 128;
    return true;
  }
  return take_sleb_slow(at, end, out);
}

/// take_uleb() at a Reader. False leaves the cursor where it was; read_uleb() then tells why.
inline bool take_uleb(Reader& in, std::uint64_t& out) {
  const std::byte* at = in.at();
  if (!take_uleb(at, in.end(), out)) return false;
  in.move_to(at);
  return true;
}

void write_uleb_slow(Bytes& out, std::uint64_t value);
void write_sleb_slow(Bytes& out, std::int64_t value);

/// Append the shortest form. Never fail.
inline void write_uleb(Bytes& out, std::uint64_t value) {
  if (value < 0x80) {
    out.push_back(static_cast<std::byte>(value));
  } else {
    write_uleb_slow(out, value);
  }
}
inline void write_sleb(Bytes& out, std::int64_t value) {
  if (value >= -64 && value < 64) {
    out.push_back(static_cast<std::byte>(value & 0x7f));
  } else {
    write_sleb_slow(out, value);
  }
}
void write_uleb(std::string& out, std::uint64_t value);
void write_sleb(std::string& out, std::int64_t value);

/// Length of the shortest form, 1 .. 10.
std::size_t uleb_size(std::uint64_t value);

}  // namespace converge::codec
