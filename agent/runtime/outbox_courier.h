#pragma once

#include "agent/telemetry/log.h"
#include "core/base/clock.h"

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

namespace converge::runtime {

/// Takes over what clients queued while the agent was away: as a client of its own socket, so that
/// a queued write is carried out by the same code as any other, and only once whoever else sends
/// it. Looks at start and every few seconds, because a client may queue while the agent is
/// starting. A thread of its own; made and destroyed by the main thread.
class OutboxCourier {
 public:
  /// `clock` and `log` outlive the courier.
  OutboxCourier(std::filesystem::path outbox, std::filesystem::path socket, const Clock& clock,
                telemetry::Log& log);
  /// Ends after the request under way.
  ~OutboxCourier();
  OutboxCourier(const OutboxCourier&) = delete;
  OutboxCourier& operator=(const OutboxCourier&) = delete;

 private:
  void run();
  void deliver();

  const std::filesystem::path outbox_;
  const std::filesystem::path socket_;
  const Clock& clock_;
  telemetry::Log& log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace converge::runtime
