#pragma once

#include "agent/net/task.h"
#include "agent/net/tls_context.h"
#include "agent/net/url.h"
#include "core/base/bytes.h"
#include "core/base/result.h"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// WebSocket over TCP or TLS, behind one interface, so that everything above is written and
/// compiled once. Internal to agent/net. Network thread only.
namespace converge::net {

struct WebSocketOptions {
  std::size_t message_bytes_max = 100u << 20;
  std::chrono::milliseconds handshake_timeout{10'000};  ///< TCP, TLS and upgrade together
  std::vector<std::string> origins = {};                ///< server: see PeerHub::ListenOptions
  bool plain_too = false;                               ///< server: likewise
};

/// An open WebSocket. At most one read and one write (write_some, ping, close) at a time, both may
/// run at once. Errors are reported as codes; after one nothing else works.
class WebSocket {
 public:
  struct Step {
    error_code error = {};
    std::size_t bytes = 0;  ///< that arrived with this step
    bool done = false;      ///< the message is complete
    bool too_big = false;   ///< it is over the limit; `error` is set
  };

  virtual ~WebSocket() = default;

  /// Reads at most so many bytes more of the current message.
  virtual Task<Step> read_some(std::size_t bytes_max) = 0;
  /// The message read so far, and whether it is a binary one.
  virtual ByteView message() const = 0;
  virtual bool is_binary() const = 0;
  /// Forgets the message; the next step begins a new one.
  virtual void next_message() = 0;

  /// Writes a piece of a binary message. The caller keeps the bytes until it is done.
  virtual Task<error_code> write_some(bool is_last, ByteView piece) = 0;
  virtual Task<error_code> ping(std::string payload) = 0;  ///< at most 125 bytes
  virtual Task<error_code> close(std::uint16_t code, std::string reason) = 0;
  /// Ends everything at once, without a close frame.
  virtual void cut() = 0;

  /// Called for each ping and pong received, during a read.
  virtual void on_control(std::function<void(bool is_pong, std::string_view payload)> f) = 0;
  /// Of the other end's certificate, 64 hex digits; empty: none.
  virtual std::string fingerprint() const = 0;
};

/// The server's side of a new TCP connection: TLS where `tls` is set (with `plain_too`: and the
/// client begins it), then the upgrade on any path.
/// Errors: kTimeout, kDenied (Origin), kCorrupt (no upgrade request: answered with HTTP 426), kIo.
Task<Result<std::unique_ptr<WebSocket>>> accept_websocket(asio::ip::tcp::socket socket,
                                                          std::shared_ptr<TlsContext> tls,
                                                          WebSocketOptions options);

/// The client's side. `tls` is used when the URL says wss. Errors: kUnavailable (cannot resolve or
/// connect), kTimeout, kDenied (certificate; "peer.untrusted" for a key that is not the pinned
/// one), kIo (the server refuses the upgrade).
Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(WebSocketUrl url,
                                                           std::shared_ptr<TlsContext> tls,
                                                           WebSocketOptions options);

}  // namespace converge::net
