#pragma once

#include "agent/net/connection.h"
#include "agent/net/peer_hub.h"
#include "agent/net/url.h"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <string>

/// Internal to agent/net.
namespace converge::net {

/// Delays between dials: full jitter below a cap that doubles from `min` to `max` and falls back
/// when a connection was healthy. A pure value; the dialer waits.
class BackOff {
 public:
  BackOff(std::chrono::milliseconds min, std::chrono::milliseconds max)
      : min_(min), max_(max), cap_(min) {}

  std::chrono::milliseconds next(Random& random);
  void reset() { cap_ = min_; }

 private:
  std::chrono::milliseconds min_;
  std::chrono::milliseconds max_;
  std::chrono::milliseconds cap_;
};

/// State of one dial target; the loop that drives it is the hub's. Network thread only.
struct Dialer {
  Dialer(asio::io_context& io, PeerHub::DialOptions o, WebSocketUrl u,
         std::shared_ptr<TlsContext> t)
      : options(std::move(o)), url(std::move(u)), tls(std::move(t)), timer(io) {}

  PeerHub::DialOptions options;
  WebSocketUrl url;
  std::shared_ptr<TlsContext> tls;
  asio::steady_timer timer;  ///< back-off, or the end of the connection; cancelled to wake the loop
  std::shared_ptr<Connection> connection;
  std::string peer_id;  ///< who answered there last
  std::uint64_t attempts = 0;
  std::string last_error;
  std::string last_error_id;
  bool stopped = false;
  bool hurry = false;  ///< skip the current delay
};

}  // namespace converge::net
