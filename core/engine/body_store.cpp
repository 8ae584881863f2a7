#include "core/engine/body_store.h"

#include <algorithm>

namespace converge::engine {

void BodyStore::put(std::size_t change, ByteView body) {
  if (used_ + body.size() > block_bytes_) {
    block_bytes_ =
        std::max(body.size(), std::min(kBlockBytesMax, std::max(kFirstBlockBytes, bytes_)));
    blocks_.push_back(std::unique_ptr<std::byte[]>(new std::byte[block_bytes_]));
    bytes_ += block_bytes_;
    used_ = 0;
  }
  std::byte* const place = blocks_.back().get() + used_;
  std::copy(body.begin(), body.end(), place);
  used_ += body.size();
  if (change >= bodies_.size()) bodies_.resize(change + 1);
  bodies_[change] = {place, body.size()};
}

}  // namespace converge::engine
