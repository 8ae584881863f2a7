#include "core/codec/leb128.h"

namespace converge::codec {
namespace {

struct Raw {
  std::uint64_t bits = 0;
  unsigned shift = 0;       // bits consumed
  std::uint8_t last = 0;    // the byte that ended the number
  std::uint8_t before = 0;  // the one in front of it
};

Error leb_error(ErrorCode code, const char* what, const Reader& in) {
  return Error{code, std::string(what) + " LEB128 number at byte " + std::to_string(in.position())};
}

// The part that both signs share: accumulate until a byte without the continuation bit.
Result<Raw> scan(const Reader& in) {
  Raw raw;
  for (std::size_t i = 0; i < in.remaining(); ++i) {
    const auto byte = std::to_integer<std::uint8_t>(in.peek(i));
    raw.bits |= static_cast<std::uint64_t>(byte & 0x7f) << raw.shift;
    raw.shift += 7;
    raw.before = raw.last;
    raw.last = byte;
    if ((byte & 0x80) == 0) return raw;
    if (raw.shift > 64) return leb_error(ErrorCode::kCorrupt, "too large", in);
  }
  return leb_error(ErrorCode::kTruncated, "truncated", in);
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
  // One byte is by far the most common length.
  if (in.remaining() > 0 && (in.peek() & std::byte{0x80}) == std::byte{0}) {
    return std::to_integer<std::uint64_t>(in.take(1)[0]);
  }
  const auto raw = scan(in);
  if (!raw) return raw.error();
  if (raw->shift > 64 && raw->last > 1) return leb_error(ErrorCode::kCorrupt, "too large", in);
  if (raw->shift > 7 && raw->last == 0) return leb_error(ErrorCode::kCorrupt, "overlong", in);
  in.skip(raw->shift / 7);
  return raw->bits;
}

Result<std::uint32_t> read_uleb32(Reader& in) {
  Reader ahead = in;
  const auto value = read_uleb(ahead);
  if (!value) return value.error();
  if (*value > 0xffffffffu) return leb_error(ErrorCode::kCorrupt, "over 32 bits:", in);
  in = ahead;
  return static_cast<std::uint32_t>(*value);
}

Result<std::int64_t> read_sleb(Reader& in) {
  const auto raw = scan(in);
  if (!raw) return raw.error();
  if (raw->shift > 64 && raw->last != 0x00 && raw->last != 0x7f) {
    return leb_error(ErrorCode::kCorrupt, "too large", in);
  }
  if (raw->shift > 7 && ((raw->last == 0x00 && (raw->before & 0x40) == 0) ||
                         (raw->last == 0x7f && (raw->before & 0x40) != 0))) {
    return leb_error(ErrorCode::kCorrupt, "overlong", in);
  }
  std::uint64_t bits = raw->bits;
  if (raw->shift < 64 && (raw->last & 0x40) != 0) bits |= ~std::uint64_t{0} << raw->shift;
  in.skip(raw->shift / 7);
  return static_cast<std::int64_t>(bits);
}

bool take_uleb_slow(const std::byte*& at, const std::byte* end, std::uint64_t& out) {
  std::uint64_t bits = 0;
  unsigned shift = 0;
  for (const std::byte* p = at; p != end && shift < 70; ++p) {
    const auto byte = std::to_integer<std::uint64_t>(*p);
    bits |= (byte & 0x7f) << shift;
    shift += 7;
    if ((byte & 0x80) != 0) continue;
    if ((shift > 64 && byte > 1) || (shift > 7 && byte == 0)) return false;
    out = bits;
    at = p + 1;
    return true;
  }
  return false;
}

bool take_sleb_slow(const std::byte*& at, const std::byte* end, std::int64_t& out) {
  Reader in(ByteView(at, end));
  const auto value = read_sleb(in);
  if (!value) return false;
  out = *value;
  at += in.position();
  return true;
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
