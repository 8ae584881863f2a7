#include "core/sync/bloom.h"

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/codec/leb128.h"

namespace converge::sync {
namespace {

std::uint64_t bytes_for(std::uint32_t entries, std::uint32_t bits_per_entry) {
  return (std::uint64_t{entries} * bits_per_entry + 7) / 8;
}

std::uint64_t word_at(const model::ChangeHash& hash, std::size_t offset) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    word |= std::to_integer<std::uint64_t>(hash.bytes[offset + i]) << (8 * i);
  }
  return word;
}

}  // namespace

// Triple hashing: the probes are a second-order arithmetic progression that starts from three words
// of the hash. The modulus is the rounded number of bits, not entries times bits per entry.
template <class Visit>
void BloomFilter::for_each_probe(const model::ChangeHash& hash, const Visit& visit) const {
  const std::uint64_t modulus = 8 * std::uint64_t{bits_.size()};
  std::uint64_t x = word_at(hash, 0) % modulus;
  std::uint64_t y = word_at(hash, 4) % modulus;
  const std::uint64_t z = word_at(hash, 8) % modulus;
  for (std::uint32_t i = 0; i < probes_; ++i) {
    if (!visit(static_cast<std::size_t>(x >> 3), std::byte{1} << (x & 7))) return;
    x = x + y < modulus ? x + y : x + y - modulus;  // both are below it: no division
    y = y + z < modulus ? y + z : y + z - modulus;
  }
}

BloomFilter::BloomFilter(std::span<const model::ChangeHash> hashes)
    : entries_(static_cast<std::uint32_t>(hashes.size())) {
  ASSERT(hashes.size() <= 0xffffffffu);
  bits_.resize(bytes_for(entries_, bits_per_entry_));
  for (const model::ChangeHash& hash : hashes) {
    for_each_probe(hash, [&](std::size_t byte, std::byte mask) {
      bits_[byte] |= mask;
      return true;
    });
  }
}

bool BloomFilter::contains(const model::ChangeHash& hash) const {
  if (entries_ == 0) return false;
  bool all_set = true;
  for_each_probe(hash, [&](std::size_t byte, std::byte mask) {
    all_set = (bits_[byte] & mask) != std::byte{0};
    return all_set;
  });
  return all_set;
}

Bytes BloomFilter::encode() const {
  Bytes out;
  if (entries_ == 0) return out;
  codec::write_uleb(out, entries_);
  codec::write_uleb(out, bits_per_entry_);
  codec::write_uleb(out, probes_);
  out.insert(out.end(), bits_.begin(), bits_.end());
  return out;
}

Result<BloomFilter> BloomFilter::decode(ByteView bytes) {
  BloomFilter filter;
  if (bytes.empty()) return filter;
  codec::Reader in(bytes);
  const auto entries = codec::read_uleb32(in);
  if (!entries) return entries.error();
  const auto bits_per_entry = codec::read_uleb32(in);
  if (!bits_per_entry) return bits_per_entry.error();
  const auto probes = codec::read_uleb32(in);
  if (!probes) return probes.error();
  if (*probes > limits::kBloomProbesMax) {
    return Error{ErrorCode::kLimitExceeded, "Bloom filter with " + std::to_string(*probes) +
                                                " probes, allowed are " +
                                                std::to_string(limits::kBloomProbesMax)};
  }
  const std::uint64_t size = bytes_for(*entries, *bits_per_entry);
  if (size > in.remaining()) {
    return Error{ErrorCode::kTruncated,
                 "Bloom filter of " + std::to_string(size) + " bytes is longer than its field"};
  }
  if (*entries > 0 && size == 0) {
    return Error{ErrorCode::kCorrupt, "Bloom filter with entries but without bits"};
  }
  if (*entries == 0) return filter;  // however it is written, there is one empty filter
  filter.entries_ = *entries;
  filter.bits_per_entry_ = *bits_per_entry;
  filter.probes_ = *probes;
  filter.bits_ = to_bytes(in.take(static_cast<std::size_t>(size)));
  return filter;
}

}  // namespace converge::sync
