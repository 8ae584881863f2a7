#include "agent/net/control_server.h"

#include "agent/net/listening.h"
#include "agent/net/task.h"
#include "agent/net/unix_socket.h"
#include "core/base/assert.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <exception>
#include <map>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace converge::net {
namespace {

using asio::local::stream_protocol;

/// Answers go out together, up to so many.
constexpr std::size_t kAnswerBytes = 256 * 1024;
/// A line buffer that grew is given back.
constexpr std::size_t kKeptBufferBytes = 1u << 20;

}  // namespace

struct ControlServer::Impl : std::enable_shared_from_this<ControlServer::Impl> {
  struct Client {
    Client(stream_protocol::socket s, ControlClient w)
        : who(w),
          socket(std::move(s)),
          wake_writer(socket.get_executor()),
          wake_reader(socket.get_executor()),
          stall(socket.get_executor()) {}

    ControlClient who;
    stream_protocol::socket socket;
    std::string input;
    std::deque<std::string> queue;
    std::size_t queued_bytes = 0;
    std::size_t unanswered = 0;      ///< lines handed over
    asio::steady_timer wake_writer;  ///< cancelled when there is something to write
    asio::steady_timer wake_reader;  ///< cancelled when more may be read
    asio::steady_timer stall;        ///< runs during each write
    bool closing = false;            ///< nothing is read any more; ends when the queue is empty
    bool ended = false;
  };
  using ClientPtr = std::shared_ptr<Client>;
  using Self = std::shared_ptr<Impl>;

  Impl(asio::io_context& io_context, Options o, Handlers h)
      : io(io_context),
        options(std::move(o)),
        handlers(std::move(h)),
        acceptor(io_context),
        stop_timer(io_context) {}

  void spawn(Task<void> task) {
    ++tasks;
    asio::co_spawn(io, std::move(task), [self = shared_from_this()](std::exception_ptr failure) {
      self->task_done(failure);
    });
  }

  void task_done(std::exception_ptr failure) {
    --tasks;
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log('w', std::string("control socket task failed: ") + error.what());
    }
    check_stopped();
  }

  void log(char level, const std::string& line) {
    if (handlers.log) handlers.log(level, line);
  }

  static Task<void> accept_loop(Self self);
  static Task<void> read_loop(Self self, ClientPtr client);
  static Task<void> write_loop(Self self, ClientPtr client);

  void welcome(stream_protocol::socket socket);
  bool may_read(const Client& client) const;
  void take_lines(const ClientPtr& client);
  void refuse_line(const ClientPtr& client);
  void send(const ClientPtr& client, std::string line);
  void start_stall_timer(const ClientPtr& client);
  void wrote(const ClientPtr& client, std::size_t bytes);
  void close_after_flush(const ClientPtr& client);
  void end(const ClientPtr& client);
  void remove_socket_file();
  void check_stopped();

  asio::io_context& io;
  Options options;
  Handlers handlers;
  stream_protocol::acceptor acceptor;
  asio::steady_timer stop_timer;
  std::map<ControlClientId, ClientPtr> clients;
  std::uint64_t next_client = 1;
  std::size_t tasks = 0;
  bool stopping = false;
  bool owns_file = false;
  struct stat file = {};  ///< identity of the socket that we bound
  std::function<void()> stopped;
};

Task<void> ControlServer::Impl::accept_loop(Self self) {
  asio::steady_timer timer(self->io);
  while (!self->stopping) {
    auto [error, socket] = co_await self->acceptor.async_accept(kTuple);
    if (self->stopping) break;
    if (!error) {
      self->welcome(std::move(socket));
      continue;
    }
    self->log('w', "control socket: accept: " + error.message());
    timer.expires_after(kAcceptRetry);
    co_await timer.async_wait(kTuple);
  }
}

void ControlServer::Impl::welcome(stream_protocol::socket socket) {
  const auto peer = peer_credentials(socket.native_handle());
  if (!peer || !may_connect(*peer, options.group)) {
    const std::string who = peer ? "user " + std::to_string(peer->uid) : peer.error().message;
    log('w', "control socket: refused " + who);
    if (handlers.denied) {
      const std::string line = handlers.denied() + "\n";
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);  // a fresh socket has room for one line
      socket.send(asio::buffer(line), 0, ignored);
    }
    return;  // the socket closes
  }
  if (clients.size() >= options.clients_max) {
    log('w', "control socket: more than " + std::to_string(options.clients_max) + " clients");
    return;
  }
  const ControlClient who{ControlClientId{next_client++}, peer->pid, peer->uid, peer->gid};
  const auto client = std::make_shared<Client>(std::move(socket), who);
  clients.emplace(who.id, client);
  if (handlers.connected) handlers.connected(who);
  spawn(read_loop(shared_from_this(), client));
  spawn(write_loop(shared_from_this(), client));
}

Task<void> ControlServer::Impl::read_loop(Self self, ClientPtr client) {
  while (!client->ended && !client->closing) {
    if (!self->may_read(*client)) {
      client->wake_reader.expires_at(asio::steady_timer::time_point::max());
      co_await client->wake_reader.async_wait(kTuple);
      continue;
    }
    // One byte more than a line may have, for its newline.
    auto buffer = asio::dynamic_buffer(client->input, self->options.line_bytes_max + 1);
    const auto [error, ignored] =
        co_await asio::async_read_until(client->socket, buffer, '\n', kTuple);
    if (client->ended || client->closing) break;
    if (error == asio::error::not_found) {
      self->refuse_line(client);
    } else if (error) {
      // A client may shut its side down and still wait for answers: those are flushed first.
      self->close_after_flush(client);
    } else {
      self->take_lines(client);
    }
  }
}

bool ControlServer::Impl::may_read(const Client& client) const {
  return client.queued_bytes <= options.queue_high_bytes &&
         client.unanswered < options.unanswered_max;
}

/// Every whole line that has come, until questions or answers pile up.
void ControlServer::Impl::take_lines(const ClientPtr& client) {
  std::string& input = client->input;
  std::size_t begin = 0;
  while (!client->ended && !client->closing && may_read(*client)) {
    const std::size_t end = input.find('\n', begin);
    if (end == std::string::npos) break;
    std::string line = input.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty() || !handlers.line) continue;
    ++client->unanswered;
    handlers.line(client->who.id, std::move(line));
  }
  input.erase(0, begin);
  if (input.empty() && input.capacity() > kKeptBufferBytes) input.shrink_to_fit();
}

void ControlServer::Impl::refuse_line(const ClientPtr& client) {
  log('w', "control socket: line over " + std::to_string(options.line_bytes_max) + " bytes");
  if (handlers.oversized) send(client, handlers.oversized());
  close_after_flush(client);
}

Task<void> ControlServer::Impl::write_loop(Self self, ClientPtr client) {
  while (!client->ended) {
    if (client->queue.empty()) {
      if (client->closing) break;
      client->wake_writer.expires_at(asio::steady_timer::time_point::max());
      co_await client->wake_writer.async_wait(kTuple);
      continue;
    }
    std::string line = std::move(client->queue.front());
    client->queue.pop_front();
    // Answers to pipelined requests come in bursts: one write takes them all.
    while (!client->queue.empty() && line.size() + client->queue.front().size() <= kAnswerBytes) {
      line += client->queue.front();
      client->queue.pop_front();
    }
    std::size_t offset = 0;
    while (offset < line.size() && !client->ended) {
      const asio::const_buffer piece(line.data() + offset,
                                     std::min(line.size() - offset, kAnswerBytes));
      self->start_stall_timer(client);
      const auto [error, bytes] = co_await client->socket.async_write_some(piece, kTuple);
      offset += bytes;
      self->wrote(client, bytes);
      if (error) self->end(client);
    }
  }
  self->end(client);
}

void ControlServer::Impl::start_stall_timer(const ClientPtr& client) {
  client->stall.expires_after(options.stall_timeout);
  client->stall.async_wait([self = shared_from_this(), client](const error_code& error) {
    if (error) return;
    self->log('w', "control socket: client " + std::to_string(client->who.pid) + " does not read");
    self->end(client);
  });
}

void ControlServer::Impl::wrote(const ClientPtr& client, std::size_t bytes) {
  client->stall.cancel();
  client->queued_bytes -= bytes;
  if (may_read(*client)) client->wake_reader.cancel();
}

void ControlServer::Impl::send(const ClientPtr& client, std::string line) {
  if (client->ended) return;
  line.push_back('\n');
  client->queued_bytes += line.size();
  client->queue.push_back(std::move(line));
  client->wake_writer.cancel();
  if (client->queued_bytes > options.queue_max_bytes) {
    log('w', "control socket: client " + std::to_string(client->who.pid) +
                 " leaves too many answers unread");
    end(client);
  }
}

void ControlServer::Impl::close_after_flush(const ClientPtr& client) {
  client->closing = true;
  client->wake_writer.cancel();
  client->wake_reader.cancel();
}

void ControlServer::Impl::end(const ClientPtr& client) {
  if (std::exchange(client->ended, true)) return;
  error_code ignored;
  client->socket.close(ignored);
  client->wake_writer.cancel();
  client->wake_reader.cancel();
  client->stall.cancel();
  clients.erase(client->who.id);
  if (handlers.disconnected) handlers.disconnected(client->who.id);
}

void ControlServer::Impl::remove_socket_file() {
  if (!std::exchange(owns_file, false)) return;
  // Only if it is still the one we made: another agent may have taken the place.
  struct stat now {};
  const bool is_ours = ::lstat(options.path.c_str(), &now) == 0 && now.st_dev == file.st_dev &&
                       now.st_ino == file.st_ino;
  if (is_ours) ::unlink(options.path.c_str());
}

void ControlServer::Impl::check_stopped() {
  if (!stopping) return;
  if (tasks == 1) stop_timer.cancel();  // the last one is the timer itself
  if (tasks == 0 && stopped) std::exchange(stopped, nullptr)();
}

ControlServer::ControlServer(asio::io_context& io, Options options, Handlers handlers)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(handlers))) {}

ControlServer::~ControlServer() {
  // After a proper stop() nothing is left. Otherwise the coroutines end with the io_context,
  // without calling anybody.
  impl_->handlers = {};
  impl_->stopping = true;
  impl_->stopped = nullptr;
  error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->remove_socket_file();
  const auto open = impl_->clients;
  for (const auto& [id, client] : open) impl_->end(client);
}

Result<void> ControlServer::start() {
  auto descriptor = impl_->options.inherited
                        ? adopt_unix(*impl_->options.inherited)
                        : listen_unix(impl_->options.path, impl_->options.group);
  if (!descriptor) return descriptor.error();
  error_code error;
  impl_->acceptor.assign(stream_protocol(), *descriptor, error);
  if (error) {
    ::close(*descriptor);
    return Error{ErrorCode::kIo, "control socket: " + error.message()};
  }
  if (!impl_->options.inherited) {
    impl_->owns_file = ::lstat(impl_->options.path.c_str(), &impl_->file) == 0;
  }
  impl_->spawn(Impl::accept_loop(impl_));
  return {};
}

void ControlServer::send(ControlClientId client, std::string line) {
  const auto found = impl_->clients.find(client);
  if (found == impl_->clients.end()) return;
  const auto target = found->second;
  impl_->send(target, std::move(line));
}

void ControlServer::answer(ControlClientId client, std::string line) {
  const auto found = impl_->clients.find(client);
  if (found == impl_->clients.end()) return;
  const Impl::ClientPtr target = found->second;
  ASSERT(target->unanswered > 0);
  --target->unanswered;
  if (!line.empty()) impl_->send(target, std::move(line));
  // Not before there is room for a good many.
  if (target->unanswered <= impl_->options.unanswered_max / 2) target->wake_reader.cancel();
}

void ControlServer::close_after_flush(ControlClientId client) {
  const auto found = impl_->clients.find(client);
  if (found == impl_->clients.end()) return;
  const auto target = found->second;
  impl_->close_after_flush(target);
  error_code ignored;
  target->socket.shutdown(stream_protocol::socket::shutdown_receive, ignored);
}

std::size_t ControlServer::client_count() const { return impl_->clients.size(); }

void ControlServer::stop(std::chrono::milliseconds deadline, std::function<void()> stopped) {
  ASSERT(!impl_->stopping);
  impl_->stopping = true;
  impl_->stopped = std::move(stopped);
  error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->remove_socket_file();
  const auto open = impl_->clients;
  for (const auto& [id, client] : open) close_after_flush(id);
  ++impl_->tasks;  // the timer, so that `stopped` is never called from within stop()
  impl_->stop_timer.expires_after(deadline);
  impl_->stop_timer.async_wait([self = impl_](const error_code& error) {
    const auto left = self->clients;
    if (!error) {
      for (const auto& [id, client] : left) self->end(client);
    }
    --self->tasks;
    self->check_stopped();
  });
  impl_->check_stopped();
}

}  // namespace converge::net
