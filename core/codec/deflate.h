#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <cstddef>

namespace converge::codec {

/// How many bytes an input of `compressed` bytes may inflate to (limits::kInflate*).
std::size_t inflate_limit(std::size_t compressed);

/// Inflates raw DEFLATE (no zlib header). The output grows by doubling and never past `limit`, so a
/// bomb costs at most that. Bytes behind the end of the stream are ignored, as other readers do.
/// Errors: kCorrupt (not DEFLATE, cut), kLimitExceeded. Any thread.
Result<Bytes> inflate(ByteView compressed, std::size_t limit);

/// Raw DEFLATE, level 6. Any thread; keeps one compressor a thread.
Bytes deflate(ByteView bytes);

}  // namespace converge::codec
