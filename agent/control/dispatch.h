#pragma once

#include "agent/control/call.h"
#include "agent/telemetry/metrics.h"
#include "core/control/rpc.h"

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace converge::handlers {

/// Takes requests to their handlers and keeps the promise of request ids: the same id again is
/// answered with the first result, also while the first is still under way. Control thread only.
class Dispatcher {
 public:
  Dispatcher(Services& services, telemetry::Metrics& metrics)
      : services_(services), metrics_(metrics) {}

  /// `reply` is called once, from any thread.
  void dispatch(const control::Request& request, EventSink sink, std::uint64_t subscription,
                Reply reply);
  /// Requests whose answer is still to come.
  std::size_t pending() const { return pending_; }

 private:
  /// Where the answers of one method are counted.
  struct Counts {
    telemetry::Metrics::Counter ok;
    telemetry::Metrics::Counter error;
    telemetry::Metrics::Histogram seconds;
  };
  Counts& counts_of(const std::string& method);

  Services& services_;
  telemetry::Metrics& metrics_;
  std::unordered_map<std::string, Counts> counts_;  ///< of methods that were asked for
  /// Request ids under way, and who else waits for each answer.
  std::unordered_map<std::string, std::vector<Reply>> waiting_;
  std::size_t pending_ = 0;
};

}  // namespace converge::handlers
