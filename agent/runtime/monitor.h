#pragma once

#include "agent/control/services.h"
#include "agent/net/http_server.h"
#include "agent/runtime/context.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace converge::runtime {

/// The HTTP endpoint of monitoring programs (handlers::answer_monitor), where metrics.address asks
/// for one. Requests are answered on the control thread, so that /healthz says that it is alive.
class Monitor {
 public:
  /// Both outlive it.
  Monitor(Context& context, handlers::Services& services);

  /// Blocks; main thread. Does nothing when metrics.address is "off". Errors: those of
  /// net::HttpServer::start.
  Result<void> start();
  /// "127.0.0.1:9464"; nothing when there is none.
  std::optional<std::string> address() const;
  /// From now on not ready. Any thread.
  void stopping() { is_stopping_ = true; }
  /// `stopped` runs on the network thread. Any thread.
  void stop(std::function<void()> stopped);

 private:
  Context& context_;
  handlers::Services& services_;
  std::atomic<bool> is_stopping_{false};
  std::uint16_t port_ = 0;                   ///< 0: no endpoint
  std::unique_ptr<net::HttpServer> server_;  ///< network thread
};

}  // namespace converge::runtime
