#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Small pieces of human text.
namespace converge::cli {

/// `text` safe for a terminal: control characters, escapes, line breaks and marks that change the
/// writing direction become \uXXXX, bytes that are not UTF-8 become \xXX. `line_breaks` keeps "\n"
/// and "\t".
std::string printable(std::string_view text, bool line_breaks = false);

/// Columns on a terminal: code points, wide East Asian ones and emoji as two, combining as none.
std::size_t display_width(std::string_view utf8);

/// At most `width` columns, ending in "…" (or "~" without UTF-8) when something was cut.
std::string cut(std::string_view utf8, std::size_t width, bool utf8_ellipsis);

/// Milliseconds since 1970 of an RFC 3339 time; nothing for anything else.
std::optional<std::int64_t> parse_time(std::string_view rfc3339);

/// "3m ago", "2d ago", "now"; the text itself when it is no time.
std::string relative_time(std::string_view rfc3339, std::int64_t now_ms);

/// "18.2 kB"
std::string human_bytes(std::uint64_t bytes);

/// "12d 0h", "5m 3s", "120 ms"
std::string human_duration(std::uint64_t milliseconds);

/// "1 change", "2 changes"
std::string counted(std::uint64_t count, std::string_view thing);

/// The first 7 digits of a hash.
std::string short_hash(std::string_view hash);

}  // namespace converge::cli
