#pragma once

#include "core/base/bytes.h"

#include <cstdint>

namespace converge::store {

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78) of bytes, going on from `crc`: the sum of
/// "ab" is crc32c("b", crc32c("a")). Uses the SSE4.2 instruction where the processor has it. Any
/// thread.
std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);

/// The same by table, on every processor; for comparison.
std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t crc = 0);

/// LevelDB stores sums rotated and offset, so that a sum over bytes that hold sums stays useful.
inline std::uint32_t mask_crc(std::uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}
inline std::uint32_t unmask_crc(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xa282ead8u;
  return (rotated >> 17) | (rotated << 15);
}

}  // namespace converge::store
