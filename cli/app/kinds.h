#pragma once

#include "cli/app/command_table.h"
#include "core/base/result.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace converge::cli {

/// What help and the reference page say about a kind of word.
struct KindInfo {
  const char* word;  ///< "POINTER"
  const char* text;  ///< one line
};

const KindInfo& info(Kind kind);

/// Whether `word` can be of the kind at all; what it names is looked up later, by the target.
/// `where` is how the user knows the place: "POINTER", "--limit". Errors: usage.argument for an
/// argument, usage.flag for a flag (where begins with "-").
Result<void> check_word(const Arg& spec, std::string_view word);
Result<void> check_word(const Flag& spec, std::string_view word);

/// "500ms", "30s", "5m", "2h", "3d", "1m30s" no; "0" yes. Errors: usage.argument.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "64KiB", "10MB", "512" (bytes). Errors: usage.argument.
Result<std::uint64_t> parse_size(std::string_view text);

/// A word that is a file by its look: "-", begins with "." or "/", or ends in ".automerge"
/// (a revision behind it not counted).
bool is_file_word(std::string_view doc);

/// A word with pattern characters.
bool is_pattern(std::string_view word);

}  // namespace converge::cli
