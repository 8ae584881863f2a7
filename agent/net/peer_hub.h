#pragma once

#include "agent/net/tls.h"
#include "agent/session/connection_id.h"
#include "agent/session/connection_session.h"
#include "agent/session/message.h"
#include "core/base/random.h"
#include "core/base/result.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace converge::net {

/// A connection as status shows it.
struct ConnectionStatus {
  session::PeerInfo peer = {};  ///< complete when up
  bool up = false;
  std::size_t queued_bytes = 0;
  std::optional<std::chrono::microseconds> rtt = {};
  session::SessionCounters counters = {};
};

/// A dial target as status shows it.
struct DialStatus {
  std::string name = {};
  std::string url = {};
  std::optional<session::ConnectionId> connection = {};  ///< while up
  std::uint64_t attempts = 0;
  std::string last_error = {};     ///< empty: none since the last success
  std::string last_error_id = {};  ///< "peer.untrusted" when the key is not the pinned one
};

/// All connections to peers of one agent: listener, dialers, sessions, send queues. The sockets'
/// side of agent/session: it decides nothing about documents and holds no document state.
///
/// Threads: everything, the handlers included, runs on the thread of the io_context given; post to
/// it from others. Shutdown: stop(), then run the io_context until stopped() was called.
class PeerHub {
 public:
  struct Handlers {
    /// Handshake done. Must come before the first message, so hand it to all shards at once.
    std::function<void(const session::PeerInfo&)> peer_up = {};
    /// After peer_up, exactly once. No message of the connection follows.
    std::function<void(session::ConnectionId)> peer_down = {};
    std::function<void(session::ConnectionId, session::DocumentMessage)> message = {};
    /// The send queue went over its high-water mark (true), or below the low one again (false).
    std::function<void(session::ConnectionId, bool)> congested = {};
    /// One line for the log: level is 'd', 'i' or 'w'.
    std::function<void(char level, const std::string& line)> log = {};
  };

  struct Options {
    std::string peer_id = {};
    session::Metadata metadata = {};  ///< ours, for both roles; without an invite
    /// See ConnectionSession::Options::refuse.
    std::function<std::optional<session::Refusal>(const session::PeerInfo&)> refuse = {};
    /// See ConnectionSession::Options::is_member.
    std::function<bool(const session::PeerInfo&)> is_member = {};
    std::size_t connections_max = 1024;
    std::size_t unauthenticated_max = 64;  ///< accepted, handshake not done
    std::size_t unauthenticated_per_address_max = 8;
    std::size_t frame_bytes_max = 100u << 20;
    std::size_t queue_high_bytes = 8u << 20;   ///< congested
    std::size_t queue_low_bytes = 1u << 20;    ///< no longer
    std::size_t queue_max_bytes = 128u << 20;  ///< closed; one split-proof frame has to fit
    std::chrono::milliseconds handshake_timeout{10'000};
    std::chrono::milliseconds stall_timeout{60'000};  ///< no progress in sending: closed
    std::chrono::milliseconds ping_interval{10'000};
    std::chrono::milliseconds silence_max{45'000};
    std::chrono::milliseconds dial_delay_min{250};
    std::chrono::milliseconds dial_delay_max{30'000};
    std::chrono::milliseconds dial_healthy_after{10'000};
    std::chrono::milliseconds dial_timeout{10'000};
    const TlsIdentity* tls = nullptr;  ///< borrowed; needed for wss on either side
  };

  struct ListenOptions {
    std::string address = "127.0.0.1";  ///< numeric
    std::uint16_t port = 0;             ///< 0: any free one
    bool tls = false;
    /// With `tls`: who does not begin with a TLS handshake is served in the clear, on the same
    /// port.
    bool plain_too = false;
    /// Values of the Origin header that may connect; "*" allows all. Requests without the header
    /// (everything but browsers) always may.
    std::vector<std::string> origins = {};
  };

  struct DialOptions {
    std::string name = {};  ///< unique; shown as PeerInfo::dialled
    std::string url = {};   ///< ws://host[:port][/path] or wss://...
    std::string fingerprint =
        {};  ///< wss: hex SHA-256 of the server's public key; empty: system roots
    std::optional<std::string> invite = {};  ///< sent in the join's extension
    /// False: one attempt after another without back-off is never made; the target is dialled once.
    bool persistent = true;
  };

  PeerHub(boost::asio::io_context& io, Options options, Handlers handlers, Random& random);
  ~PeerHub();
  PeerHub(const PeerHub&) = delete;
  PeerHub& operator=(const PeerHub&) = delete;

  /// Returns the port. Errors: kConflict (port taken), kDenied, kInvalid (address), kIo.
  Result<std::uint16_t> listen(const ListenOptions& options);

  /// What later handshakes say about us; connections that are up keep what they said.
  void set_metadata(session::Metadata metadata);

  /// Keeps one connection to the target, dialling again after each loss. Errors: kInvalid (URL, a
  /// fingerprint that is none or has no wss:// URL), kConflict (name in use).
  Result<void> dial(const DialOptions& options);
  /// Stops dialling and closes the target's connection. False: no such name.
  bool undial(const std::string& name);
  /// Dials now instead of waiting out the back-off. False: no such name.
  bool redial(const std::string& name);

  /// Dropped silently when the connection is gone.
  void send(session::ConnectionId connection, const session::DocumentMessage& message);
  void close(session::ConnectionId connection, session::CloseCode code, const std::string& reason);

  /// Stops (true) and resumes reading from the connection: back-pressure on the peer.
  void hold(session::ConnectionId connection, bool on);
  /// Bytes a second at most, each way; 0: no limit.
  void limit_rate(session::ConnectionId connection, std::uint64_t bytes_per_second);

  std::vector<ConnectionStatus> connections() const;
  std::vector<DialStatus> dials() const;

  /// Round-trip time of a WebSocket ping. `done` gets nothing when the connection is gone or does
  /// not answer in time.
  void ping(session::ConnectionId connection, std::chrono::milliseconds timeout,
            std::function<void(std::optional<std::chrono::microseconds>)> done);

  /// Stops accepting and dialling, closes every connection with 1001, gives them until `deadline`
  /// to flush, then cuts. Calls `stopped` once, when nothing is left.
  void stop(std::chrono::milliseconds deadline, std::function<void()> stopped);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace converge::net
