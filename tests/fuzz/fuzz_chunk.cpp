#include "core/base/assert.h"
#include "core/format/bundle.h"
#include "core/format/change.h"
#include "core/format/document.h"
#include "tests/fuzz/targets.h"

namespace converge::fuzz {
namespace {

void parse(const format::Chunk& found) {
  switch (found.type) {
    case format::ChunkType::kDocument:
      (void)format::decode_document(found.body);
      return;
    case format::ChunkType::kChange:
    case format::ChunkType::kCompressedChange:
      (void)format::decode_change(found);
      return;
    case format::ChunkType::kBundle:
      (void)format::decode_bundle(found.body);
      return;
  }
}

std::size_t walk(ByteView stream_bytes) {
  format::ChunkStream stream(stream_bytes);
  for (;;) {
    const auto found = stream.next();
    if (!found || !*found) return stream.position();
    ASSERT(stream.position() == (*found)->offset + (*found)->whole.size());
    parse(**found);
  }
}

}  // namespace

// As a stream; and, with the right container around it, as the chunk whose type the first byte
// says. A compressed change gets past its checksum only if it is one.
void chunk(ByteView input) {
  ASSERT(walk(input) <= input.size());
  if (input.empty()) return;
  const auto type = static_cast<format::ChunkType>(std::to_integer<unsigned>(input[0]) % 4);
  const ByteView body = input.subspan(1);
  const Bytes whole = format::write_chunk(type, body);
  const std::size_t walked = walk(whole);
  ASSERT(walked == whole.size());
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::chunk)
