#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace converge::telemetry {

/// The agent's counters, gauges and latency histograms, served as Prometheus text. Names and labels
/// come from the source, never from input, so their number is bounded. Any thread; a count costs a
/// map look-up and an atomic add, so a hot path keeps the handle that it got once.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  /// Handles live as long as the Metrics.
  class Counter {
   public:
    void add(double amount = 1);
    /// Brings it to a total that somebody else counts; never down. One caller at a time.
    void raise_to(double total);

   private:
    friend class Metrics;
    explicit Counter(void* counter) : counter_(counter) {}
    void* counter_;
  };
  class Gauge {
   public:
    void set(double value);

   private:
    friend class Metrics;
    explicit Gauge(void* gauge) : gauge_(gauge) {}
    void* gauge_;
  };
  class Histogram {
   public:
    void observe(double seconds);

   private:
    friend class Metrics;
    explicit Histogram(void* histogram) : histogram_(histogram) {}
    void* histogram_;
  };

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// The one with that name and those labels, made at the first call. `help` counts then.
  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// Buckets from 50 us to 10 s.
  Histogram histogram(const std::string& name, const std::string& help, const Labels& labels = {});

  /// Prometheus text exposition format 0.0.4.
  std::string text() const;

  /// One line of that text.
  struct Sample {
    std::string name;  ///< with _bucket, _sum, _count for histograms
    Labels labels;
    double value = 0;
  };
  /// What was counted under one name.
  struct Family {
    std::string name;
    std::string help;
    std::string type;  ///< counter, gauge, histogram
    std::vector<Sample> samples;
  };
  std::vector<Family> families() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::telemetry
