#include "core/model/ids.h"

#include <algorithm>
#include <cstring>

namespace converge::model {

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
