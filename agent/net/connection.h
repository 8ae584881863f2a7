#pragma once

#include "agent/net/pace.h"
#include "agent/net/websocket.h"
#include "agent/session/connection_session.h"
#include "core/base/bytes.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Internal to agent/net.
namespace converge::net {

/// What a connection tells the hub, always on the network thread.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual void peer_up(const session::PeerInfo& peer) = 0;
  virtual void peer_down(session::ConnectionId connection) = 0;
  virtual void message(session::ConnectionId connection, session::DocumentMessage message) = 0;
  virtual void congested(session::ConnectionId connection, bool is_congested) = 0;
  virtual void displace(session::ConnectionId connection) = 0;
  /// The last call; the owner drops its reference.
  virtual void ended(session::ConnectionId connection) = 0;
  virtual void log(char level, const std::string& line) = 0;
  /// Runs a coroutine and counts it until it ends.
  virtual void spawn(Task<void> task) = 0;
};

struct ConnectionLimits {
  std::size_t queue_high_bytes = 8u << 20;
  std::size_t queue_low_bytes = 1u << 20;
  std::size_t queue_max_bytes = 128u << 20;
  std::chrono::milliseconds stall_timeout{60'000};
  std::chrono::milliseconds close_timeout{5'000};
  /// A message that began has to arrive at 1 KiB/s, measured after this long.
  std::chrono::milliseconds slow_message_grace{30'000};
};

/// One open WebSocket with its session: the loop that reads a message, feeds the session and does
/// what it says, and a bounded queue in front of the one writer. Lives as long as its coroutines,
/// which hold it; ends once, in finish(). Network thread only.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using RttDone = std::function<void(std::optional<std::chrono::microseconds>)>;

  /// `handshake_slot` is dropped when the handshake is done or has failed.
  Connection(asio::io_context& io, std::shared_ptr<ConnectionOwner> owner,
             std::unique_ptr<WebSocket> socket, session::ConnectionSession session,
             ConnectionLimits limits, std::shared_ptr<void> handshake_slot);

  void start();
  void send(const session::DocumentMessage& message);
  void close(session::CloseCode code, const std::string& reason);
  void displaced();
  /// While on, nothing is read: the peer waits, because what it sent is not worked off. Counts as
  /// no silence of the peer's.
  void hold(bool on);
  /// Bytes a second at most, each way; 0: no limit.
  void limit_rate(std::uint64_t bytes_per_second);
  void measure_rtt(std::chrono::milliseconds timeout, RttDone done);
  /// At once, without a close frame.
  void cut(const std::string& why);
  /// Called when finish() is through; for the dialer.
  void on_end(std::function<void()> f) { on_end_ = std::move(f); }

  session::ConnectionId id() const { return id_; }
  const session::ConnectionSession& session() const { return session_; }
  std::size_t queued_bytes() const { return queued_bytes_; }
  /// Of the last keep-alive ping that was answered.
  std::optional<std::chrono::microseconds> rtt() const { return rtt_; }
  bool has_ended() const { return ended_; }
  /// How long the peer was up, so far or in all; zero when the handshake was never done.
  session::Duration up_time() const;
  /// Why it ended, for the log and for status.
  const std::string& end_reason() const { return end_reason_; }

 private:
  struct Outgoing {
    enum class Kind : std::uint8_t { kFrame, kPing, kClose };
    Kind kind = Kind::kFrame;
    Bytes frame = {};
    std::string text = {};  ///< ping payload, close reason
    std::uint16_t code = 0;
  };
  struct Rtt {
    std::string payload = {};
    session::Time sent = {};
    session::Time deadline = {};
    RttDone done = {};
  };

  // Coroutines take the connection by value, so that it outlives them.
  static Task<void> read_loop(std::shared_ptr<Connection> self);
  static Task<void> write_loop(std::shared_ptr<Connection> self);
  static Task<void> timer_loop(std::shared_ptr<Connection> self);
  static Task<void> pause_writing(std::shared_ptr<Connection> self);
  static Task<error_code> write_frame(std::shared_ptr<Connection> self, Bytes frame);

  /// False: stop reading.
  bool take_step(const WebSocket::Step& step);
  /// When the next read may begin: after a rate limit or a hold.
  session::Time read_from() const;
  void send_keep_alive();
  void heard_control(bool is_pong, std::string_view payload);
  void on_timer();
  session::Time next_deadline() const;
  /// Does what the session wants done.
  void drain();
  void do_action(session::SessionAction action);
  void push(Outgoing out);
  void wrote(std::size_t bytes);
  void finish(const std::string& why);

  std::shared_ptr<ConnectionOwner> owner_;
  std::unique_ptr<WebSocket> socket_;
  session::ConnectionSession session_;
  ConnectionLimits limits_;
  std::shared_ptr<void> handshake_slot_;
  session::ConnectionId id_;
  asio::steady_timer tick_;         ///< session deadlines; cancelled to recompute them
  asio::steady_timer pause_;        ///< rate limit of reading, or a hold
  asio::steady_timer write_pause_;  ///< rate limit of writing
  asio::steady_timer wake_;         ///< cancelled when the queue is no longer empty
  std::deque<Outgoing> queue_;
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;
  bool congested_ = false;
  bool ended_ = false;
  bool draining_ = false;
  bool held_ = false;
  Pace read_pace_;
  Pace write_pace_;
  std::string keep_alive_;  ///< payload of the ping whose answer is measured
  session::Time keep_alive_sent_{};
  std::optional<std::chrono::microseconds> rtt_;
  session::Time last_progress_;
  session::Time pause_until_;
  std::optional<session::Time> message_began_;
  std::optional<session::Time> close_deadline_;
  std::optional<session::Time> up_since_;
  std::optional<session::Time> down_since_;
  std::vector<Rtt> rtts_;
  std::uint64_t next_rtt_ = 1;
  std::string end_reason_;
  std::function<void()> on_end_;
};

}  // namespace converge::net
