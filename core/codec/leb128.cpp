#include "core/codec/leb128.h"

namespace converge::codec {
namespace {

constexpr unsigned kShiftMax = 7 * kLebBytesMax;

Error leb_error(ErrorCode code, const char* what, const Reader& in) {
  return Error{code, std::string(what) + " LEB128 number at byte " + std::to_string(in.position())};
}

// Why the number at the cursor was refused.
Error diagnose(const Reader& in) {
  std::size_t size = 0;
  while (size < in.remaining() && size < kLebBytesMax &&
         (in.peek(size) & std::byte{0x80}) != std::byte{0}) {
    ++size;
  }
  if (size < kLebBytesMax && size == in.remaining()) {
    return leb_error(ErrorCode::kTruncated, "truncated", in);
  }
  return leb_error(ErrorCode::kCorrupt, "overlong or too large", in);
}

template <class Out>
void put_uleb(Out& out, std::uint64_t value) {
  using Cell = typename Out::value_type;
  do {
    auto byte = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    if (value != 0) byte |= 0x80;
    out.push_back(static_cast<Cell>(byte));
  } while (value != 0);
}

template <class Out>
void put_sleb(Out& out, std::int64_t value) {
  using Cell = typename Out::value_type;
  for (;;) {
    const auto byte = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    const bool last = (value == 0 && (byte & 0x40) == 0) || (value == -1 && (byte & 0x40) != 0);
    out.push_back(static_cast<Cell>(last ? byte : byte | 0x80));
    if (last) return;
  }
}

}  // namespace

Result<std::uint64_t> read_uleb(Reader& in) {
  std::uint64_t value = 0;
  if (!take_uleb(in, value)) return diagnose(in);
  return value;
}

Result<std::uint32_t> read_uleb32(Reader& in) {
  const Reader before = in;
  std::uint64_t value = 0;
  if (!take_uleb(in, value)) return diagnose(in);
  if (value > 0xffffffffu) {
    in = before;
    return leb_error(ErrorCode::kCorrupt, "over 32 bits:", in);
  }
  return static_cast<std::uint32_t>(value);
}

Result<std::int64_t> read_sleb(Reader& in) {
  std::int64_t value = 0;
  const std::byte* at = in.at();
  if (!take_sleb(at, in.end(), value)) return diagnose(in);
  in.move_to(at);
  return value;
}

bool take_uleb_slow(const std::byte*& at, const std::byte* end, std::uint64_t& out) {
  std::uint64_t bits = 0;
  unsigned shift = 0;
  for (const std::byte* p = at; p != end && shift < kShiftMax; ++p) {
    const auto byte = std::to_integer<std::uint64_t>(*p);
    bits |= (byte & 0x7f) << shift;
    shift += 7;
    if ((byte & 0x80) != 0) continue;
    // The tenth byte has room for one bit; a last byte of 0 says nothing, so the form is overlong.
    if ((shift > 64 && byte > 1) || (shift > 7 && byte == 0)) return false;
    out = bits;
    at = p + 1;
    return true;
  }
  return false;
}

bool take_sleb_slow(const std::byte*& at, const std::byte* end, std::int64_t& out) {
  std::uint64_t bits = 0;
  std::uint64_t before = 0;  // the byte in front
  unsigned shift = 0;
  for (const std::byte* p = at; p != end && shift < kShiftMax; ++p) {
    const auto byte = std::to_integer<std::uint64_t>(*p);
    bits |= (byte & 0x7f) << shift;
    shift += 7;
    if ((byte & 0x80) != 0) {
      before = byte;
      continue;
    }
    // The tenth byte repeats the sign; a last byte that only repeats it is one too many.
    if (shift > 64 && byte != 0x00 && byte != 0x7f) return false;
    const bool repeats_sign =
        (byte == 0x00 && (before & 0x40) == 0) || (byte == 0x7f && (before & 0x40) != 0);
    if (shift > 7 && repeats_sign) return false;
    if (shift < 64 && (byte & 0x40) != 0) bits |= ~std::uint64_t{0} << shift;
    out = static_cast<std::int64_t>(bits);
    at = p + 1;
    return true;
  }
  return false;
}

void write_uleb_slow(Bytes& out, std::uint64_t value) { put_uleb(out, value); }
void write_sleb_slow(Bytes& out, std::int64_t value) { put_sleb(out, value); }
void write_uleb(std::string& out, std::uint64_t value) { put_uleb(out, value); }
void write_sleb(std::string& out, std::int64_t value) { put_sleb(out, value); }

std::size_t uleb_size(std::uint64_t value) {
  std::size_t size = 1;
  while (value >>= 7) ++size;
  return size;
}

}  // namespace converge::codec
