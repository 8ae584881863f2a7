#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codec/reader.h"

#include <cstdint>
#include <string>

namespace converge::codec {

inline constexpr std::size_t kLebBytesMax = 10;

/// Decodes one unsigned LEB128 number at the cursor. Source: automerge-format 1.1.
/// Range 0 .. 2^64-1, at most 10 bytes; rejects overlong forms so that every value has one
/// encoding. Errors: kTruncated, kCorrupt (overlong, too large). On error the cursor does not move.
Result<std::uint64_t> read_uleb(Reader& in);

/// The same for a field of 32 bits. Errors: as read_uleb, and kCorrupt above 2^32-1.
Result<std::uint32_t> read_uleb32(Reader& in);

/// Decodes one signed LEB128 number. Range -2^63 .. 2^63-1. Errors: as read_uleb.
Result<std::int64_t> read_sleb(Reader& in);

/// Append the shortest form. Never fail.
void write_uleb(Bytes& out, std::uint64_t value);
void write_sleb(Bytes& out, std::int64_t value);
void write_uleb(std::string& out, std::uint64_t value);
void write_sleb(std::string& out, std::int64_t value);

/// Length of the shortest form, 1 .. 10.
std::size_t uleb_size(std::uint64_t value);

}  // namespace converge::codec
