#pragma once

#include "core/base/clock.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace converge::telemetry {

/// Lets a burst of lines with one code through and then a few a second, so that a flood of one
/// problem neither fills a disk nor hides the others. A token bucket per code; codes are few and
/// come from the source, never from input. Not thread-safe.
class RateLimit {
 public:
  struct Options {
    double burst = 20;
    double per_second = 1;
  };

  RateLimit(const Clock& clock, Options options) : clock_(clock), options_(options) {}
  explicit RateLimit(const Clock& clock) : RateLimit(clock, Options{}) {}

  struct Decision {
    bool allowed = true;
    std::uint64_t suppressed = 0;  ///< lines held back since the last one that was allowed
  };
  Decision admit(std::string_view code);

 private:
  struct Bucket {
    double tokens = 0;
    std::chrono::steady_clock::time_point filled_at;
    std::uint64_t suppressed = 0;
  };

  const Clock& clock_;
  Options options_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace converge::telemetry
