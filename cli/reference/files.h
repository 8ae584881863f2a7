#pragma once

#include <map>
#include <string>

namespace converge::cli {

/// Every generated file that is committed, by its path in the source tree.
std::map<std::string, std::string> reference_files();

}  // namespace converge::cli
