#pragma once

#include "core/base/bytes.h"
#include "core/codec/reader.h"

namespace converge::fuzz {

/// Columns written without thought: (specification byte, length byte, bytes) triples until a zero
/// specification become a metadata and a data block with right counts and lengths, sorted so that
/// the parser goes on to the contents.
struct Assembled {
  Bytes metadata;
  Bytes data;
};
Assembled assemble_columns(codec::Reader& in);

/// At most `most` bytes.
ByteView take_some(codec::Reader& in, std::size_t most);

}  // namespace converge::fuzz
