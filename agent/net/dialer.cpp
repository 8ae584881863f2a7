#include "agent/net/dialer.h"

#include "agent/net/hub_impl.h"

#include <algorithm>
#include <utility>

namespace converge::net {
namespace {

constexpr std::size_t kFingerprintDigits = 64;

bool is_fingerprint(const std::string& text) {
  return text.size() == kFingerprintDigits && from_hex(text).has_value() &&
         std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'F'; });
}

}  // namespace

std::chrono::milliseconds BackOff::next(Random& random) {
  const auto cap = static_cast<std::uint64_t>(std::max<std::int64_t>(cap_.count(), 1));
  cap_ = std::min(cap_ * 2, max_);
  return std::chrono::milliseconds(random.next_u64() % (cap + 1));
}

Result<void> PeerHub::Impl::dial(const PeerHub::DialOptions& dial_options) {
  if (dialers.contains(dial_options.name)) {
    return Error{ErrorCode::kConflict, "'" + dial_options.name + "' is being dialled already"};
  }
  auto url = parse_websocket_url(dial_options.url);
  if (!url) return url.error();
  const bool has_pin = !dial_options.fingerprint.empty();
  if (has_pin && !url->tls) {
    return Error{ErrorCode::kInvalid, "a key fingerprint needs a wss:// URL"};
  }
  if (has_pin && !is_fingerprint(dial_options.fingerprint)) {
    return Error{ErrorCode::kInvalid, "'" + dial_options.fingerprint +
                                          "' is not a key fingerprint (64 lower-case hex digits)"};
  }
  std::shared_ptr<TlsContext> tls;
  if (url->tls) {
    auto made = client_context(options.tls, dial_options.fingerprint);
    if (!made) return made.error();
    tls = *made;
  }
  auto dialer = std::make_shared<Dialer>(io, dial_options, std::move(*url), std::move(tls));
  dialers.emplace(dial_options.name, dialer);
  spawn_cancellable(dial_loop(shared_from_this(), dialer));
  return {};
}

Task<void> PeerHub::Impl::dial_loop(std::shared_ptr<Impl> self, std::shared_ptr<Dialer> dialer) {
  BackOff back_off(self->options.dial_delay_min, self->options.dial_delay_max);
  while (!dialer->stopped && !self->stopping) {
    co_await dial_once(self, dialer);
    if (dialer->stopped || self->stopping) break;
    const auto ended = std::exchange(dialer->connection, nullptr);
    const bool was_healthy = ended && ended->up_time() >= self->options.dial_healthy_after;
    if (was_healthy) back_off.reset();
    if (!dialer->options.persistent) break;

    dialer->timer.expires_after(back_off.next(self->random));
    if (!dialer->hurry) co_await dialer->timer.async_wait(kTuple);
    // The peer may have called us meanwhile: dialling would only displace that connection.
    while (!dialer->stopped && !self->stopping && !dialer->peer_id.empty() &&
           self->registry.find(dialer->peer_id)) {
      dialer->timer.expires_at(session::Time::max());
      co_await dialer->timer.async_wait(kTuple);
    }
    dialer->hurry = false;
  }
  const auto found = self->dialers.find(dialer->options.name);
  if (found != self->dialers.end() && found->second == dialer) self->dialers.erase(found);
}

Task<void> PeerHub::Impl::dial_once(std::shared_ptr<Impl> self, std::shared_ptr<Dialer> dialer) {
  ++dialer->attempts;
  const WebSocketOptions websocket_options{.message_bytes_max = self->options.frame_bytes_max,
                                           .handshake_timeout = self->options.dial_timeout};
  auto websocket = co_await connect_websocket(dialer->url, dialer->tls, websocket_options);
  if (dialer->stopped || self->stopping) co_return;
  if (!websocket) {
    dialer->last_error = websocket.error().message;
    dialer->last_error_id = websocket.error().id;
    self->log(dialer->attempts == 1 ? 'w' : 'd', dialer->options.name + ": " + dialer->last_error);
    co_return;
  }

  session::ConnectionSession::Options session_options;
  session_options.role = session::Role::kClient;
  session_options.metadata = self->options.metadata;
  if (dialer->options.invite) {
    auto& extension = session_options.metadata.extension;
    if (!extension) extension.emplace();
    extension->invite = dialer->options.invite;
  }
  session_options.address = dialer->url.host;
  session_options.fingerprint = (*websocket)->fingerprint();
  session_options.dialled = dialer->options.name;
  dialer->connection =
      self->start_connection(std::move(*websocket), std::move(session_options), nullptr);
  dialer->connection->on_end([waiting = std::weak_ptr(dialer)] {
    if (const auto d = waiting.lock()) d->timer.cancel();
  });
  while (!dialer->connection->has_ended()) {
    dialer->timer.expires_at(session::Time::max());
    co_await dialer->timer.async_wait(kTuple);
  }
  const bool was_up = dialer->connection->up_time() > session::Duration::zero();
  dialer->last_error = was_up ? "" : dialer->connection->end_reason();
  dialer->last_error_id.clear();
  dialer->peer_id = dialer->connection->session().peer().peer_id;
}

void PeerHub::Impl::wake_dialers_of(const std::string& peer_id) {
  for (const auto& [name, dialer] : dialers) {
    if (dialer->peer_id == peer_id) dialer->timer.cancel();
  }
}

}  // namespace converge::net
