#include "agent/telemetry/metrics.h"

#include <fmt/format.h>
#include <prometheus/client_metric.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace converge::telemetry {
namespace {

const prometheus::Histogram::BucketBoundaries kLatencyBuckets = {
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05,    0.1,    0.25,    0.5,    1,     2.5,    5,     10};

void add_samples(const prometheus::MetricFamily& family, const prometheus::ClientMetric& metric,
                 std::vector<Metrics::Sample>& out) {
  Metrics::Labels labels;
  for (const auto& label : metric.label) labels.emplace(label.name, label.value);
  if (family.type != prometheus::MetricType::Histogram) {
    const bool is_counter = family.type == prometheus::MetricType::Counter;
    out.push_back(
        {family.name, std::move(labels), is_counter ? metric.counter.value : metric.gauge.value});
    return;
  }
  const prometheus::ClientMetric::Histogram& histogram = metric.histogram;
  for (const auto& bucket : histogram.bucket) {
    Metrics::Labels bounded = labels;
    bounded.emplace("le", std::isinf(bucket.upper_bound) ? std::string("+Inf")
                                                         : fmt::format("{}", bucket.upper_bound));
    out.push_back({family.name + "_bucket", std::move(bounded),
                   static_cast<double>(bucket.cumulative_count)});
  }
  out.push_back({family.name + "_sum", labels, histogram.sample_sum});
  out.push_back({family.name + "_count", labels, static_cast<double>(histogram.sample_count)});
}

const char* type_word(prometheus::MetricType type) {
  return type == prometheus::MetricType::Counter ? "counter"
         : type == prometheus::MetricType::Gauge ? "gauge"
                                                 : "histogram";
}

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
void Metrics::Counter::raise_to(double total) {
  auto* counter = static_cast<prometheus::Counter*>(counter_);
  if (const double missing = total - counter->Value(); missing > 0) counter->Increment(missing);
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

std::vector<Metrics::Family> Metrics::families() const {
  std::vector<Family> out;
  for (const prometheus::MetricFamily& family : impl_->registry.Collect()) {
    Family& made = out.emplace_back(Family{family.name, family.help, type_word(family.type), {}});
    for (const auto& metric : family.metric) add_samples(family, metric, made.samples);
  }
  std::ranges::sort(out, {}, &Family::name);
  return out;
}

}  // namespace converge::telemetry
