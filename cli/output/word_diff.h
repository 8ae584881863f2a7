#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace converge::cli {

/// What became of a text, word by word, for people: "[-old-]" is gone, "{+new+}" has come, in
/// colour too when `color`. One string a line; lines that are neither changed nor beside a change
/// are left out ("..." stands for them), and so is the middle of long unchanged stretches. Safe for
/// a terminal. Nothing when the texts are equal. Cost: as verbs::common_subsequence, by words.
std::vector<std::string> word_diff(std::string_view before, std::string_view after, bool color);

}  // namespace converge::cli
