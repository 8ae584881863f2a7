#include "agent/net/peer_hub.h"

#include "agent/net/hub_impl.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace converge::net {

PeerHub::Impl::Impl(asio::io_context& io_context, PeerHub::Options hub_options,
                    PeerHub::Handlers hub_handlers, Random& source)
    : io(io_context),
      options(std::move(hub_options)),
      handlers(std::move(hub_handlers)),
      random(source),
      registry(options.peer_id),
      stop_timer(io_context) {}

void PeerHub::Impl::peer_up(const session::PeerInfo& peer) {
  log('i', "peer " + peer.peer_id + " at " + peer.address + " is up");
  if (handlers.peer_up) handlers.peer_up(peer);
}

void PeerHub::Impl::peer_down(session::ConnectionId connection) {
  const auto found = connections.find(connection);
  if (found != connections.end()) {
    const auto& peer = found->second->session().peer();
    log('i', "peer " + peer.peer_id + " is down");
    wake_dialers_of(peer.peer_id);
  }
  if (handlers.peer_down) handlers.peer_down(connection);
}

void PeerHub::Impl::message(session::ConnectionId connection, session::DocumentMessage m) {
  if (handlers.message) handlers.message(connection, std::move(m));
}

void PeerHub::Impl::congested(session::ConnectionId connection, bool is_congested) {
  if (handlers.congested) handlers.congested(connection, is_congested);
}

void PeerHub::Impl::displace(session::ConnectionId connection) {
  const auto found = connections.find(connection);
  if (found == connections.end()) return;
  const auto displaced = found->second;
  displaced->displaced();
}

void PeerHub::Impl::ended(session::ConnectionId connection) {
  const auto found = connections.find(connection);
  if (found == connections.end()) return;
  log('d', "connection " + std::to_string(connection.value) + " of " +
               found->second->session().peer().address + " ended: " + found->second->end_reason());
  connections.erase(found);
}

void PeerHub::Impl::log(char level, const std::string& line) {
  if (handlers.log) handlers.log(level, line);
}

void PeerHub::Impl::spawn(Task<void> task) {
  ++tasks;
  asio::co_spawn(io, std::move(task), [self = shared_from_this()](std::exception_ptr failure) {
    self->task_done(failure);
  });
}

void PeerHub::Impl::spawn_cancellable(Task<void> task) {
  ++tasks;
  const auto signal = std::make_shared<asio::cancellation_signal>();
  signals.insert(signal);
  asio::co_spawn(io, std::move(task),
                 asio::bind_cancellation_slot(signal->slot(), [self = shared_from_this(),
                                                               signal](std::exception_ptr failure) {
                   self->signals.erase(signal);
                   self->task_done(failure);
                 }));
}

void PeerHub::Impl::task_done(std::exception_ptr failure) {
  --tasks;
  if (failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
      // What stop() cancels ends this way.
      const bool is_expected = stopping && error.code() == asio::error::operation_aborted;
      if (!is_expected) log('w', std::string("network task failed: ") + error.what());
    } catch (const std::exception& error) {
      log('w', std::string("network task failed: ") + error.what());
    }
  }
  check_stopped();
}

std::shared_ptr<Connection> PeerHub::Impl::start_connection(
    std::unique_ptr<WebSocket> socket, session::ConnectionSession::Options session_options,
    std::shared_ptr<void> handshake_slot) {
  const session::ConnectionId id{next_connection++};
  session_options.connection = id;
  session_options.refuse = options.refuse;
  session_options.is_member = options.is_member;
  session_options.handshake_timeout = options.handshake_timeout;
  session_options.ping_interval = options.ping_interval;
  session_options.silence_max = options.silence_max;
  session_options.sync_bytes_max = options.frame_bytes_max;
  session::ConnectionSession session(std::move(session_options), registry, ephemerals);
  const ConnectionLimits limits{.queue_high_bytes = options.queue_high_bytes,
                                .queue_low_bytes = options.queue_low_bytes,
                                .queue_max_bytes = options.queue_max_bytes,
                                .stall_timeout = options.stall_timeout};
  auto connection =
      std::make_shared<Connection>(io, shared_from_this(), std::move(socket), std::move(session),
                                   limits, std::move(handshake_slot));
  connections.emplace(id, connection);
  connection->start();
  return connection;
}

std::shared_ptr<void> PeerHub::Impl::take_handshake_slot(const std::string& address) {
  ++handshake_count;
  ++handshakes[address];
  return {nullptr, [self = weak_from_this(), address](void*) {
            const auto hub = self.lock();
            if (!hub) return;
            --hub->handshake_count;
            const auto found = hub->handshakes.find(address);
            if (--found->second == 0) hub->handshakes.erase(found);
          }};
}

bool PeerHub::Impl::is_full() const {
  return handshake_count >= options.unauthenticated_max ||
         connections.size() + handshake_count >= options.connections_max;
}

void PeerHub::Impl::begin_stop(std::chrono::milliseconds deadline) {
  stopping = true;
  error_code ignored;
  for (const auto& listener : listeners) listener->acceptor.close(ignored);
  const auto open = connections;  // closing changes the map
  for (const auto& [id, connection] : open) {
    connection->close(session::CloseCode::kGoingAway, "the agent stops");
  }
  for (const auto& [name, dialer] : dialers) dialer->timer.cancel();
  const auto pending = signals;  // ends of tasks change the set
  for (const auto& signal : pending) signal->emit(asio::cancellation_type::terminal);
  ++tasks;  // the timer, so that `stopped` is never called from within begin_stop
  stop_timer.expires_after(deadline);
  stop_timer.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error) {
      const auto left = self->connections;
      for (const auto& [id, connection] : left) connection->cut("the agent stops");
    }
    --self->tasks;
    self->check_stopped();
  });
  check_stopped();
}

void PeerHub::Impl::check_stopped() {
  if (!stopping) return;
  // The last task is the timer itself: let it end.
  if (tasks == 1 && connections.empty()) stop_timer.cancel();
  if (tasks == 0 && stopped) std::exchange(stopped, nullptr)();
}

PeerHub::PeerHub(asio::io_context& io, Options options, Handlers handlers, Random& random)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(handlers), random)) {}

PeerHub::~PeerHub() {
  // After a proper stop() nothing is left. Otherwise the coroutines end with the io_context,
  // without calling anybody.
  impl_->handlers = {};
  if (!impl_->stopping) impl_->begin_stop(std::chrono::milliseconds(0));
  impl_->stopped = nullptr;
  impl_->dialers.clear();
  impl_->connections.clear();
}

Result<std::uint16_t> PeerHub::listen(const ListenOptions& options) {
  return impl_->listen(options);
}

void PeerHub::set_metadata(session::Metadata metadata) {
  impl_->options.metadata = std::move(metadata);
}

Result<void> PeerHub::dial(const DialOptions& options) { return impl_->dial(options); }

bool PeerHub::undial(const std::string& name) {
  const auto found = impl_->dialers.find(name);
  if (found == impl_->dialers.end()) return false;
  const auto dialer = found->second;
  impl_->dialers.erase(found);
  dialer->stopped = true;
  if (dialer->connection) dialer->connection->close(session::CloseCode::kNormal, "not wanted");
  dialer->timer.cancel();
  return true;
}

bool PeerHub::redial(const std::string& name) {
  const auto found = impl_->dialers.find(name);
  if (found == impl_->dialers.end()) return false;
  if (found->second->connection) return true;
  found->second->hurry = true;
  found->second->timer.cancel();
  return true;
}

void PeerHub::send(session::ConnectionId connection, const session::DocumentMessage& message) {
  const auto found = impl_->connections.find(connection);
  if (found == impl_->connections.end()) return;
  const auto target = found->second;
  target->send(message);
}

void PeerHub::close(session::ConnectionId connection, session::CloseCode code,
                    const std::string& reason) {
  const auto found = impl_->connections.find(connection);
  if (found == impl_->connections.end()) return;
  const auto target = found->second;
  target->close(code, reason);
}

void PeerHub::hold(session::ConnectionId connection, bool on) {
  const auto found = impl_->connections.find(connection);
  if (found == impl_->connections.end()) return;
  const auto target = found->second;
  target->hold(on);
}

void PeerHub::limit_rate(session::ConnectionId connection, std::uint64_t bytes_per_second) {
  const auto found = impl_->connections.find(connection);
  if (found != impl_->connections.end()) found->second->limit_rate(bytes_per_second);
}

std::vector<ConnectionStatus> PeerHub::connections() const {
  std::vector<ConnectionStatus> out;
  for (const auto& [id, connection] : impl_->connections) {
    const auto& session = connection->session();
    out.push_back({.peer = session.peer(),
                   .up = session.is_up(),
                   .queued_bytes = connection->queued_bytes(),
                   .rtt = connection->rtt(),
                   .counters = session.counters()});
  }
  return out;
}

std::vector<DialStatus> PeerHub::dials() const {
  std::vector<DialStatus> out;
  for (const auto& [name, dialer] : impl_->dialers) {
    DialStatus status{.name = name, .url = dialer->options.url};
    const bool is_up = dialer->connection && dialer->connection->session().is_up();
    if (is_up) status.connection = dialer->connection->id();
    status.attempts = dialer->attempts;
    status.last_error = is_up ? "" : dialer->last_error;
    status.last_error_id = is_up ? "" : dialer->last_error_id;
    out.push_back(std::move(status));
  }
  return out;
}

void PeerHub::ping(session::ConnectionId connection, std::chrono::milliseconds timeout,
                   std::function<void(std::optional<std::chrono::microseconds>)> done) {
  const auto found = impl_->connections.find(connection);
  if (found == impl_->connections.end()) return done(std::nullopt);
  const auto target = found->second;
  target->measure_rtt(timeout, std::move(done));
}

void PeerHub::stop(std::chrono::milliseconds deadline, std::function<void()> stopped) {
  impl_->stopped = std::move(stopped);
  impl_->begin_stop(deadline);
}

}  // namespace converge::net
