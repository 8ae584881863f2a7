#pragma once

#include "agent/control/document_walk.h"

#include <functional>
#include <string>
#include <vector>

namespace converge::handlers {

/// The rows as they were at a moment (WHEN, or "#N" for a receipt): heads, number of changes and
/// time of the last one by what this replica had received; documents of which it had nothing are
/// left out. Names are those of today, and sizes are not known. An empty `at` leaves the rows
/// alone. Cost: the receipts since, a page at a time with other requests in between, and every
/// document that has one of them is opened. `done` runs on the control thread; an error answers the
/// call.
void rows_at(Services& services, const CallPtr& call, const std::string& at, std::vector<Row> rows,
             std::function<void(std::vector<Row>)> done);

}  // namespace converge::handlers
