#include "agent/net/http_server.h"

#include "agent/net/listening.h"
#include "agent/net/task.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <exception>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace converge::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Request = http::request<http::empty_body>;

constexpr std::uint32_t kHeaderBytesMax = 8 * 1024;

/// The Host header without its port: "localhost:9090", "[::1]:9090".
std::string_view host_of(std::string_view header) {
  if (header.starts_with('[')) {
    const std::size_t end = header.find(']');
    return end == std::string_view::npos ? std::string_view() : header.substr(1, end - 1);
  }
  return header.substr(0, header.find(':'));
}

/// Only a name or address that means this machine, so that no web page reads us under its own name.
bool is_our_host(const Request& request) {
  const auto header = request[http::field::host];
  if (header.empty()) return true;  // HTTP/1.0; no browser leaves it out
  const std::string_view host = host_of(std::string_view(header.data(), header.size()));
  if (host == "localhost") return true;
  error_code error;
  const auto address = asio::ip::make_address(std::string(host), error);
  return !error && address.is_loopback();
}

/// What is wrong with a request that cannot be read, as a status; 0: nobody is there to answer.
unsigned status_of(const error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::end_of_stream) return 0;
  return error.category() == make_error_code(http::error::bad_method).category() ? 400 : 0;
}

HttpAnswer refusal(unsigned status) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  return {.status = status, .body = std::string(reason.data(), reason.size()) + "\n"};
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  struct Connection {
    explicit Connection(tcp::socket socket)
        : stream(std::move(socket)), answered(stream.get_executor()) {}
    beast::tcp_stream stream;
    asio::steady_timer answered;  ///< cancelled when the answer is there
    std::optional<HttpAnswer> answer;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;
  using Self = std::shared_ptr<Impl>;

  Impl(asio::io_context& io_context, Options o, Handler h)
      : io(io_context), options(std::move(o)), handler(std::move(h)), acceptor(io_context) {}

  void spawn(Task<void> task) {
    ++tasks;
    asio::co_spawn(io, std::move(task), [self = shared_from_this()](std::exception_ptr) {
      --self->tasks;  // nothing in them throws but for want of memory
      self->check_stopped();
    });
  }

  void check_stopped() {
    if (stopping && tasks == 0 && stopped) std::exchange(stopped, nullptr)();
  }

  static Task<void> accept_loop(Self self);
  static Task<void> serve(Self self, ConnectionPtr connection);
  static Task<void> ask(Self self, ConnectionPtr connection, std::string path);
  static Task<void> write(ConnectionPtr connection, bool head, HttpAnswer answer);

  asio::io_context& io;
  Options options;
  Handler handler;
  tcp::acceptor acceptor;
  std::set<ConnectionPtr> open;
  std::size_t tasks = 0;
  bool stopping = false;
  std::function<void()> stopped;
};

Task<void> HttpServer::Impl::accept_loop(Self self) {
  asio::steady_timer timer(self->io);
  while (!self->stopping) {
    auto [error, socket] = co_await self->acceptor.async_accept(kTuple);
    if (self->stopping) break;
    if (error) {
      timer.expires_after(kAcceptRetry);
      co_await timer.async_wait(kTuple);
      continue;
    }
    if (self->open.size() >= self->options.connections_max) continue;  // the socket closes
    const auto connection = std::make_shared<Connection>(std::move(socket));
    self->open.insert(connection);
    self->spawn(serve(self, connection));
  }
}

Task<void> HttpServer::Impl::serve(Self self, ConnectionPtr connection) {
  beast::tcp_stream& stream = connection->stream;
  beast::flat_buffer buffer;
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kHeaderBytesMax);
  stream.expires_after(self->options.request_timeout);
  const auto [error, bytes] = co_await http::async_read(stream, buffer, parser, kTuple);
  (void)bytes;
  const Request& request = parser.get();
  const bool is_head = request.method() == http::verb::head;
  unsigned refused = error ? status_of(error) : 200;
  if (!error && !is_head && request.method() != http::verb::get) refused = 405;
  if (!error && !is_our_host(request)) refused = 403;
  if (refused == 200) {
    const auto target = request.target();
    const std::string_view path(target.data(), target.size());
    std::string plain_path(path.substr(0, path.find('?')));
    co_await ask(self, connection, std::move(plain_path));
    stream.expires_after(self->options.request_timeout);
    auto answer = connection->answer.value_or(refusal(503));
    co_await write(connection, is_head, std::move(answer));
  } else if (refused != 0) {
    auto answer = refusal(refused);
    stream.expires_after(self->options.request_timeout);
    co_await write(connection, is_head, std::move(answer));
  }
  error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
  stream.close();
  self->open.erase(connection);
}

Task<void> HttpServer::Impl::ask(Self self, ConnectionPtr connection, std::string path) {
  connection->stream.expires_never();
  connection->answered.expires_after(self->options.answer_timeout);
  self->handler(path, [&io = self->io, connection](HttpAnswer answer) {
    asio::post(io, [connection, answer = std::move(answer)] {
      connection->answer = answer;
      connection->answered.cancel();
    });
  });
  co_await connection->answered.async_wait(kTuple);
}

Task<void> HttpServer::Impl::write(ConnectionPtr connection, bool head, HttpAnswer answer) {
  const std::size_t size = answer.body.size();
  http::response<http::string_body> response(static_cast<http::status>(answer.status), 11);
  response.set(http::field::content_type, answer.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set(http::field::connection, "close");
  if (answer.status == 405) response.set(http::field::allow, "GET, HEAD");
  response.body() = std::move(answer.body);
  response.content_length(size);
  http::response_serializer<http::string_body> serializer(response);
  if (head) {
    const auto [error, bytes] =
        co_await http::async_write_header(connection->stream, serializer, kTuple);
    (void)error;  // the connection ends either way
    (void)bytes;
    co_return;
  }
  const auto [error, bytes] = co_await http::async_write(connection->stream, serializer, kTuple);
  (void)error;
  (void)bytes;
}

HttpServer::HttpServer(asio::io_context& io, Options options, Handler handler)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { stop(nullptr); }

Result<std::uint16_t> HttpServer::start() {
  error_code error;
  const auto address = asio::ip::make_address(impl_->options.address, error);
  if (error || !address.is_loopback()) {
    return Error{ErrorCode::kInvalid,
                 "'" + impl_->options.address + "' is not a loopback address such as 127.0.0.1"};
  }
  const auto port = listen_on(impl_->acceptor, tcp::endpoint(address, impl_->options.port));
  if (!port) return port.error();
  impl_->spawn(Impl::accept_loop(impl_));
  return port;
}

void HttpServer::stop(std::function<void()> stopped) {
  impl_->stopping = true;
  impl_->stopped = std::move(stopped);
  error_code ignored;
  impl_->acceptor.close(ignored);
  for (const auto& connection : impl_->open) {
    connection->answered.cancel();
    connection->stream.cancel();
  }
  asio::post(impl_->io, [self = impl_] { self->check_stopped(); });
}

}  // namespace converge::net
