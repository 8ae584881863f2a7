#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/ids.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

/// The container around everything that is stored or sent (automerge-format 1.5, FORMAT.md):
///
///   magic 85 6f 4a 83 | checksum, 4 bytes | type, 1 byte | body length, uLEB128 | body
///
/// checksum = the first 4 bytes of digest(type, body). A compressed change carries the checksum of
/// the plain change it inflates to.
namespace converge::format {

/// Frozen: these numbers reach disk and wire.
enum class ChunkType : std::uint8_t {
  kDocument = 0,
  kChange = 1,
  kCompressedChange = 2,  ///< body is raw DEFLATE of a kChange body
  kBundle = 3,
};

/// One chunk of a stream, still unparsed. The views point into the stream's bytes.
struct Chunk {
  ChunkType type = ChunkType::kChange;
  std::size_t index = 0;   ///< 0 is the first chunk of the stream
  std::size_t offset = 0;  ///< of the magic, from the stream's start
  ByteView whole;          ///< header and body
  ByteView body;
  std::array<std::byte, 4> checksum{};
  /// Of the body, computed to verify the checksum: the hash, for a kChange. Unset for
  /// kCompressedChange.
  model::ChangeHash digest;
};

/// SHA-256( type || uLEB(length) || body ). Of a kChange body this is the change's hash.
model::ChangeHash digest(ChunkType type, ByteView body);
inline model::ChangeHash change_hash(ByteView body) { return digest(ChunkType::kChange, body); }

/// Header and body. `digest_of_body` saves hashing again where the digest is known already.
Bytes write_chunk(ChunkType type, ByteView body);
Bytes write_chunk(ChunkType type, ByteView body, const model::ChangeHash& digest_of_body);

/// Walks a stream of zero or more concatenated chunks (automerge-format 1.6). The checksum of
/// types 0, 1 and 3 is verified here, that of type 2 by inflate_change(), which is the first to see
/// the bytes it covers.
class ChunkStream {
 public:
  explicit ChunkStream(ByteView stream) : stream_(stream) {}

  /// The next chunk; nothing at the end of the stream. Errors, naming chunk and byte: kTruncated,
  /// kCorrupt (magic, checksum), kUnsupported (type). After an error position() is where the bad
  /// chunk starts, that is the length of the good prefix, and next() must not be called again.
  Result<std::optional<Chunk>> next();

  std::size_t position() const { return position_; }

 private:
  ByteView stream_;
  std::size_t position_ = 0;
  std::size_t index_ = 0;
};

/// The same error with "chunk 3 at byte 1234: " in front: what a failure inside a chunk's body
/// needs to be found again.
Error in_chunk(const Chunk& chunk, Error error);

}  // namespace converge::format
