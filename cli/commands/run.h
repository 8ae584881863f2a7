#pragma once

#include "cli/app/places.h"

#include <string>
#include <vector>

namespace converge::cli {

/// One run of syncctl: parses the words behind the program's name, does what they say, prints. The
/// value is the exit code. Writes to stdout and stderr of the process.
int run(const std::vector<std::string>& words, const Environment& environment);

}  // namespace converge::cli
