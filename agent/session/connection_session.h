#pragma once

#include "agent/session/connection_id.h"
#include "agent/session/ephemeral_filter.h"
#include "agent/session/message.h"
#include "agent/session/peer_registry.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace converge::session {

/// Everything known about the other end when the handshake is done.
struct PeerInfo {
  ConnectionId connection = {};
  Role role = Role::kServer;  ///< ours
  std::string peer_id = {};   ///< claimed, not proven
  Metadata metadata = {};
  std::string address = {};      ///< without port
  std::string fingerprint = {};  ///< hex SHA-256 of the peer's public key; empty: no certificate
  std::string dialled = {};      ///< name of the dial target; empty: it called us

  /// Shared heads are kept for it (repo-protocol 10.4).
  bool is_persistent() const { return metadata.storage_id.has_value() && !metadata.ephemeral; }
};

/// Close codes we use (repo-protocol 5.4, 12; RFC 6455 7.4).
enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kUnsupportedData = 1003,
  kTooBig = 1009,
  kTryAgainLater = 1013,
  kUnauthenticated = 4401,
  kForbidden = 4403,
  kQuota = 4429,
};

/// Refusal of a handshake by whoever decides about peers.
struct Refusal {
  CloseCode code = CloseCode::kForbidden;
  std::string message = {};  ///< for a human at the other end
};

/// Why messages were dropped; counters, never reset.
struct SessionCounters {
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t round_trips = 0;  ///< times that something came in after something had gone out
  std::uint64_t dropped_before_join = 0;
  std::uint64_t dropped_forged_sender = 0;
  std::uint64_t dropped_ignored = 0;     ///< unknown type, bad id, missing field
  std::uint64_t dropped_ephemerals = 0;  ///< echo, too big, too many
  std::uint64_t throttled = 0;
};

/// What the driver has to do, in order.
namespace action {
struct SendFrame {
  Bytes frame = {};
};
struct SendPing {};
/// Send what is queued, then the close frame. Nothing is sent or accepted afterwards.
struct Close {
  CloseCode code = CloseCode::kNormal;
  std::string reason = {};
};
/// Close the socket at once: the other end has been silent for too long.
struct Terminate {
  std::string reason = {};
};
/// The handshake is done; document messages follow.
struct PeerUp {
  PeerInfo peer = {};
};
/// Only after PeerUp, exactly once.
struct PeerDown {};
/// For the shard of the document.
struct Deliver {
  DocumentMessage message;
};
/// Another connection lost its peer id to this one: call displaced() on it.
struct Displace {
  ConnectionId connection = {};
};
/// Read no further frame before this moment (rate limit).
struct PauseReading {
  Time until = {};
};
/// The peer said why it refuses us.
struct RefusedByPeer {
  std::string message = {};
};
}  // namespace action
using SessionAction =
    std::variant<action::SendFrame, action::SendPing, action::Close, action::Terminate,
                 action::PeerUp, action::PeerDown, action::Deliver, action::Displace,
                 action::PauseReading, action::RefusedByPeer>;

/// One connection's conversation, from the WebSocket upgrade to its end, without a socket: frames,
/// time and local events go in, actions come out. Handshake in both roles, keep-alive,
/// misbehaviour, rate and size limits, ephemeral de-duplication. Knows nothing of documents beyond
/// their ids. Source: repo-protocol 2, 5, 6, 8, 12, 13. Network thread only.
class ConnectionSession {
 public:
  struct Options {
    Role role = Role::kServer;
    ConnectionId connection = {};
    Metadata metadata = {};        ///< ours; `extension.invite` only as client
    std::string address = {};      ///< of the other end, without port
    std::string fingerprint = {};  ///< of its key, hex; empty: none
    std::string dialled = {};      ///< name of the dial target, as client
    /// Asked synchronously during the handshake, so it must be quick and use no disk (a client
    /// reports documents missing when `peer` takes a second). Empty: everybody is admitted.
    std::function<std::optional<Refusal>(const PeerInfo&)> refuse = {};

    /// Asked like `refuse`, as server: whether the peer may learn our workspace's catalog, which is
    /// the key to its names. Empty: everybody may.
    std::function<bool(const PeerInfo&)> is_member = {};

    Duration handshake_timeout = std::chrono::seconds(10);
    Duration ping_interval = std::chrono::seconds(10);  ///< 15 s as client is customary
    Duration silence_max = std::chrono::seconds(45);
    double messages_per_second = 1000;
    double messages_burst = 5000;
    double ephemerals_per_second = 200;
    std::size_t ephemeral_bytes_max = 64 * 1024;
    std::size_t sync_bytes_max = 100u << 20;
  };

  /// `registry` and `ephemerals` are shared by all connections of the agent and outlive this.
  ConnectionSession(Options options, PeerRegistry& registry, EphemeralFilter& ephemerals);

  /// The WebSocket is open. As client: sends join.
  void opened(Time now);
  /// One WebSocket message.
  void received(ByteView frame, bool is_binary, Time now);
  /// Any other sign of life: ping, pong, part of a message.
  void alive(Time now);
  /// The incoming message exceeds the frame limit.
  void received_oversized(Time now);
  /// Time has passed; to be called at next_deadline() or later.
  void tick(Time now);
  /// The socket is gone. Actions afterwards: at most PeerDown.
  void disconnected();
  /// Another connection took over the peer id.
  void displaced();
  /// Local wish to end, e.g. shutdown or a changed policy. With a message an `error` goes first.
  void close(CloseCode code, const std::string& reason, const std::string& error_message = {});

  /// A message of a shard or of a local author. Dropped when the handshake is not done or the
  /// connection is closing.
  void send(const DocumentMessage& message, Time now);

  /// What to do now, in order; empties the list.
  std::vector<SessionAction> take_actions();
  /// When tick() is due next.
  Time next_deadline() const;

  bool is_up() const { return state_ == State::kUp; }
  bool is_closing() const { return state_ == State::kClosing || state_ == State::kClosed; }
  const PeerInfo& peer() const { return peer_; }  ///< complete once is_up()
  const SessionCounters& counters() const { return counters_; }

 private:
  enum class State : std::uint8_t {
    kNew,      ///< not opened yet
    kWaiting,  ///< server: for join; client: for peer
    kUp,
    kClosing,  ///< close requested, waiting for the socket
    kClosed,
  };

  /// Allows `rate` a second on average, `burst` at once.
  struct TokenBucket {
    double rate = 0;
    double burst = 0;
    double tokens = 0;
    Time updated = {};
    bool take(Time now);
    Duration wait() const;  ///< until one token is there
  };

  void handle(const Join& join, Time now);
  void handle(const Peer& peer, Time now);
  void handle(const Leave& leave, Time now);
  void handle(const ErrorMessage& error, Time now);
  void handle(Sync sync, Time now);
  void handle(DocUnavailable unavailable, Time now);
  void handle(Ephemeral ephemeral, Time now);
  void handle(Fetch fetch, Time now);
  void handle(const RemoteSubscriptionChange& change, Time now);
  void handle(const RemoteHeadsChanged& change, Time now);
  void handle(const Ignored& ignored, Time now);

  bool is_from_peer(const std::string& sender);
  /// Both ends are known: registers the peer and reports it, or refuses it.
  void enter(Time now);
  void refuse(CloseCode code, const std::string& message);
  void push_frame(const Message& message);
  void request_close(CloseCode code, std::string reason);
  void leave_up();

  Options options_;
  PeerRegistry& registry_;
  EphemeralFilter& ephemerals_;
  State state_ = State::kNew;
  PeerInfo peer_;
  std::vector<SessionAction> actions_;
  SessionCounters counters_;
  Time opened_at_;
  Time last_heard_;
  bool has_sent_ = false;  ///< since something came in
  Time last_ping_;
  TokenBucket messages_;
  TokenBucket ephemeral_rate_;
};

}  // namespace converge::session
