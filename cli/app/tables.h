#pragma once

#include "cli/app/command_table.h"

#include <vector>

/// The parts of the command table, one file each.
namespace converge::cli {

std::vector<Command> document_commands();
std::vector<Command> history_commands();
std::vector<Command> sync_commands();
std::vector<Command> verify_commands();
std::vector<Command> operate_commands();
std::vector<Command> store_commands();
std::vector<Command> more_commands();

}  // namespace converge::cli
