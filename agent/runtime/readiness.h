#pragma once

#include "agent/runtime/agent.h"
#include "core/base/result.h"

#include <filesystem>

namespace converge::runtime {

/// Writes {"socket","listen","url","metrics","pid"} for whoever started us: a temporary neighbour,
/// synced, renamed, so that a reader sees all of it or nothing. Errors: kIo.
Result<void> write_ready_file(const std::filesystem::path& path, const Agent& agent);

/// Tells the service manager, where there is one (sd_notify).
void notify_ready(const Agent& agent);
void notify_reloading();
void notify_reloaded();
void notify_stopping();

}  // namespace converge::runtime
