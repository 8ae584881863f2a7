#include "agent/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace converge::telemetry {
namespace {

const prometheus::Histogram::BucketBoundaries kLatencyBuckets = {
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05,    0.1,    0.25,    0.5,    1,     2.5,    5,     10};

}  // namespace

// The registry returns the same family for the same name and help, and a family the same metric for
// the same labels, so asking twice is asking once.
struct Metrics::Impl {
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::Counter::add(double amount) {
  static_cast<prometheus::Counter*>(counter_)->Increment(amount);
}
void Metrics::Gauge::set(double value) { static_cast<prometheus::Gauge*>(gauge_)->Set(value); }
void Metrics::Histogram::observe(double seconds) {
  static_cast<prometheus::Histogram*>(histogram_)->Observe(seconds);
}

Metrics::Counter Metrics::counter(const std::string& name, const std::string& help,
                                  const Labels& labels) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  return Counter(&family.Add(labels));
}

Metrics::Gauge Metrics::gauge(const std::string& name, const std::string& help,
                              const Labels& labels) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  return Gauge(&family.Add(labels));
}

Metrics::Histogram Metrics::histogram(const std::string& name, const std::string& help,
                                      const Labels& labels) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
  return Histogram(&family.Add(labels, kLatencyBuckets));
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace converge::telemetry
