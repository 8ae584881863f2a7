#pragma once

#include <map>
#include <string>

namespace converge::cli {

/// Manual pages in man(7), by file name: syncctl.1, syncctl-COMMAND.1 for each command of the
/// overview, and section 7 pages for the topics that scripts need.
std::map<std::string, std::string> man_pages();

/// Markdown of all commands.
std::string reference_page();

}  // namespace converge::cli
