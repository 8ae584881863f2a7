#pragma once

#include "cli/commands/target.h"

#include <filesystem>
#include <memory>

namespace converge::cli {

/// The agent that belongs to this syncctl: the syncd beside it, else the one on the path.
std::string agent_program();

/// A stopped store (--store DIR): a private agent, started on the directory for this command only,
/// with no listener and no peers, and ended with it. So a store is read and written by the same
/// code whether an agent holds it or not. Errors: doc.not_found (no such directory), store.locked
/// (a process holds it), those of the store.
Result<std::unique_ptr<Target>> open_store_target(const std::filesystem::path& directory,
                                                  const Clock& clock,
                                                  client::Client::Deadline deadline);

}  // namespace converge::cli
