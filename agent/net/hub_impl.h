#pragma once

#include "agent/net/connection.h"
#include "agent/net/dialer.h"
#include "agent/net/peer_hub.h"
#include "agent/session/ephemeral_filter.h"
#include "agent/session/peer_registry.h"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

/// Internal to agent/net: what the listener's, the dialers' and the hub's files share.
namespace converge::net {

struct PeerHub::Impl final : ConnectionOwner, std::enable_shared_from_this<PeerHub::Impl> {
  struct Listener {
    asio::ip::tcp::acceptor acceptor;
    PeerHub::ListenOptions options;
    std::shared_ptr<TlsContext> tls;
  };

  Impl(asio::io_context& io_context, PeerHub::Options hub_options, PeerHub::Handlers hub_handlers,
       Random& source);

  // ConnectionOwner
  void peer_up(const session::PeerInfo& peer) override;
  void peer_down(session::ConnectionId connection) override;
  void message(session::ConnectionId connection, session::DocumentMessage message) override;
  void congested(session::ConnectionId connection, bool is_congested) override;
  void displace(session::ConnectionId connection) override;
  void ended(session::ConnectionId connection) override;
  void log(char level, const std::string& line) override;
  void spawn(Task<void> task) override;

  /// The same, and stop() cancels it.
  void spawn_cancellable(Task<void> task);
  void task_done(std::exception_ptr failure);
  std::shared_ptr<Connection> start_connection(std::unique_ptr<WebSocket> socket,
                                               session::ConnectionSession::Options options,
                                               std::shared_ptr<void> handshake_slot);
  /// Counts a connection whose handshake is not done, as long as the result lives.
  std::shared_ptr<void> take_handshake_slot(const std::string& address);
  bool is_full() const;
  void begin_stop(std::chrono::milliseconds deadline);
  void check_stopped();

  // listener.cpp
  Result<std::uint16_t> listen(const PeerHub::ListenOptions& options);
  static Task<void> accept_loop(std::shared_ptr<Impl> self, std::shared_ptr<Listener> listener);
  static Task<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<Listener> listener,
                          asio::ip::tcp::socket socket);

  // dialer.cpp
  Result<void> dial(const PeerHub::DialOptions& options);
  static Task<void> dial_loop(std::shared_ptr<Impl> self, std::shared_ptr<Dialer> dialer);
  static Task<void> dial_once(std::shared_ptr<Impl> self, std::shared_ptr<Dialer> dialer);
  void wake_dialers_of(const std::string& peer_id);

  asio::io_context& io;
  PeerHub::Options options;
  PeerHub::Handlers handlers;
  Random& random;
  session::PeerRegistry registry;
  session::EphemeralFilter ephemerals;
  std::unordered_map<session::ConnectionId, std::shared_ptr<Connection>,
                     session::ConnectionIdHasher>
      connections;
  std::vector<std::shared_ptr<Listener>> listeners;
  std::map<std::string, std::shared_ptr<Dialer>> dialers;
  std::map<std::string, std::size_t> handshakes;  ///< by address
  std::size_t handshake_count = 0;
  std::set<std::shared_ptr<asio::cancellation_signal>> signals;
  std::size_t tasks = 0;
  std::uint64_t next_connection = 1;
  bool stopping = false;
  std::function<void()> stopped;
  asio::steady_timer stop_timer;
};

}  // namespace converge::net
