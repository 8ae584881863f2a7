#include "agent/telemetry/rate_limit.h"

#include <algorithm>
#include <utility>

namespace converge::telemetry {

RateLimit::Decision RateLimit::admit(std::string_view code) {
  const auto now = clock_.steady_now();
  const auto [found, inserted] = buckets_.try_emplace(std::string(code));
  Bucket& bucket = found->second;
  if (inserted) {
    bucket.tokens = options_.burst;
  } else {
    const std::chrono::duration<double> elapsed = now - bucket.filled_at;
    bucket.tokens = std::min(options_.burst, bucket.tokens + elapsed.count() * options_.per_second);
  }
  bucket.filled_at = now;
  if (bucket.tokens < 1) {
    ++bucket.suppressed;
    return {.allowed = false};
  }
  bucket.tokens -= 1;
  return {.allowed = true, .suppressed = std::exchange(bucket.suppressed, 0)};
}

}  // namespace converge::telemetry
