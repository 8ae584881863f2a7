#include "agent/net/hub_impl.h"
#include "agent/net/listening.h"

#include <boost/asio/ip/address.hpp>

#include <utility>

namespace converge::net {
namespace {

using asio::ip::tcp;

/// How often a full listener looks whether there is room again. It then does not accept: clients
/// wait in the kernel's queue, because a socket that is accepted and cut ends some client programs.
constexpr auto kFullPoll = std::chrono::milliseconds(20);

}  // namespace

Result<std::uint16_t> PeerHub::Impl::listen(const PeerHub::ListenOptions& listen_options) {
  error_code error;
  const auto address = asio::ip::make_address(listen_options.address, error);
  if (error) {
    return Error{ErrorCode::kInvalid,
                 "'" + listen_options.address + "' is not an IP address to listen on"};
  }
  std::shared_ptr<TlsContext> tls;
  if (listen_options.tls) {
    if (options.tls == nullptr) return Error{ErrorCode::kInvalid, "wss needs a device certificate"};
    auto made = server_context(*options.tls);
    if (!made) return made.error();
    tls = *made;
  }

  tcp::acceptor acceptor(io);
  const auto port = listen_on(acceptor, tcp::endpoint(address, listen_options.port));
  if (!port) return port.error();
  auto listener =
      std::make_shared<Listener>(Listener{std::move(acceptor), listen_options, std::move(tls)});
  listeners.push_back(listener);
  spawn_cancellable(accept_loop(shared_from_this(), listener));
  return port;
}

Task<void> PeerHub::Impl::accept_loop(std::shared_ptr<Impl> self,
                                      std::shared_ptr<Listener> listener) {
  asio::steady_timer timer(self->io);
  while (!self->stopping) {
    if (self->is_full()) {
      timer.expires_after(kFullPoll);
      co_await timer.async_wait(kTuple);
      continue;
    }
    auto [error, socket] = co_await listener->acceptor.async_accept(kTuple);
    if (self->stopping) break;
    if (error) {
      self->log('w', "accept: " + error.message());
      timer.expires_after(kAcceptRetry);
      co_await timer.async_wait(kTuple);
      continue;
    }
    self->spawn_cancellable(serve(self, listener, std::move(socket)));
  }
}

Task<void> PeerHub::Impl::serve(std::shared_ptr<Impl> self, std::shared_ptr<Listener> listener,
                                tcp::socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) co_return;
  const std::string address = remote.address().to_string();
  auto slot = self->take_handshake_slot(address);
  asio::steady_timer timer(self->io);
  const auto give_up = std::chrono::steady_clock::now() + self->options.handshake_timeout;
  while (self->handshakes[address] > self->options.unauthenticated_per_address_max) {
    if (std::chrono::steady_clock::now() >= give_up) {
      self->log('w', "too many connections from " + address + " without a handshake");
      co_return;
    }
    timer.expires_after(kFullPoll);
    co_await timer.async_wait(kTuple);
  }

  const WebSocketOptions websocket_options{.message_bytes_max = self->options.frame_bytes_max,
                                           .handshake_timeout = self->options.handshake_timeout,
                                           .origins = listener->options.origins,
                                           .plain_too = listener->options.plain_too};
  auto websocket = co_await accept_websocket(std::move(socket), listener->tls, websocket_options);
  if (!websocket) {
    self->log('d', "connection from " + address + ": " + websocket.error().message);
    co_return;
  }
  if (self->stopping) co_return;
  session::ConnectionSession::Options session_options;
  session_options.role = session::Role::kServer;
  session_options.metadata = self->options.metadata;
  session_options.address = address;
  session_options.fingerprint = (*websocket)->fingerprint();
  self->start_connection(std::move(*websocket), std::move(session_options), std::move(slot));
}

}  // namespace converge::net
