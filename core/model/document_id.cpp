#include "core/model/document_id.h"

#include "core/base/bytes.h"
#include "core/codec/base58.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace converge::model {
namespace {

constexpr std::string_view kScheme = "automerge:";
constexpr std::size_t kUuidTextLength = 36;

std::optional<Bytes> from_uuid(std::string_view text) {
  if (text.size() != kUuidTextLength) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash_place = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash_place != (text[i] == '-')) return std::nullopt;
    if (!dash_place) digits.push_back(text[i]);
  }
  return from_hex(digits);
}

}  // namespace

std::string DocumentId::to_base58() const { return codec::to_base58check(bytes); }

std::string DocumentId::to_url() const { return std::string(kScheme) + to_base58(); }

std::optional<DocumentId> DocumentId::parse(std::string_view text) {
  if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
  auto payload = from_uuid(text);
  if (!payload) payload = codec::from_base58check(text);
  DocumentId id;
  if (!payload || payload->size() != id.bytes.size()) return std::nullopt;
  std::copy(payload->begin(), payload->end(), id.bytes.begin());
  return id;
}

std::size_t DocumentIdHasher::operator()(const DocumentId& id) const {
  // Most ids are random, but whoever makes documents may number them.
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::memcpy(&first, id.bytes.data(), sizeof first);
  std::memcpy(&second, id.bytes.data() + sizeof first, sizeof second);
  std::uint64_t mixed = (first * 0x9E3779B97F4A7C15u) ^ (second * 0xC2B2AE3D27D4EB4Fu);
  mixed = (mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93u;
  return static_cast<std::size_t>(mixed ^ (mixed >> 32));
}

}  // namespace converge::model
