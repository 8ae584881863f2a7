#pragma once

#include "cli/commands/session.h"

/// Commands about damaged stores and old ones; see handlers.h.
namespace converge::cli {

Result<int> run_quarantine_ls(Session& session);
Result<int> run_quarantine_show(Session& session);
Result<int> run_quarantine_export(Session& session);
Result<int> run_quarantine_retry(Session& session);
Result<int> run_quarantine_drop(Session& session);
Result<int> run_store_import_legacy(Session& session);

}  // namespace converge::cli
