#pragma once

#include "agent/control/dispatch.h"
#include "agent/net/control_server.h"
#include "agent/runtime/context.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace converge::runtime {

/// Between the Unix socket and the handlers: lines from the network thread become requests on the
/// control thread, answers and events go back. Control thread only, except where it says otherwise.
class ControlDesk {
 public:
  /// Both outlive the desk.
  ControlDesk(Context& context, handlers::Services& services);
  ~ControlDesk();
  ControlDesk(const ControlDesk&) = delete;
  ControlDesk& operator=(const ControlDesk&) = delete;

  /// Blocks; main thread, before any request. Errors: those of net::ControlServer::start.
  Result<void> start(const std::filesystem::path& path);
  /// New requests are refused from now on.
  void refuse_requests() { stopping_ = true; }
  std::size_t pending() const { return dispatcher_.pending(); }
  /// Flushes answers and closes the socket. `stopped` runs on the network thread. Any thread.
  void stop(std::chrono::milliseconds deadline, std::function<void()> stopped);

 private:
  struct Client {
    std::uint64_t next_subscription = 1;
  };

  void handle(net::ControlClientId client, const std::string& line);
  void send(net::ControlClientId client, std::string line);    ///< any thread
  void answer(net::ControlClientId client, std::string line);  ///< to one request; any thread

  Context& context_;
  handlers::Dispatcher dispatcher_;
  std::unique_ptr<net::ControlServer> server_;  ///< network thread
  std::map<net::ControlClientId, Client> clients_;
  bool stopping_ = false;
};

}  // namespace converge::runtime
