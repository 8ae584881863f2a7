#include "agent/net/connection.h"

#include <algorithm>
#include <utility>

namespace converge::net {
namespace {

using session::Time;
namespace action = session::action;

/// A frame goes out in pieces, so that progress shows and a stall is seen.
constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr double kSlowBytesPerSecond = 1024;

Time clock_now() { return std::chrono::steady_clock::now(); }

}  // namespace

Connection::Connection(asio::io_context& io, std::shared_ptr<ConnectionOwner> owner,
                       std::unique_ptr<WebSocket> socket, session::ConnectionSession session,
                       ConnectionLimits limits, std::shared_ptr<void> handshake_slot)
    : owner_(std::move(owner)),
      socket_(std::move(socket)),
      session_(std::move(session)),
      limits_(limits),
      handshake_slot_(std::move(handshake_slot)),
      id_(session_.peer().connection),
      tick_(io),
      pause_(io),
      write_pause_(io),
      wake_(io),
      last_progress_(clock_now()),
      pause_until_(last_progress_) {}

void Connection::start() {
  // The socket dies with this object, so the pointer in its callback stays good.
  socket_->on_control(
      [this](bool is_pong, std::string_view payload) { heard_control(is_pong, payload); });
  session_.opened(clock_now());
  owner_->spawn(read_loop(shared_from_this()));
  owner_->spawn(write_loop(shared_from_this()));
  owner_->spawn(timer_loop(shared_from_this()));
  drain();
}

void Connection::send(const session::DocumentMessage& message) {
  // Delivery of transient messages is best effort; everything else has to arrive in order.
  if (congested_ && std::holds_alternative<session::Ephemeral>(message)) return;
  session_.send(message, clock_now());
  drain();
}

void Connection::close(session::CloseCode code, const std::string& reason) {
  session_.close(code, reason);
  drain();
}

void Connection::displaced() {
  session_.displaced();
  drain();
}

void Connection::hold(bool on) {
  if (held_ == on || ended_) return;
  held_ = on;
  if (on) return;
  const Time now = clock_now();
  session_.alive(now);
  if (message_began_) message_began_ = now;  // it was not the peer that was slow
  pause_.cancel();
}

void Connection::limit_rate(std::uint64_t bytes_per_second) {
  read_pace_.limit(bytes_per_second);
  write_pace_.limit(bytes_per_second);
}

void Connection::measure_rtt(std::chrono::milliseconds timeout, RttDone done) {
  if (ended_ || !session_.is_up()) return done(std::nullopt);
  const Time now = clock_now();
  const std::string payload = "rtt" + std::to_string(next_rtt_++);
  rtts_.push_back({payload, now, now + timeout, std::move(done)});
  push({.kind = Outgoing::Kind::kPing, .text = payload});
  tick_.cancel();
}

void Connection::cut(const std::string& why) { finish(why); }

session::Duration Connection::up_time() const {
  if (!up_since_) return session::Duration::zero();
  return down_since_.value_or(clock_now()) - *up_since_;
}

Task<void> Connection::read_loop(std::shared_ptr<Connection> self) {
  while (!self->ended_) {
    const Time from = self->read_from();
    if (from > clock_now()) {
      self->pause_.expires_at(from);
      co_await self->pause_.async_wait(kTuple);
      if (self->ended_ || self->session_.is_closing()) break;
      continue;
    }
    const std::size_t bytes_max = self->read_pace_.piece(kReadBytes);
    const WebSocket::Step step = co_await self->socket_->read_some(bytes_max);
    if (!self->take_step(step)) break;
  }
}

Time Connection::read_from() const {
  if (held_) return Time::max();
  return std::max(pause_until_, read_pace_.free_at());
}

bool Connection::take_step(const WebSocket::Step& step) {
  if (ended_) return false;
  const Time now = clock_now();
  if (step.error) {
    if (step.too_big) session_.received_oversized(now);
    finish(step.too_big ? "message over the size limit" : step.error.message());
    return false;
  }
  if (step.bytes > 0) session_.alive(now);
  read_pace_.spend(step.bytes, now);
  if (!message_began_) message_began_ = now;
  if (!step.done) {
    const std::chrono::duration<double> taken = now - *message_began_;
    const bool is_slow =
        taken > limits_.slow_message_grace &&
        static_cast<double>(socket_->message().size()) < kSlowBytesPerSecond * taken.count();
    if (is_slow) finish("message arrives too slowly");
    return !is_slow;
  }
  message_began_.reset();
  session_.received(socket_->message(), socket_->is_binary(), now);
  socket_->next_message();
  drain();
  return !ended_;
}

void Connection::heard_control(bool is_pong, std::string_view payload) {
  const Time now = clock_now();
  session_.alive(now);
  if (!is_pong) return;
  if (!keep_alive_.empty() && payload == keep_alive_) {
    rtt_ = std::chrono::duration_cast<std::chrono::microseconds>(now - keep_alive_sent_);
    keep_alive_.clear();
    return;
  }
  const auto found = std::find_if(rtts_.begin(), rtts_.end(),
                                  [&](const Rtt& rtt) { return rtt.payload == payload; });
  if (found == rtts_.end()) return;
  const auto done = std::move(found->done);
  const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(now - found->sent);
  rtts_.erase(found);
  done(taken);
}

Task<void> Connection::write_loop(std::shared_ptr<Connection> self) {
  while (!self->ended_) {
    if (self->queue_.empty()) {
      self->wake_.expires_at(Time::max());
      co_await self->wake_.async_wait(kTuple);
      continue;
    }
    Outgoing out = std::move(self->queue_.front());
    self->queue_.pop_front();
    self->last_progress_ = clock_now();
    self->writing_ = true;
    error_code error;
    if (out.kind == Outgoing::Kind::kFrame) {
      error = co_await write_frame(self, std::move(out.frame));
    } else if (out.kind == Outgoing::Kind::kPing) {
      error = co_await self->socket_->ping(std::move(out.text));
    } else {
      // Waits for the answering close frame, or for the close deadline to cut.
      error = co_await self->socket_->close(out.code, out.text);
      self->finish(out.text);
    }
    self->writing_ = false;
    if (error) self->finish(error.message());
  }
}

Task<void> Connection::pause_writing(std::shared_ptr<Connection> self) {
  const Time from = self->write_pace_.free_at();
  if (from <= clock_now()) co_return;
  self->write_pause_.expires_at(from);
  co_await self->write_pause_.async_wait(kTuple);
  self->last_progress_ = clock_now();  // it was not the peer that was slow
}

void Connection::send_keep_alive() {
  keep_alive_ = "alive" + std::to_string(next_rtt_++);
  keep_alive_sent_ = clock_now();
  push({.kind = Outgoing::Kind::kPing, .text = keep_alive_});
}

Task<error_code> Connection::write_frame(std::shared_ptr<Connection> self, Bytes frame) {
  ByteView rest = frame;
  error_code error;
  while (!error && !self->ended_) {
    co_await pause_writing(self);
    if (self->ended_) break;
    const ByteView piece = rest.first(std::min(rest.size(), self->write_pace_.piece(kPieceBytes)));
    rest = rest.subspan(piece.size());
    error = co_await self->socket_->write_some(rest.empty(), piece);
    self->wrote(piece.size());
    self->write_pace_.spend(piece.size(), clock_now());
    if (rest.empty()) break;
  }
  co_return error;
}

Task<void> Connection::timer_loop(std::shared_ptr<Connection> self) {
  while (!self->ended_) {
    self->tick_.expires_at(self->next_deadline());
    co_await self->tick_.async_wait(kTuple);
    if (!self->ended_) self->on_timer();
  }
}

void Connection::on_timer() {
  const Time now = clock_now();
  if (close_deadline_ && *close_deadline_ <= now) return finish(end_reason_);
  if (writing_ && last_progress_ + limits_.stall_timeout <= now) {
    return finish("no progress in sending");
  }
  if (held_) session_.alive(now);
  std::vector<RttDone> late;
  std::erase_if(rtts_, [&](Rtt& rtt) {
    if (rtt.deadline > now) return false;
    late.push_back(std::move(rtt.done));
    return true;
  });
  for (const auto& done : late) done(std::nullopt);
  session_.tick(now);
  drain();
}

Time Connection::next_deadline() const {
  Time deadline = std::min(session_.next_deadline(), close_deadline_.value_or(Time::max()));
  if (writing_) deadline = std::min(deadline, last_progress_ + limits_.stall_timeout);
  for (const auto& rtt : rtts_) deadline = std::min(deadline, rtt.deadline);
  return deadline;
}

void Connection::drain() {
  // An action may end in another call of ours; the outer loop then does what that one added.
  if (draining_) return;
  draining_ = true;
  const auto self = shared_from_this();
  while (true) {
    auto actions = session_.take_actions();
    if (actions.empty()) break;
    for (auto& a : actions) do_action(std::move(a));
  }
  draining_ = false;
}

void Connection::do_action(session::SessionAction todo) {
  if (auto* frame = std::get_if<action::SendFrame>(&todo)) {
    push({.kind = Outgoing::Kind::kFrame, .frame = std::move(frame->frame)});
  } else if (std::holds_alternative<action::SendPing>(todo)) {
    send_keep_alive();
  } else if (auto* deliver = std::get_if<action::Deliver>(&todo)) {
    owner_->message(id_, std::move(deliver->message));
  } else if (const auto* close = std::get_if<action::Close>(&todo)) {
    if (end_reason_.empty()) end_reason_ = close->reason;  // what the peer said comes first
    close_deadline_ = clock_now() + limits_.close_timeout;
    push({.kind = Outgoing::Kind::kClose,
          .text = close->reason,
          .code = static_cast<std::uint16_t>(close->code)});
    tick_.cancel();
    pause_.cancel();
  } else if (const auto* terminate = std::get_if<action::Terminate>(&todo)) {
    finish(terminate->reason);
  } else if (const auto* up = std::get_if<action::PeerUp>(&todo)) {
    up_since_ = clock_now();
    handshake_slot_.reset();
    owner_->peer_up(up->peer);
    send_keep_alive();  // for a first round-trip time
    tick_.cancel();
  } else if (std::holds_alternative<action::PeerDown>(todo)) {
    down_since_ = clock_now();
    owner_->peer_down(id_);
  } else if (const auto* displace = std::get_if<action::Displace>(&todo)) {
    owner_->displace(displace->connection);
  } else if (const auto* pause = std::get_if<action::PauseReading>(&todo)) {
    pause_until_ = pause->until;
  } else if (const auto* refused = std::get_if<action::RefusedByPeer>(&todo)) {
    end_reason_ = "refused: " + refused->message;
    owner_->log('w', "peer at " + session_.peer().address + " refuses us: " + refused->message);
  }
}

void Connection::push(Outgoing out) {
  if (ended_) return;
  queued_bytes_ += out.frame.size();
  queue_.push_back(std::move(out));
  wake_.cancel();
  if (queued_bytes_ > limits_.queue_max_bytes) return finish("send queue over its bound");
  if (!congested_ && queued_bytes_ > limits_.queue_high_bytes) {
    congested_ = true;
    if (session_.is_up()) owner_->congested(id_, true);
  }
}

void Connection::wrote(std::size_t bytes) {
  last_progress_ = clock_now();
  queued_bytes_ -= bytes;
  if (congested_ && queued_bytes_ <= limits_.queue_low_bytes) {
    congested_ = false;
    if (session_.is_up()) owner_->congested(id_, false);
  }
}

void Connection::finish(const std::string& why) {
  if (ended_) return;
  ended_ = true;
  if (end_reason_.empty()) end_reason_ = why;
  const auto self = shared_from_this();
  session_.disconnected();
  drain();
  handshake_slot_.reset();
  socket_->cut();
  tick_.cancel();
  pause_.cancel();
  write_pause_.cancel();
  wake_.cancel();
  for (auto& rtt : std::exchange(rtts_, {})) rtt.done(std::nullopt);
  owner_->ended(id_);
  if (on_end_) on_end_();
}

}  // namespace converge::net
