#pragma once

#include "core/base/bytes.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace converge::codec {

/// Base58 (Bitcoin alphabet) of payload + the first 4 bytes of its double SHA-256. Source:
/// repo-protocol 4.3. Cost: quadratic in the length; meant for ids and hashes.
std::string to_base58check(ByteView payload);

/// Nothing for a bad character, a wrong checksum, or text over 256 characters. Case-sensitive.
std::optional<Bytes> from_base58check(std::string_view text);

}  // namespace converge::codec
