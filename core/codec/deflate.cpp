#include "core/codec/deflate.h"

#include "core/base/assert.h"
#include "core/base/limits.h"

#include <algorithm>
#include <libdeflate.h>
#include <memory>

namespace converge::codec {
namespace {

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};
struct FreeCompressor {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};

constexpr int kLevel = 6;
constexpr std::size_t kFirstGuessRatio = 4;
constexpr std::size_t kFirstGuessMin = 1024;

libdeflate_decompressor* decompressor() {
  thread_local const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> kept(
      libdeflate_alloc_decompressor());
  ASSERT(kept != nullptr);
  return kept.get();
}

libdeflate_compressor* compressor() {
  thread_local const std::unique_ptr<libdeflate_compressor, FreeCompressor> kept(
      libdeflate_alloc_compressor(kLevel));
  ASSERT(kept != nullptr);
  return kept.get();
}

}  // namespace

std::size_t inflate_limit(std::size_t compressed) {
  if (compressed >= limits::kInflatedBytesMax / limits::kInflateRatioMax) {
    return limits::kInflatedBytesMax;
  }
  return std::max(limits::kInflateFloorBytes, compressed * limits::kInflateRatioMax);
}

Result<Bytes> inflate(ByteView compressed, std::size_t limit) {
  Bytes out;
  std::size_t room = std::max(kFirstGuessMin, compressed.size() * kFirstGuessRatio);
  for (;; room *= 2) {
    room = std::min(room, limit);
    out.resize(room);
    std::size_t consumed = 0;
    std::size_t produced = 0;
    const auto outcome =
        libdeflate_deflate_decompress_ex(decompressor(), compressed.data(), compressed.size(),
                                         out.data(), out.size(), &consumed, &produced);
    if (outcome == LIBDEFLATE_SUCCESS) {
      out.resize(produced);
      return out;
    }
    if (outcome != LIBDEFLATE_INSUFFICIENT_SPACE) {
      return Error{ErrorCode::kCorrupt, "invalid or cut DEFLATE stream of " +
                                            std::to_string(compressed.size()) + " bytes"};
    }
    if (room == limit) {
      return Error{ErrorCode::kLimitExceeded, "DEFLATE stream of " +
                                                  std::to_string(compressed.size()) +
                                                  " bytes inflates to more than the " +
                                                  std::to_string(limit) + " bytes allowed"};
    }
  }
}

Bytes deflate(ByteView bytes) {
  Bytes out(libdeflate_deflate_compress_bound(compressor(), bytes.size()));
  const std::size_t size =
      libdeflate_deflate_compress(compressor(), bytes.data(), bytes.size(), out.data(), out.size());
  ASSERT(size > 0);
  out.resize(size);
  return out;
}

}  // namespace converge::codec
