#pragma once

#include "core/base/bytes.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The text forms of values that JSON has no word for.
namespace converge::verbs {

/// RFC 3339 UTC with milliseconds; years outside 0000..9999 as ECMAScript writes them
/// ("+012345-01-01T00:00:00.000Z"). Total.
std::string format_timestamp(std::int64_t milliseconds);
/// The same for seconds, which a change may claim any number of: clamped to what milliseconds hold.
std::string format_seconds(std::int64_t seconds);
/// Milliseconds since 1970. Accepts any RFC 3339 date-time (digits below milliseconds are cut) and
/// every output of format_timestamp; a leap second is the second after it. Nothing otherwise.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

std::string to_base64(ByteView bytes);
/// Standard alphabet, padding required, nothing else. Nothing otherwise.
std::optional<Bytes> from_base64(std::string_view text);

/// A finite number as ECMAScript's Number::toString writes it: shortest digits that read back.
std::string format_number(double value);

/// Appends `text` between quotes with only the escapes that JSON demands; `quote` is '"' or, for
/// names in normalized paths (RFC 9535, 2.7), '\''.
void append_quoted(std::string& out, std::string_view text, char quote = '"');

std::size_t count_code_points(std::string_view utf8);

}  // namespace converge::verbs
