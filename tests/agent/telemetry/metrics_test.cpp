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

TEST_CASE("what was counted can be walked by name, with the labels of each sample") {
  Metrics metrics;
  metrics.counter("b_total", "Bees.", {{"kind", "x"}}).add(2);
  metrics.gauge("a", "Ants.").set(1.5);
  metrics.histogram("c_seconds", "Cats.").observe(0.0003);

  const auto families = metrics.families();

  REQUIRE(families.size() == 3);
  CHECK(families[0].name == "a");
  CHECK(families[0].type == "gauge");
  CHECK(families[0].samples.at(0).value == 1.5);
  CHECK(families[1].help == "Bees.");
  CHECK(families[1].samples.at(0).labels.at("kind") == "x");
  CHECK(families[2].type == "histogram");
  CHECK(families[2].samples.front().name == "c_seconds_bucket");
  CHECK(families[2].samples.back().name == "c_seconds_count");
  CHECK(families[2].samples.back().value == 1);
}

TEST_CASE("a total that is counted elsewhere never goes down") {
  Metrics metrics;
  auto counter = metrics.counter("x_total", "X.");

  counter.raise_to(5);
  counter.raise_to(3);
  counter.raise_to(7);

  CHECK(metrics.families().at(0).samples.at(0).value == 7);
}
