#pragma once

#include "core/base/bytes.h"

#include <array>
#include <cstddef>

namespace converge::codec {

using Sha256Digest = std::array<std::byte, 32>;

/// SHA-256 of the bytes. OpenSSL underneath, which uses the processor's SHA instructions. Any
/// thread.
Sha256Digest sha256(ByteView bytes);

/// SHA-256 of two pieces, one behind the other, without joining them.
Sha256Digest sha256(ByteView first, ByteView second);

}  // namespace converge::codec
