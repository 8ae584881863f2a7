#pragma once

#include "agent/telemetry/log.h"
#include "agent/telemetry/metrics.h"

#include <nlohmann/json_fwd.hpp>

#include <vector>

namespace converge::handlers {

/// {"kind":"LogLine",...} as `agent logs` prints it. Total: invalid UTF-8 of a peer is replaced.
nlohmann::json to_json(const telemetry::LogLine& line);

/// {"kind":"Metrics",...}, one item a name.
nlohmann::json to_json(const std::vector<telemetry::Metrics::Family>& families);

}  // namespace converge::handlers
