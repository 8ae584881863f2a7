#include "agent/control/monitoring.h"

#include <fmt/format.h>

namespace converge::handlers {
namespace {

constexpr const char* kPlain = "text/plain; charset=utf-8";
constexpr const char* kPrometheus = "text/plain; version=0.0.4; charset=utf-8";

MonitorAnswer readiness(Services& services, bool is_stopping) {
  const auto reasons = reasons_not_ready(services.store().stats(), is_stopping);
  if (reasons.empty()) return {200, kPlain, "ready\n"};
  std::string body = "not ready\n";
  for (const std::string& reason : reasons) body += reason + "\n";
  return {503, kPlain, std::move(body)};
}

}  // namespace

std::vector<std::string> reasons_not_ready(const store::StoreStats& stats, bool is_stopping) {
  std::vector<std::string> reasons;
  if (is_stopping) reasons.emplace_back("the agent is stopping");
  if (stats.state != store::StoreState::kOpen) {
    reasons.push_back(fmt::format("the store is {}{}{}", to_string(stats.state),
                                  stats.state_reason.empty() ? "" : ": ", stats.state_reason));
  }
  return reasons;
}

MonitorAnswer answer_monitor(Services& services, const std::string& path, bool is_stopping) {
  if (path == "/metrics") return {200, kPrometheus, services.metrics().text()};
  if (path == "/healthz") return {200, kPlain, "ok\n"};
  if (path == "/readyz") return readiness(services, is_stopping);
  return {404, kPlain, "there are /metrics, /healthz and /readyz\n"};
}

}  // namespace converge::handlers
