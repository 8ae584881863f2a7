#pragma once

#include "core/base/bytes.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::model {

/// Who made a change: any byte string, normally 16 random bytes, at most limits::kActorIdBytesMax.
/// Order: unsigned bytes, a proper prefix first. Text form: lower-case hex.
class ActorId {
 public:
  ActorId() = default;
  explicit ActorId(ByteView bytes) : bytes_(as_text(bytes)) {}

  ByteView bytes() const { return as_bytes(bytes_); }
  std::string to_hex() const { return converge::to_hex(bytes()); }
  static std::optional<ActorId> from_hex(std::string_view text);

  bool operator==(const ActorId&) const = default;
  /// std::string compares as unsigned char, which is the order the format asks for.
  std::strong_ordering operator<=>(const ActorId& other) const {
    return bytes_.compare(other.bytes_) <=> 0;
  }

 private:
  std::string bytes_;  // small-string storage; not text
};

/// SHA-256 of a change. Order: unsigned bytes. Text form: 64 lower-case hex digits.
struct ChangeHash {
  std::array<std::byte, 32> bytes{};

  std::string to_hex() const { return converge::to_hex(bytes); }
  static std::optional<ChangeHash> from_hex(std::string_view text);
  auto operator<=>(const ChangeHash&) const = default;
};

/// For unordered containers: a hash is already uniformly distributed.
struct ChangeHashHasher {
  std::size_t operator()(const ChangeHash& hash) const;
};

/// Sorted ascending, no duplicates, wherever the name says heads.
using Heads = std::vector<ChangeHash>;

/// Index into an actor table; which table is said where it is used.
using ActorIndex = std::uint32_t;

/// Names one operation. `actor` is an index into the table of the enclosing change, snapshot or
/// document, so two OpIds compare by Lamport order only through that table; == is valid inside one
/// table. counter 0 is no operation: the root object where an object is named, HEAD where an
/// element is.
struct OpId {
  std::uint32_t counter = 0;
  ActorIndex actor = 0;

  bool is_none() const { return counter == 0; }
  bool operator==(const OpId&) const = default;
};

inline constexpr OpId kRoot{};
inline constexpr OpId kHead{};

}  // namespace converge::model

namespace converge {
using model::ActorId;
using model::ChangeHash;
using model::Heads;
}  // namespace converge
