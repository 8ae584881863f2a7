#include "agent/telemetry/metrics.h"

#include <catch2/catch.hpp>

using converge::telemetry::Metrics;

TEST_CASE("counters, gauges and histograms appear in the text form") {
  Metrics metrics;

  metrics.counter("converge_requests_total", "Requests.", {{"method", "doc.get"}}).add(2);
  metrics.counter("converge_requests_total", "Requests.", {{"method", "doc.get"}}).add();
  metrics.gauge("converge_peers", "Connected peers.").set(4);
  metrics.histogram("converge_commit_seconds", "Commit latency.").observe(0.0003);

  const auto text = metrics.text();
  CHECK(text.find("converge_requests_total{method=\"doc.get\"} 3") != std::string::npos);
  CHECK(text.find("converge_peers 4") != std::string::npos);
  CHECK(text.find("converge_commit_seconds_bucket{le=\"0.0005\"} 1") != std::string::npos);
}
