#pragma once

#include <string>
#include <string_view>

namespace converge::cli {

/// The completion script of bash, zsh, fish or powershell. Commands and flags are in it; everything
/// else is asked from "syncctl __complete". REQUIRES: one of these four.
std::string completion_script(std::string_view shell);

}  // namespace converge::cli
