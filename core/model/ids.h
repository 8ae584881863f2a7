#pragma once

#include "core/base/bytes.h"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace converge::model {

/// Who made a change: any byte string, normally 16 random bytes, at most limits::kActorIdBytesMax.
/// Order: unsigned bytes, a proper prefix first. Text form: lower-case hex.
class ActorId {
 public:
  ActorId() = default;
  explicit ActorId(ByteView bytes) { assign(bytes); }
  ActorId(const ActorId& other) { assign(other.bytes()); }
  ActorId(ActorId&& other) noexcept { swap(other); }
  ActorId& operator=(const ActorId& other) {
    ActorId copy(other);
    swap(copy);
    return *this;
  }
  ActorId& operator=(ActorId&& other) noexcept {
    swap(other);
    return *this;
  }
  ~ActorId() = default;

  ByteView bytes() const { return {heap_ ? heap_.get() : inline_.data(), size_}; }
  std::string to_hex() const { return converge::to_hex(bytes()); }
  static std::optional<ActorId> from_hex(std::string_view text);

  bool operator==(const ActorId& other) const { return as_text(bytes()) == as_text(other.bytes()); }
  /// Text compares as unsigned char, which is the order the format asks for.
  std::strong_ordering operator<=>(const ActorId& other) const {
    return as_text(bytes()).compare(as_text(other.bytes())) <=> 0;
  }

 private:
  /// Ids of the usual 16 bytes need no allocation, of which there would be one in every change.
  static constexpr std::size_t kInlineBytes = 20;

  void assign(ByteView bytes);
  void swap(ActorId& other) noexcept {
    std::swap(heap_, other.heap_);
    std::swap(size_, other.size_);
    std::swap(inline_, other.inline_);
  }

  std::unique_ptr<std::byte[]> heap_;  // for longer ids
  std::uint32_t size_ = 0;
  std::array<std::byte, kInlineBytes> inline_{};
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
