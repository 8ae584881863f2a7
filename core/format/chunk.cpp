#include "core/format/chunk.h"

#include "core/codec/leb128.h"
#include "core/codec/reader.h"
#include "core/codec/sha256.h"

#include <algorithm>

namespace converge::format {
namespace {

constexpr std::array<std::byte, 4> kMagic{std::byte{0x85}, std::byte{0x6f}, std::byte{0x4a},
                                          std::byte{0x83}};
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kFixedHeaderBytes = kMagic.size() + kChecksumBytes + 1;

std::string place(std::size_t index, std::size_t offset) {
  return "chunk " + std::to_string(index) + " at byte " + std::to_string(offset) + ": ";
}

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

model::ChangeHash digest(ChunkType type, ByteView body) {
  std::array<std::byte, 1 + codec::kLebBytesMax> prefix{static_cast<std::byte>(type)};
  std::size_t size = 1;
  std::uint64_t length = body.size();
  do {
    const auto low = static_cast<std::uint8_t>(length & 0x7f);
    length >>= 7;
    prefix[size++] = static_cast<std::byte>(length != 0 ? low | 0x80 : low);
  } while (length != 0);
  return {codec::sha256(ByteView(prefix).first(size), body)};
}

Bytes write_chunk(ChunkType type, ByteView body) {
  return write_chunk(type, body, digest(type, body));
}

Bytes write_chunk(ChunkType type, ByteView body, const model::ChangeHash& digest_of_body) {
  Bytes out;
  out.reserve(kFixedHeaderBytes + codec::kLebBytesMax + body.size());
  append(out, kMagic);
  append(out, ByteView(digest_of_body.bytes).first(kChecksumBytes));
  out.push_back(static_cast<std::byte>(type));
  codec::write_uleb(out, body.size());
  append(out, body);
  return out;
}

Result<std::optional<Chunk>> ChunkStream::next() {
  codec::Reader in(stream_.subspan(position_));
  if (in.at_end()) return std::optional<Chunk>{};
  const auto fail = [&](ErrorCode code, const std::string& what) {
    return Error{code, place(index_, position_) + what};
  };
  if (in.remaining() < kFixedHeaderBytes) return fail(ErrorCode::kTruncated, "ends in its header");
  if (const auto magic = in.take(kMagic.size()); !std::ranges::equal(magic, kMagic)) {
    return fail(ErrorCode::kCorrupt, "does not start with the magic bytes 85 6f 4a 83");
  }

  Chunk chunk;
  chunk.index = index_;
  chunk.offset = position_;
  const auto checksum = in.take(kChecksumBytes);
  std::copy(checksum.begin(), checksum.end(), chunk.checksum.begin());
  const auto type = std::to_integer<std::uint8_t>(in.take(1)[0]);
  if (type > static_cast<std::uint8_t>(ChunkType::kBundle)) {
    return fail(ErrorCode::kUnsupported, "unknown chunk type " + std::to_string(type));
  }
  chunk.type = static_cast<ChunkType>(type);
  const auto length = codec::read_uleb(in);
  if (!length) return fail(length.error().code, "length: " + length.error().message);
  if (*length > in.remaining()) {
    return fail(ErrorCode::kTruncated, "claims " + std::to_string(*length) + " bytes of body, " +
                                           std::to_string(in.remaining()) + " are there");
  }
  chunk.body = in.take(static_cast<std::size_t>(*length));
  chunk.whole = stream_.subspan(position_, in.position());

  if (chunk.type != ChunkType::kCompressedChange) {
    chunk.digest = digest(chunk.type, chunk.body);
    if (!std::equal(chunk.checksum.begin(), chunk.checksum.end(), chunk.digest.bytes.begin())) {
      return fail(ErrorCode::kCorrupt, "checksum does not match");
    }
  }
  position_ += in.position();
  ++index_;
  return std::optional<Chunk>(chunk);
}

Error in_chunk(const Chunk& chunk, Error error) {
  error.message.insert(0, place(chunk.index, chunk.offset));
  return error;
}

}  // namespace converge::format
