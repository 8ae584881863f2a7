#pragma once

#include "agent/control/call.h"

#include <cstdint>

namespace converge::handlers {

/// Adds received_seq, received_at and origin to a Change object, which only the store knows; null
/// for a change that came inside a snapshot.
void add_receipt(Json& change, store::Store& store, const DocumentId& id, const ChangeHash& hash);

/// A WHEN parameter as wall milliseconds, 0 when absent; `#N` is the moment of that receipt.
/// Errors: usage.argument, rev.not_found.
Result<std::int64_t> when_param(Services& services, const Call& call, const char* name);

/// The log of all documents: changes as this replica received them, newest first, as a ChangeList.
/// At most `limit`, 1,000 without one. Control thread.
void log_all_documents(Services& services, const CallPtr& call, std::int64_t since_ms,
                       std::int64_t until_ms);

}  // namespace converge::handlers
