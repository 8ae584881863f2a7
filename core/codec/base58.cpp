#include "core/codec/base58.h"

#include "core/codec/sha256.h"

#include <algorithm>

namespace converge::codec {
namespace {

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::size_t kTextMax = 256;
constexpr std::size_t kChecksumBytes = 4;

Sha256Digest checksum_of(ByteView payload) { return sha256(sha256(payload)); }

// Interprets `digits` (most significant first, base `from`) as one number and rewrites it in base
// `to`.
template <class Digits>
std::vector<unsigned> convert(const Digits& digits, unsigned from, unsigned to) {
  std::vector<unsigned> out;  // least significant first
  for (unsigned carry : digits) {
    for (unsigned& digit : out) {
      carry += digit * from;
      digit = carry % to;
      carry /= to;
    }
    for (; carry != 0; carry /= to) out.push_back(carry % to);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

std::string to_base58check(ByteView payload) {
  Bytes all = to_bytes(payload);
  const auto sum = checksum_of(payload);
  all.insert(all.end(), sum.begin(), sum.begin() + kChecksumBytes);

  std::vector<unsigned> digits;
  std::transform(all.begin(), all.end(), std::back_inserter(digits),
                 [](std::byte b) { return std::to_integer<unsigned>(b); });
  const auto zeros = std::find_if(digits.begin(), digits.end(), [](unsigned d) { return d != 0; }) -
                     digits.begin();
  std::string out(static_cast<std::size_t>(zeros), kAlphabet[0]);
  for (const unsigned digit : convert(digits, 256, 58)) out.push_back(kAlphabet[digit]);
  return out;
}

std::optional<Bytes> from_base58check(std::string_view text) {
  if (text.size() > kTextMax) return std::nullopt;
  std::vector<unsigned> digits;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    digits.push_back(static_cast<unsigned>(value));
  }
  const auto zeros = std::find_if(digits.begin(), digits.end(), [](unsigned d) { return d != 0; }) -
                     digits.begin();
  Bytes all(static_cast<std::size_t>(zeros));
  for (const unsigned digit : convert(digits, 58, 256))
    all.push_back(static_cast<std::byte>(digit));
  if (all.size() < kChecksumBytes) return std::nullopt;

  const ByteView payload(all.data(), all.size() - kChecksumBytes);
  const auto sum = checksum_of(payload);
  if (!std::equal(sum.begin(), sum.begin() + kChecksumBytes, all.end() - kChecksumBytes))
    return std::nullopt;
  return to_bytes(payload);
}

}  // namespace converge::codec
