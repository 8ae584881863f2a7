#include "agent/session/connection_session.h"

#include "core/base/assert.h"

#include <algorithm>
#include <utility>

namespace converge::session {
namespace {

constexpr const char* kProtocolVersion = "1";

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace

bool ConnectionSession::TokenBucket::take(Time now) {
  const std::chrono::duration<double> passed = now - updated;
  tokens = std::min(burst, tokens + passed.count() * rate);
  updated = now;
  if (tokens < 1) return false;
  tokens -= 1;
  return true;
}

Duration ConnectionSession::TokenBucket::wait() const {
  if (tokens >= 1) return Duration::zero();
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>((1 - tokens) / std::max(rate, 1e-3)));
}

ConnectionSession::ConnectionSession(Options options, PeerRegistry& registry,
                                     EphemeralFilter& ephemerals)
    : options_(std::move(options)), registry_(registry), ephemerals_(ephemerals) {
  peer_.connection = options_.connection;
  peer_.role = options_.role;
  peer_.address = options_.address;
  peer_.fingerprint = options_.fingerprint;
  peer_.dialled = options_.dialled;
}

void ConnectionSession::opened(Time now) {
  ASSERT(state_ == State::kNew);
  state_ = State::kWaiting;
  opened_at_ = last_heard_ = last_ping_ = now;
  const auto full = [now](double rate, double burst) {
    return TokenBucket{rate, burst, burst, now};
  };
  messages_ = full(options_.messages_per_second, options_.messages_burst);
  ephemeral_rate_ = full(options_.ephemerals_per_second, options_.ephemerals_per_second);
  if (options_.role == Role::kClient) {
    push_frame(Join{.sender = registry_.own_id(), .metadata = options_.metadata});
  }
}

void ConnectionSession::received(ByteView frame, bool is_binary, Time now) {
  if (state_ != State::kWaiting && state_ != State::kUp) return;
  last_heard_ = now;
  ++counters_.frames_in;
  if (std::exchange(has_sent_, false)) ++counters_.round_trips;
  counters_.bytes_in += frame.size();
  if (!is_binary) return request_close(CloseCode::kUnsupportedData, "text message");

  auto message = decode_message(frame);
  if (!message) return request_close(CloseCode::kProtocolError, message.error().message);
  std::visit([&](auto& m) { handle(std::move(m), now); }, *message);

  if (!messages_.take(now) && !is_closing()) {
    ++counters_.throttled;
    actions_.push_back(action::PauseReading{now + messages_.wait()});
  }
}

void ConnectionSession::alive(Time now) { last_heard_ = std::max(last_heard_, now); }

void ConnectionSession::received_oversized(Time now) {
  last_heard_ = now;
  request_close(CloseCode::kTooBig, "message over the size limit");
}

void ConnectionSession::tick(Time now) {
  if (state_ == State::kWaiting && opened_at_ + options_.handshake_timeout <= now) {
    const bool is_server = options_.role == Role::kServer;
    return request_close(CloseCode::kNormal, is_server ? "no join in time" : "no peer in time");
  }
  if (state_ != State::kUp) return;
  if (last_heard_ + options_.silence_max <= now) {
    leave_up();
    state_ = State::kClosed;
    actions_.push_back(action::Terminate{"silent for too long"});
    return;
  }
  if (last_ping_ + options_.ping_interval <= now) {
    last_ping_ = now;
    actions_.push_back(action::SendPing{});
  }
}

void ConnectionSession::disconnected() {
  if (state_ == State::kUp) leave_up();
  state_ = State::kClosed;
}

void ConnectionSession::displaced() {
  request_close(CloseCode::kNormal, "another connection took over the peer id");
}

void ConnectionSession::close(CloseCode code, const std::string& reason,
                              const std::string& error_message) {
  const bool can_explain = state_ == State::kUp && !error_message.empty();
  if (can_explain) push_frame(ErrorMessage{registry_.own_id(), peer_.peer_id, error_message});
  request_close(code, reason);
}

void ConnectionSession::send(const DocumentMessage& message, Time now) {
  if (state_ != State::kUp) return;
  if (const auto* sync = std::get_if<Sync>(&message)) {
    Sync out = *sync;
    out.sender = registry_.own_id();
    out.target = peer_.peer_id;
    push_frame(std::move(out));
  } else if (const auto* unavailable = std::get_if<DocUnavailable>(&message)) {
    push_frame(DocUnavailable{registry_.own_id(), peer_.peer_id, unavailable->document});
  } else if (const auto* fetch = std::get_if<Fetch>(&message)) {
    Fetch out = *fetch;
    out.sender = registry_.own_id();
    out.target = peer_.peer_id;
    push_frame(std::move(out));
  } else {
    Ephemeral out = std::get<Ephemeral>(message);
    out.target = peer_.peer_id;
    const bool is_ours = out.sender == registry_.own_id();
    // Recorded once per copy; only the first is news, all of them may go out.
    if (is_ours) ephemerals_.accept(out.sender, out.session_id, out.count, now);
    push_frame(std::move(out));
  }
}

std::vector<SessionAction> ConnectionSession::take_actions() { return std::exchange(actions_, {}); }

Time ConnectionSession::next_deadline() const {
  switch (state_) {
    case State::kWaiting:
      return opened_at_ + options_.handshake_timeout;
    case State::kUp:
      return std::min(last_ping_ + options_.ping_interval, last_heard_ + options_.silence_max);
    default:
      return Time::max();
  }
}

void ConnectionSession::handle(const Join& join, Time now) {
  if (options_.role == Role::kClient) {
    ++counters_.dropped_ignored;
    return;
  }
  if (state_ == State::kUp) {
    return request_close(CloseCode::kProtocolError, "second join");
  }
  peer_.peer_id = join.sender;
  peer_.metadata = join.metadata;
  if (!contains(join.versions, kProtocolVersion)) {
    return refuse(CloseCode::kProtocolError, "unsupported protocol version");
  }
  enter(now);
}

void ConnectionSession::handle(const Peer& peer, Time now) {
  if (options_.role == Role::kServer || state_ != State::kWaiting) {
    ++counters_.dropped_ignored;
    return;
  }
  peer_.peer_id = peer.sender;
  peer_.metadata = peer.metadata;
  if (peer.version != kProtocolVersion) {
    return refuse(CloseCode::kProtocolError, "unsupported protocol version");
  }
  enter(now);
}

void ConnectionSession::handle(const Leave& leave, Time /*now*/) {
  if (is_from_peer(leave.sender)) request_close(CloseCode::kNormal, "leave");
}

void ConnectionSession::handle(const ErrorMessage& error, Time /*now*/) {
  // Not is_from_peer: an error may come before the handshake is done, and without a sender.
  actions_.push_back(action::RefusedByPeer{error.message});
  request_close(CloseCode::kNormal, "error from the peer");
}

void ConnectionSession::handle(Sync sync, Time /*now*/) {
  if (!is_from_peer(sync.sender)) return;
  if (sync.data.size() > options_.sync_bytes_max) {
    return request_close(CloseCode::kTooBig, "sync message over the size limit");
  }
  actions_.push_back(action::Deliver{std::move(sync)});
}

void ConnectionSession::handle(DocUnavailable unavailable, Time /*now*/) {
  if (!is_from_peer(unavailable.sender)) return;
  actions_.push_back(action::Deliver{std::move(unavailable)});
}

void ConnectionSession::handle(Fetch fetch, Time /*now*/) {
  if (!is_from_peer(fetch.sender)) return;
  if (fetch.data.size() > options_.sync_bytes_max) {
    return request_close(CloseCode::kTooBig, "changes over the size limit");
  }
  actions_.push_back(action::Deliver{std::move(fetch)});
}

void ConnectionSession::handle(Ephemeral ephemeral, Time now) {
  if (state_ != State::kUp) {
    ++counters_.dropped_before_join;
    return;
  }
  // The author may be anybody: stock clients send every relayed message straight back.
  const bool fits = ephemeral.data.size() <= options_.ephemeral_bytes_max;
  const bool passes =
      fits && ephemeral_rate_.take(now) &&
      ephemerals_.accept(ephemeral.sender, ephemeral.session_id, ephemeral.count, now);
  if (!passes) {
    ++counters_.dropped_ephemerals;
    return;
  }
  actions_.push_back(action::Deliver{std::move(ephemeral)});
}

void ConnectionSession::handle(const RemoteSubscriptionChange& change, Time /*now*/) {
  if (is_from_peer(change.sender)) ++counters_.dropped_ignored;
}

void ConnectionSession::handle(const RemoteHeadsChanged& change, Time /*now*/) {
  if (is_from_peer(change.sender)) ++counters_.dropped_ignored;
}

void ConnectionSession::handle(const Ignored& /*ignored*/, Time /*now*/) {
  ++counters_.dropped_ignored;
}

bool ConnectionSession::is_from_peer(const std::string& sender) {
  if (state_ != State::kUp) {
    ++counters_.dropped_before_join;
    return false;
  }
  if (sender != peer_.peer_id) {
    ++counters_.dropped_forged_sender;
    return false;
  }
  return true;
}

void ConnectionSession::enter(Time now) {
  if (options_.refuse) {
    if (const auto refusal = options_.refuse(peer_)) return refuse(refusal->code, refusal->message);
  }
  const auto decision = registry_.admit({.connection = options_.connection,
                                         .peer_id = peer_.peer_id,
                                         .role = options_.role,
                                         .address = peer_.address,
                                         .storage_id = peer_.metadata.storage_id.value_or("")},
                                        now);
  using Kind = PeerRegistry::Decision::Kind;
  if (decision.kind == Kind::kOwnId) {
    return refuse(CloseCode::kForbidden, "this peer id is my own");
  }
  if (decision.kind == Kind::kFlapping) {
    return refuse(CloseCode::kQuota, "several processes use this peer id; try again later");
  }
  if (options_.role == Role::kServer) {
    const bool is_member = !options_.is_member || options_.is_member(peer_);
    Metadata metadata = options_.metadata;
    if (!is_member && metadata.extension) metadata.extension->catalog.reset();
    push_frame(Peer{.sender = registry_.own_id(), .target = peer_.peer_id, .metadata = metadata});
  }
  if (decision.kind == Kind::kDuplicate) {
    return request_close(CloseCode::kNormal, "connected in the other direction");
  }
  if (decision.displaced) actions_.push_back(action::Displace{*decision.displaced});
  state_ = State::kUp;
  actions_.push_back(action::PeerUp{peer_});
}

void ConnectionSession::refuse(CloseCode code, const std::string& message) {
  push_frame(ErrorMessage{registry_.own_id(), peer_.peer_id, message});
  request_close(code, message);
}

void ConnectionSession::push_frame(const Message& message) {
  Bytes frame = encode_message(message);
  ++counters_.frames_out;
  has_sent_ = true;
  counters_.bytes_out += frame.size();
  actions_.push_back(action::SendFrame{std::move(frame)});
}

void ConnectionSession::request_close(CloseCode code, std::string reason) {
  if (is_closing()) return;
  if (state_ == State::kUp) leave_up();
  state_ = State::kClosing;
  actions_.push_back(action::Close{code, std::move(reason)});
}

void ConnectionSession::leave_up() {
  registry_.remove(options_.connection);
  actions_.push_back(action::PeerDown{});
}

}  // namespace converge::session
