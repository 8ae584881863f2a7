#pragma once

#include "core/base/bytes.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace converge::engine {

/// The type-1 bodies of changes, by change index, as they came or were made. Bytes lie in large
/// blocks that never move. Empty views mean "not here": a body is never empty.
class BodyStore {
 public:
  ByteView get(std::size_t change) const {
    return change < bodies_.size() ? bodies_[change] : ByteView();
  }
  void put(std::size_t change, ByteView body);
  void truncate(std::size_t changes) {
    if (bodies_.size() > changes) bodies_.resize(changes);
  }
  void clear() { *this = BodyStore(); }
  std::size_t memory_bytes() const { return bytes_ + bodies_.capacity() * sizeof(ByteView); }

 private:
  static constexpr std::size_t kFirstBlockBytes = 512;
  /// So that one keystroke in a long document does not pay for thousands to come.
  static constexpr std::size_t kBlockBytesMax = 1u << 16;

  std::vector<ByteView> bodies_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::size_t block_bytes_ = 0;
  std::size_t used_ = 0;  ///< of the last block
  std::size_t bytes_ = 0;
};

}  // namespace converge::engine
