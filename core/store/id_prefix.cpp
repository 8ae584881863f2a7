#include "core/store/id_prefix.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace converge::store {
namespace {

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::size_t kPayloadBytes = 20;  // id and 4 bytes of checksum
constexpr std::size_t kDigitsMax = 28;     // of a 20-byte number in base 58

/// An unsigned number of 192 bits, big-endian: 20 bytes of payload and room to see overflow.
struct Number {
  std::array<std::uint8_t, 24> bytes{};
  auto operator<=>(const Number&) const = default;

  void multiply_add(std::uint32_t factor, std::uint32_t addend) {
    std::uint32_t carry = addend;
    for (std::size_t i = bytes.size(); i-- > 0;) {
      const std::uint32_t value = bytes[i] * factor + carry;
      bytes[i] = static_cast<std::uint8_t>(value & 0xff);
      carry = value >> 8;
    }
  }
  void decrement() {
    for (std::size_t i = bytes.size(); i-- > 0;) {
      if (bytes[i]-- != 0) return;
    }
  }
  DocumentId id() const {
    DocumentId out;
    for (std::size_t i = 0; i < out.bytes.size(); ++i) out.bytes[i] = std::byte{bytes[4 + i]};
    return out;
  }
};

/// 256^exponent.
Number power_of_256(std::size_t exponent) {
  Number out;
  out.bytes[out.bytes.size() - 1 - exponent] = 1;
  return out;
}

}  // namespace

std::vector<std::pair<DocumentId, DocumentId>> id_ranges(std::string_view prefix) {
  std::vector<std::pair<DocumentId, DocumentId>> out;
  const auto zeros = static_cast<std::size_t>(
      std::ranges::find_if(prefix, [](char c) { return c != '1'; }) - prefix.begin());
  if (zeros > kPayloadBytes || prefix.size() > kPayloadBytes + kDigitsMax) return out;
  Number below = power_of_256(kPayloadBytes - zeros);  // exclusive
  const std::string_view digits = prefix.substr(zeros);
  if (digits.empty()) {
    below.decrement();
    out.emplace_back(DocumentId{}, below.id());
    return out;
  }
  if (zeros == kPayloadBytes) return out;
  const Number least = power_of_256(kPayloadBytes - zeros - 1);

  Number low;
  for (const char c : digits) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return out;
    low.multiply_add(58, static_cast<std::uint32_t>(digit));
  }
  Number high = low;  // exclusive: prefix + 1
  high.multiply_add(1, 1);
  for (std::size_t length = digits.size(); length <= kDigitsMax; ++length) {
    if (low >= below) break;
    if (high > least) {
      const Number from = std::max(low, least);
      Number to = std::min(high, below);
      to.decrement();
      out.emplace_back(from.id(), to.id());
    }
    low.multiply_add(58, 0);
    high.multiply_add(58, 0);
  }
  return out;
}

}  // namespace converge::store
