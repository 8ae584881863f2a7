#include "core/codec/cbor.h"

#include "core/base/assert.h"

#include <bit>
#include <cmath>

namespace converge::codec {
namespace {

constexpr std::uint8_t kMajorUnsigned = 0;
constexpr std::uint8_t kMajorBytes = 2;
constexpr std::uint8_t kMajorText = 3;
constexpr std::uint8_t kMajorArray = 4;
constexpr std::uint8_t kMajorMap = 5;
constexpr std::uint8_t kMajorTag = 6;
constexpr std::uint8_t kInfoIndefinite = 31;
constexpr std::uint64_t kExactInDouble = std::uint64_t{1} << 53;

struct Head {
  std::uint8_t major = 0;
  std::uint8_t info = 0;
  std::uint64_t argument = 0;
};

Error truncated(const Reader& in) {
  return Error{ErrorCode::kTruncated, "cbor ends at byte " + std::to_string(in.position())};
}

Result<Head> read_head(Reader& in) {
  if (in.at_end()) return truncated(in);
  const auto first = std::to_integer<std::uint8_t>(in.take(1)[0]);
  Head head{static_cast<std::uint8_t>(first >> 5), static_cast<std::uint8_t>(first & 31), 0};
  if (head.info < 24) {
    head.argument = head.info;
  } else if (head.info < 28) {
    const std::size_t width = std::size_t{1} << (head.info - 24);
    if (in.remaining() < width) return truncated(in);
    for (const std::byte byte : in.take(width)) {
      head.argument = head.argument << 8 | std::to_integer<std::uint64_t>(byte);
    }
  } else if (head.info != kInfoIndefinite) {
    return Error{ErrorCode::kCorrupt,
                 "reserved cbor form before byte " + std::to_string(in.position())};
  }
  return head;
}

double half_to_double(std::uint64_t half) {
  const int exponent = static_cast<int>(half >> 10 & 31);
  const auto mantissa = static_cast<double>(half & 1023);
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent == 31) {
    value = mantissa == 0 ? HUGE_VAL : std::nan("");
  } else {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

Result<CborItem> simple_item(const Head& head, const Reader& in) {
  CborItem item;
  switch (head.info) {
    case 20:
    case 21:
      item.kind = CborItem::Kind::kBool;
      item.number = head.info - 20u;
      return item;
    case 22:
    case 23:
      item.kind = CborItem::Kind::kAbsent;
      return item;
    case 25:
      item.kind = CborItem::Kind::kFloat;
      item.real = half_to_double(head.argument);
      return item;
    case 26:
      item.kind = CborItem::Kind::kFloat;
      item.real = std::bit_cast<float>(static_cast<std::uint32_t>(head.argument));
      return item;
    case 27:
      item.kind = CborItem::Kind::kFloat;
      item.real = std::bit_cast<double>(head.argument);
      return item;
    case kInfoIndefinite:
      item.kind = CborItem::Kind::kBreak;
      return item;
    default:
      if (head.info == 24 && head.argument < 32) {
        return Error{ErrorCode::kCorrupt,
                     "overlong cbor simple value before byte " + std::to_string(in.position())};
      }
      item.kind = CborItem::Kind::kSimple;
      item.number = head.argument;
      return item;
  }
}

Result<CborItem> string_item(const Head& head, Reader& in) {
  if (head.info == kInfoIndefinite) {
    return Error{ErrorCode::kUnsupported,
                 "indefinite cbor string before byte " + std::to_string(in.position())};
  }
  if (head.argument > in.remaining()) return truncated(in);
  CborItem item;
  item.kind = head.major == kMajorBytes ? CborItem::Kind::kBytes : CborItem::Kind::kText;
  item.bytes = in.take(static_cast<std::size_t>(head.argument));
  return item;
}

Result<CborItem> container_item(const Head& head, const Reader& in) {
  CborItem item;
  item.kind = head.major == kMajorArray ? CborItem::Kind::kArray : CborItem::Kind::kMap;
  item.indefinite = head.info == kInfoIndefinite;
  item.number = head.argument;
  // Every element takes at least one byte, every pair two.
  const std::size_t most = head.major == kMajorArray ? in.remaining() : in.remaining() / 2;
  if (!item.indefinite && head.argument > most) return truncated(in);
  return item;
}

void write_head(Bytes& out, std::uint8_t major, std::uint64_t argument) {
  const auto first = [&](unsigned info) {
    out.push_back(static_cast<std::byte>(static_cast<unsigned>(major) << 5 | info));
  };
  int width = 0;
  if (argument < 24) {
    first(static_cast<unsigned>(argument));
  } else if (argument <= 0xff) {
    first(24);
    width = 1;
  } else if (argument <= 0xffff) {
    first(25);
    width = 2;
  } else if (argument <= 0xffffffff) {
    first(26);
    width = 4;
  } else {
    first(27);
    width = 8;
  }
  for (int shift = width * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::byte>(argument >> shift & 0xff));
  }
}

}  // namespace

Result<CborItem> read_cbor_item(Reader& in) {
  while (true) {
    const auto head = read_head(in);
    if (!head) return head.error();
    const bool numeric = head->major <= 1 || head->major == kMajorTag;
    if (numeric && head->info == kInfoIndefinite) {
      return Error{ErrorCode::kCorrupt,
                   "indefinite cbor number before byte " + std::to_string(in.position())};
    }
    switch (head->major) {
      case kMajorTag:
        continue;
      case kMajorBytes:
      case kMajorText:
        return string_item(*head, in);
      case kMajorArray:
      case kMajorMap:
        return container_item(*head, in);
      case 7:
        return simple_item(*head, in);
      default: {
        CborItem item;
        item.kind =
            head->major == kMajorUnsigned ? CborItem::Kind::kUnsigned : CborItem::Kind::kNegative;
        item.number = head->argument;
        return item;
      }
    }
  }
}

Result<void> skip_cbor_item(Reader& in, const CborItem& head, int depth) {
  if (head.kind == CborItem::Kind::kBreak) {
    return Error{ErrorCode::kCorrupt,
                 "cbor break out of place before byte " + std::to_string(in.position())};
  }
  if (head.kind != CborItem::Kind::kArray && head.kind != CborItem::Kind::kMap) return {};
  if (depth <= 0) {
    return Error{ErrorCode::kLimitExceeded,
                 "cbor nests too deep at byte " + std::to_string(in.position())};
  }
  CborChildren children(head);
  while (true) {
    const auto child = children.next(in);
    if (!child) return child.error();
    if (!child->has_value()) return {};
    if (auto skipped = skip_cbor_item(in, **child, depth - 1); !skipped) return skipped;
  }
}

Result<std::optional<CborItem>> CborChildren::next(Reader& in) {
  const bool is_map = head_.kind == CborItem::Kind::kMap;
  const bool at_value = is_map && taken_ % 2 == 1;
  if (!head_.indefinite) {
    // `number` is bounded by the input's length, so doubling cannot overflow.
    if (taken_ == (is_map ? head_.number * 2 : head_.number)) return std::optional<CborItem>{};
  }
  auto item = read_cbor_item(in);
  if (!item) return item.error();
  if (item->kind == CborItem::Kind::kBreak) {
    if (head_.indefinite && !at_value) return std::optional<CborItem>{};
    return Error{ErrorCode::kCorrupt,
                 "cbor break out of place before byte " + std::to_string(in.position())};
  }
  ++taken_;
  return std::optional<CborItem>(*item);
}

std::optional<std::uint64_t> cbor_unsigned(const CborItem& item) {
  if (item.kind == CborItem::Kind::kUnsigned) return item.number;
  if (item.kind != CborItem::Kind::kFloat) return std::nullopt;
  const bool in_range = item.real >= 0 && item.real <= static_cast<double>(kExactInDouble);
  if (!in_range || std::trunc(item.real) != item.real) return std::nullopt;
  return static_cast<std::uint64_t>(item.real);
}

std::optional<double> cbor_number(const CborItem& item) {
  switch (item.kind) {
    case CborItem::Kind::kUnsigned:
      return static_cast<double>(item.number);
    case CborItem::Kind::kNegative:
      return -1.0 - static_cast<double>(item.number);
    case CborItem::Kind::kFloat:
      return item.real;
    default:
      return std::nullopt;
  }
}

void write_cbor_map(Bytes& out, std::uint64_t pairs) { write_head(out, kMajorMap, pairs); }

void write_cbor_array(Bytes& out, std::uint64_t elements) {
  write_head(out, kMajorArray, elements);
}

void write_cbor_text(Bytes& out, std::string_view text) {
  write_head(out, kMajorText, text.size());
  const ByteView bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void write_cbor_bytes(Bytes& out, ByteView bytes) {
  write_head(out, kMajorBytes, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void write_cbor_bool(Bytes& out, bool value) {
  out.push_back(value ? std::byte{0xf5} : std::byte{0xf4});
}

void write_cbor_float64(Bytes& out, double value) {
  out.push_back(std::byte{0xfb});
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::byte>(bits >> shift & 0xff));
  }
}

void write_cbor_number(Bytes& out, std::uint64_t value) {
  ASSERT(value <= kExactInDouble);
  if (value <= 0xffffffff) {
    write_head(out, kMajorUnsigned, value);
  } else {
    write_cbor_float64(out, static_cast<double>(value));
  }
}

}  // namespace converge::codec
