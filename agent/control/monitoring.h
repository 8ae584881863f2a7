#pragma once

#include "agent/control/services.h"

#include <string>
#include <vector>

namespace converge::handlers {

/// Why this agent should get no work now, one line a reason; empty: it is ready. A store that takes
/// no writes (read-only, failed) is one.
std::vector<std::string> reasons_not_ready(const store::StoreStats& stats, bool is_stopping);

/// What a monitoring program gets for a path over HTTP.
struct MonitorAnswer {
  unsigned status = 200;
  std::string content_type;
  std::string body;
};

/// /metrics: Prometheus text. /healthz: 200 as long as requests are carried out at all. /readyz:
/// 200 while the agent is ready, else 503 with the reasons. Another path: 404. Control thread only.
MonitorAnswer answer_monitor(Services& services, const std::string& path, bool is_stopping);

}  // namespace converge::handlers
