#include "tests/core/format/decode.h"

#include "core/format/document.h"

namespace converge::testing {

Result<model::Snapshot> decode_document_chunk(ByteView chunk_bytes) {
  format::ChunkStream stream(chunk_bytes);
  const auto chunk = stream.next();
  if (!chunk) return chunk.error();
  if (!*chunk || (*chunk)->type != format::ChunkType::kDocument) {
    return Error{ErrorCode::kInvalid, "not a document"};
  }
  return format::decode_document((*chunk)->body);
}

Result<void> verify_document_body(ByteView body) {
  const auto snapshot = format::decode_document(body);
  if (!snapshot) return snapshot.error();
  const auto hashes = format::for_each_change(*snapshot, {});
  if (!hashes) return hashes.error();
  return {};
}

}  // namespace converge::testing
