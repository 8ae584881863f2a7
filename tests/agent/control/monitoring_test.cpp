#include "agent/control/monitoring.h"

#include "tests/agent/control/fake_services.h"

#include <catch2/catch.hpp>

using namespace converge;
using converge::testing::FakeServices;
using handlers::answer_monitor;

TEST_CASE("an agent whose store takes writes is ready", "[control]") {
  FakeServices services;

  CHECK(answer_monitor(services, "/healthz", false).status == 200);
  const auto ready = answer_monitor(services, "/readyz", false);
  CHECK(ready.status == 200);
  CHECK(ready.body == "ready\n");
}

TEST_CASE("a store that takes no writes makes the agent alive but not ready", "[control]") {
  FakeServices services;
  REQUIRE(services.store().set_read_only(true));

  const auto answer = answer_monitor(services, "/readyz", false);

  CHECK(answer.status == 503);
  CHECK(answer.body.find("the store is read-only") != std::string::npos);
  CHECK(answer_monitor(services, "/healthz", false).status == 200);
  REQUIRE(services.store().set_read_only(false));
  CHECK(answer_monitor(services, "/readyz", false).status == 200);
}

TEST_CASE("a store that failed, and an agent that stops, are each a reason", "[control]") {
  store::StoreStats stats;
  stats.state = store::StoreState::kFailed;
  stats.state_reason = "log sync: input/output error";

  const auto reasons = handlers::reasons_not_ready(stats, true);

  REQUIRE(reasons.size() == 2);
  CHECK(reasons[0] == "the agent is stopping");
  CHECK(reasons[1].find("failed: log sync: input/output error") != std::string::npos);
}

TEST_CASE("metrics are Prometheus text, and other paths are not found", "[control]") {
  FakeServices services;
  services.metrics().counter("x_total", "X.").add();

  const auto metrics = answer_monitor(services, "/metrics", false);
  CHECK(metrics.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(metrics.body.find("x_total 1") != std::string::npos);
  for (const char* path : {"", "/", "/metrics/", "/readyz/../metrics", "*", "/METRICS"})
    CHECK(answer_monitor(services, path, false).status == 404);
}
