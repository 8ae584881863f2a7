#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/ids.h"
#include "core/sync/bloom.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace converge::sync {

/// Flag bits of a message (automerge-format 9.1). Frozen: these numbers reach the wire.
inline constexpr std::uint8_t kFlagReset = 1;          ///< forget which changes you already sent
inline constexpr std::uint8_t kFlagReadOnly = 2;       ///< the sender applies nothing
inline constexpr std::uint8_t kFlagSupportsReset = 4;  ///< the sender understands kFlagReset

/// A statement of what the sender has: everything up to `last_sync`, and since then what is in the
/// filter.
struct Have {
  Heads last_sync;
  BloomFilter bloom;
  bool operator==(const Have&) const = default;
};

/// One sync message. Bytes (PROTOCOL.md):
///   0x42 or 0x43 | heads | need | have | changes | optional flags
struct Message {
  /// v1: one change chunk an entry of `changes`. v2: one entry with any concatenation of chunks.
  /// Receivers treat both alike. Frozen: the first byte of the message.
  enum class Version : std::uint8_t { kV1 = 0x42, kV2 = 0x43 };

  Version version = Version::kV1;
  Heads heads;                          ///< of the sender
  std::vector<model::ChangeHash> need;  ///< hashes the sender asks for
  std::vector<Have> have;               ///< normally one entry, or none
  std::vector<Bytes> changes;
  /// Absent in messages of very old peers, which cannot read v2.
  std::optional<std::uint8_t> flags;

  bool operator==(const Message&) const = default;
};

Bytes encode_message(const Message& message);

/// Heads and last_sync come out sorted and unique whatever the sender did. Bytes behind the flags
/// are ignored. Never allocates more than a small multiple of the input. Errors: kTruncated,
/// kCorrupt, kUnsupported (first byte), kLimitExceeded (limits::kSyncHavesMax, Bloom limits).
Result<Message> decode_message(ByteView bytes);

}  // namespace converge::sync
