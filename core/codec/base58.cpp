#include "core/codec/base58.h"

#include "core/codec/sha256.h"

#include <algorithm>
#include <cstdint>

namespace converge::codec {
namespace {

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::size_t kTextMax = 256;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kLimbDigits = 5;
constexpr std::uint32_t kLimb = 58u * 58 * 58 * 58 * 58;

Sha256Digest checksum_of(ByteView payload) { return sha256(sha256(payload)); }

// Interprets `digits` (most significant first, base `from`) as one number and rewrites it in base
// `to`.
std::vector<unsigned> convert(const std::vector<unsigned>& digits, unsigned from, unsigned to) {
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

  const auto zeros = static_cast<std::size_t>(
      std::find_if(all.begin(), all.end(), [](std::byte b) { return b != std::byte{0}; }) -
      all.begin());
  std::vector<std::uint32_t> limbs;  // of kLimbDigits digits each, least significant first
  for (std::size_t at = zeros; at < all.size();) {
    // Up to four bytes at a time: every answer of the agent names a document.
    const std::size_t bytes = std::min<std::size_t>(all.size() - at, 4);
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < bytes; ++i, ++at)
      carry = carry << 8 | std::to_integer<unsigned>(all[at]);
    for (std::uint32_t& limb : limbs) {
      carry += static_cast<std::uint64_t>(limb) << (8 * bytes);
      limb = static_cast<std::uint32_t>(carry % kLimb);
      carry /= kLimb;
    }
    for (; carry != 0; carry /= kLimb) limbs.push_back(static_cast<std::uint32_t>(carry % kLimb));
  }
  std::string out;  // backwards
  for (std::uint32_t limb : limbs) {
    for (std::size_t i = 0; i < kLimbDigits; ++i, limb /= 58) out.push_back(kAlphabet[limb % 58]);
  }
  while (!out.empty() && out.back() == kAlphabet[0]) out.pop_back();
  out.append(zeros, kAlphabet[0]);
  std::reverse(out.begin(), out.end());
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
