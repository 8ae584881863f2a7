#pragma once

#include "core/base/assert.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace converge::crdt {

/// Append-only bytes of a document's values: the characters of texts in the order they came, and
/// the raw form of scalars. Offsets are 32 bits; whoever appends checks `fits` first. Views are
/// valid until the next append.
class Content {
 public:
  bool fits(std::size_t more) const {
    return more <= std::numeric_limits<std::uint32_t>::max() - bytes_.size();
  }
  /// REQUIRES: fits(text.size()).
  std::uint32_t append(std::string_view text) {
    ASSERT(fits(text.size()));
    const auto at = static_cast<std::uint32_t>(bytes_.size());
    bytes_.append(text);
    return at;
  }
  std::string_view view(std::uint32_t offset, std::size_t length) const {
    return std::string_view(bytes_).substr(offset, length);
  }
  std::size_t size() const { return bytes_.size(); }
  std::size_t memory_bytes() const { return bytes_.capacity(); }
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  /// Gives slack back.
  void shrink() { bytes_.shrink_to_fit(); }
  /// Forgets what was appended since the size was `size`; nothing may point there any more.
  void truncate(std::size_t size) { bytes_.resize(size); }

 private:
  std::string bytes_;
};

}  // namespace converge::crdt
