#include "core/sync/message.h"

#include "core/base/limits.h"
#include "core/codec/leb128.h"

#include <algorithm>

namespace converge::sync {
namespace {

constexpr std::size_t kHashBytes = 32;
constexpr std::uint8_t kLegacyReadsV2 = 0x02;  // older writers' way to say "I can read v2"
constexpr std::uint8_t kBitFieldMark = 0x80;   // a flag byte with this bit is a bit field

void write_hashes(Bytes& out, const std::vector<model::ChangeHash>& hashes) {
  codec::write_uleb(out, hashes.size());
  for (const model::ChangeHash& hash : hashes) {
    out.insert(out.end(), hash.bytes.begin(), hash.bytes.end());
  }
}

void write_sized(Bytes& out, ByteView bytes) {
  codec::write_uleb(out, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Result<std::vector<model::ChangeHash>> read_hashes(codec::Reader& in) {
  const auto count = codec::read_uleb(in);
  if (!count) return count.error();
  if (*count > in.remaining() / kHashBytes) {
    return Error{ErrorCode::kTruncated,
                 "sync message is too short for " + std::to_string(*count) + " hashes"};
  }
  std::vector<model::ChangeHash> out(static_cast<std::size_t>(*count));
  for (model::ChangeHash& hash : out) {
    const ByteView bytes = in.take(kHashBytes);
    std::copy(bytes.begin(), bytes.end(), hash.bytes.begin());
  }
  return out;
}

Result<Heads> read_heads(codec::Reader& in) {
  auto heads = read_hashes(in);
  if (!heads) return heads;
  std::sort(heads->begin(), heads->end());
  heads->erase(std::unique(heads->begin(), heads->end()), heads->end());
  return heads;
}

Result<ByteView> read_sized(codec::Reader& in) {
  const auto size = codec::read_uleb(in);
  if (!size) return size.error();
  if (*size > in.remaining()) {
    return Error{ErrorCode::kTruncated,
                 "sync message ends inside a field of " + std::to_string(*size) + " bytes"};
  }
  return in.take(static_cast<std::size_t>(*size));
}

Result<void> read_have(codec::Reader& in, Message& message) {
  const auto count = codec::read_uleb(in);
  if (!count) return count.error();
  if (*count > limits::kSyncHavesMax) {
    return Error{ErrorCode::kLimitExceeded, "sync message with " + std::to_string(*count) +
                                                " haves, allowed are " +
                                                std::to_string(limits::kSyncHavesMax)};
  }
  for (std::uint64_t i = 0; i < *count; ++i) {
    auto last_sync = read_heads(in);
    if (!last_sync) return last_sync.error();
    const auto bytes = read_sized(in);
    if (!bytes) return bytes.error();
    auto bloom = BloomFilter::decode(*bytes);
    if (!bloom) return bloom.error();
    message.have.push_back({std::move(*last_sync), std::move(*bloom)});
  }
  return {};
}

Result<void> read_changes(codec::Reader& in, Message& message) {
  const auto count = codec::read_uleb(in);
  if (!count) return count.error();
  if (*count > in.remaining()) {
    return Error{ErrorCode::kTruncated,
                 "sync message is too short for " + std::to_string(*count) + " changes"};
  }
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto bytes = read_sized(in);
    if (!bytes) return bytes.error();
    message.changes.push_back(to_bytes(*bytes));
  }
  return {};
}

Result<void> read_flags(codec::Reader& in, Message& message) {
  if (in.at_end()) return {};
  const auto bytes = read_sized(in);
  if (!bytes) return bytes.error();
  std::uint8_t flags = 0;
  for (const std::byte byte : *bytes) {
    const auto value = std::to_integer<std::uint8_t>(byte);
    if (value >= kBitFieldMark) flags |= value & 0x7f;
  }
  message.flags = flags;
  return {};
}

}  // namespace

Bytes encode_message(const Message& message) {
  Bytes out;
  std::size_t payload = 0;
  for (const Bytes& change : message.changes) payload += change.size();
  out.reserve(payload + 256);

  out.push_back(static_cast<std::byte>(message.version));
  write_hashes(out, message.heads);
  write_hashes(out, message.need);
  codec::write_uleb(out, message.have.size());
  for (const Have& have : message.have) {
    write_hashes(out, have.last_sync);
    write_sized(out, have.bloom.encode());
  }
  codec::write_uleb(out, message.changes.size());
  for (const Bytes& change : message.changes) write_sized(out, change);
  if (message.flags) {
    out.push_back(std::byte{2});
    out.push_back(std::byte{kLegacyReadsV2});
    out.push_back(static_cast<std::byte>(kBitFieldMark | *message.flags));
  }
  return out;
}

Result<Message> decode_message(ByteView bytes) {
  codec::Reader in(bytes);
  if (in.at_end()) return Error{ErrorCode::kTruncated, "empty sync message"};
  Message message;
  const auto version = std::to_integer<std::uint8_t>(in.take(1)[0]);
  if (version != static_cast<std::uint8_t>(Message::Version::kV1) &&
      version != static_cast<std::uint8_t>(Message::Version::kV2)) {
    return Error{ErrorCode::kUnsupported,
                 "sync message with unknown first byte " + std::to_string(version)};
  }
  message.version = static_cast<Message::Version>(version);

  auto heads = read_heads(in);
  if (!heads) return heads.error();
  message.heads = std::move(*heads);
  auto need = read_hashes(in);
  if (!need) return need.error();
  message.need = std::move(*need);
  if (auto done = read_have(in, message); !done) return done.error();
  if (auto done = read_changes(in, message); !done) return done.error();
  if (auto done = read_flags(in, message); !done) return done.error();
  return message;
}

}  // namespace converge::sync
