#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/ids.h"

#include <cstdint>
#include <span>

namespace converge::sync {

/// What changes a peer has, in 10 bits each, with about one false yes in a hundred
/// (automerge-format 9.2). A false yes costs a round trip, never data: the peer asks for what it
/// misses.
///
/// Bytes: nothing for an empty filter, else uLEB entries, uLEB bits per entry, uLEB probes, bits.
/// The three numbers travel, so the two constants may change without breaking anybody.
class BloomFilter {
 public:
  static constexpr std::uint32_t kBitsPerEntry = 10;
  static constexpr std::uint32_t kProbes = 7;

  /// Contains nothing.
  BloomFilter() = default;
  explicit BloomFilter(std::span<const model::ChangeHash> hashes);

  bool contains(const model::ChangeHash& hash) const;

  Bytes encode() const;
  /// Bytes behind the bits are ignored. Errors: kTruncated, kCorrupt (entries without bits),
  /// kLimitExceeded (more than limits::kBloomProbesMax probes).
  static Result<BloomFilter> decode(ByteView bytes);

  bool operator==(const BloomFilter&) const = default;

 private:
  template <class Visit>
  void for_each_probe(const model::ChangeHash& hash, const Visit& visit) const;

  std::uint32_t entries_ = 0;
  std::uint32_t bits_per_entry_ = kBitsPerEntry;
  std::uint32_t probes_ = kProbes;
  Bytes bits_;
};

}  // namespace converge::sync
