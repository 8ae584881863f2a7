#include "core/model/ids.h"

#include "core/base/assert.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace converge::model {

void ActorId::assign(ByteView bytes) {
  ASSERT(bytes.size() <= std::numeric_limits<std::uint32_t>::max());
  size_ = static_cast<std::uint32_t>(bytes.size());
  if (bytes.size() > kInlineBytes) heap_ = std::make_unique<std::byte[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), heap_ ? heap_.get() : inline_.data());
}

std::optional<ActorId> ActorId::from_hex(std::string_view text) {
  const auto bytes = converge::from_hex(text);
  if (!bytes) return std::nullopt;
  return ActorId(*bytes);
}

std::optional<ChangeHash> ChangeHash::from_hex(std::string_view text) {
  const auto bytes = converge::from_hex(text);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  ChangeHash hash;
  std::copy(bytes->begin(), bytes->end(), hash.bytes.begin());
  return hash;
}

std::size_t ChangeHashHasher::operator()(const ChangeHash& hash) const {
  std::size_t value = 0;
  std::memcpy(&value, hash.bytes.data(), sizeof value);
  return value;
}

}  // namespace converge::model
