#pragma once

#include "core/base/bytes.h"

#include <algorithm>
#include <cstddef>

namespace converge::codec {

/// A cursor over borrowed bytes. Never reads past the end: take() says no instead.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }
  bool at_end() const { return position_ == bytes_.size(); }
  ByteView rest() const { return bytes_.subspan(position_); }

  /// REQUIRES: remaining() > offset.
  std::byte peek(std::size_t offset = 0) const { return bytes_[position_ + offset]; }
  /// REQUIRES: count <= remaining().
  ByteView take(std::size_t count) {
    const ByteView out = bytes_.subspan(position_, count);
    position_ += count;
    return out;
  }
  /// REQUIRES: count <= remaining().
  void skip(std::size_t count) { position_ += count; }

  /// The cursor as a pair of pointers, for take_uleb() and the like; give it back with move_to().
  const std::byte* at() const { return bytes_.data() + position_; }
  const std::byte* end() const { return bytes_.data() + bytes_.size(); }
  /// REQUIRES: at() <= place <= end().
  void move_to(const std::byte* place) {
    position_ = static_cast<std::size_t>(place - bytes_.data());
  }

 private:
  ByteView bytes_;
  std::size_t position_ = 0;
};

}  // namespace converge::codec
