#pragma once

#include <string>
#include <string_view>

/// Manual pages in man(7), from plain words. Used by the generators of both programs' pages.
namespace converge::roff {

/// Text as roff takes it: backslashes, dashes and signs escaped, no line that begins like a macro.
std::string text(std::string_view plain);

/// .TH and the NAME section. `name` as typed: "syncd.toml".
std::string head(std::string_view name, int section, std::string_view summary);

/// A heading; `title` in capitals.
std::string section(std::string_view title);

/// A bold tag and its paragraph.
std::string tagged(std::string_view tag, std::string_view paragraph);

/// Lines that keep their breaks. `lines` are roff already.
std::string as_typed(std::string_view lines);

/// ASCII capitals.
std::string upper(std::string_view plain);

}  // namespace converge::roff
