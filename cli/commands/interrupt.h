#pragma once

#include "cli/commands/session.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>

/// Ending a long command in good order. A command that has something to finish calls
/// catch_signals(); from then on the first INT or TERM only says "stopping" and is remembered, and
/// the second ends the process at once. What it is that has to be finished is up to the command:
/// it asks stopping() between two steps. Afterwards run() lets the process die by the signal, as
/// if it had never been caught (contract, section 10).
namespace converge::cli {

/// Catches INT, TERM and USR1. Nothing is said with -q, nor where stderr holds JSON.
void catch_signals(Session& session);

/// The signal that asked the command to stop; 0: none did.
int stop_signal();
inline bool stopping() { return stop_signal() != 0; }

/// Whether USR1 asked for a line of progress since the last call.
bool take_progress_request();

/// Ends the process by the remembered signal, if there is one.
void die_if_stopped();

/// The stream's next event; nothing when `limit` passed or the command is to stop.
Result<std::optional<nlohmann::json>> next_event_or_stop(Session& session, Target& stream,
                                                         client::Client::Deadline limit);

/// Sleeps; shorter when the command is to stop.
void pause_or_stop(std::chrono::milliseconds time);

}  // namespace converge::cli
