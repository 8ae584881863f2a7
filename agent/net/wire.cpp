#include "agent/net/wire.h"

#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/detect_ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <optional>

namespace converge::net {
namespace {

namespace beast = boost::beast;
using asio::ip::tcp;

bool is_timeout(const error_code& error) { return error == beast::error::timeout; }

/// `other` unless the deadline passed.
Error wire_error(ErrorCode other, const std::string& what, const error_code& error) {
  return Error{is_timeout(error) ? ErrorCode::kTimeout : other, what + ": " + error.message()};
}

}  // namespace

Error io_error(const std::string& what, const error_code& error) {
  const bool is_timeout = error == beast::error::timeout || error == asio::error::timed_out;
  return Error{is_timeout ? ErrorCode::kTimeout : ErrorCode::kIo, what + ": " + error.message()};
}

struct Wire::Impl {
  template <class Source>
  explicit Impl(Source&& source) : tcp(std::forward<Source>(source)) {}

  beast::tcp_stream tcp;
  std::shared_ptr<TlsContext> context;  ///< outlives the stream made from it
  std::optional<beast::ssl_stream<beast::tcp_stream&>> tls;
};

Wire::Wire(tcp::socket socket) : impl_(std::make_unique<Impl>(std::move(socket))) {}
Wire::Wire(const executor_type& executor) : impl_(std::make_unique<Impl>(executor)) {}
Wire::~Wire() = default;
Wire::Wire(Wire&& other) noexcept = default;
Wire& Wire::operator=(Wire&& other) noexcept = default;

Wire::executor_type Wire::get_executor() { return impl_->tcp.get_executor(); }
void Wire::expires_after(std::chrono::milliseconds time) { impl_->tcp.expires_after(time); }
void Wire::expires_never() { impl_->tcp.expires_never(); }
void Wire::close() { impl_->tcp.close(); }

Task<Result<void>> Wire::connect(std::string host, std::string port) {
  tcp::resolver resolver(get_executor());
  const auto [resolve_error, addresses] = co_await resolver.async_resolve(host, port, kTuple);
  if (resolve_error) {
    co_return Error{ErrorCode::kUnavailable,
                    "cannot resolve " + host + ": " + resolve_error.message()};
  }
  const auto [error, endpoint] = co_await impl_->tcp.async_connect(addresses, kTuple);
  if (error) {
    co_return wire_error(ErrorCode::kUnavailable, "cannot connect to " + host + " port " + port,
                         error);
  }
  error_code ignored;
  impl_->tcp.socket().set_option(tcp::no_delay(true), ignored);
  co_return Result<void>{};
}

Task<Result<Wire::Opening>> Wire::detect_tls() {
  beast::flat_buffer read;
  const auto [error, has_hello] = co_await beast::async_detect_ssl(impl_->tcp, read, kTuple);
  if (error) co_return io_error("first bytes", error);
  Opening opening{.is_tls = has_hello};
  opening.bytes = beast::buffers_to_string(read.data());
  co_return opening;
}

Task<Result<void>> Wire::secure_as_server(std::shared_ptr<TlsContext> tls, std::string read) {
  impl_->context = std::move(tls);
  impl_->tls.emplace(impl_->tcp, impl_->context->context);
  const auto hello = asio::buffer(read);
  const auto [error, bytes] =
      co_await impl_->tls->async_handshake(asio::ssl::stream_base::server, hello, kTuple);
  (void)bytes;
  if (error) co_return io_error("tls handshake", error);
  co_return Result<void>{};
}

Task<Result<void>> Wire::secure_as_client(std::shared_ptr<TlsContext> tls, std::string host) {
  impl_->context = std::move(tls);
  impl_->tls.emplace(impl_->tcp, impl_->context->context);
  SSL* const ssl = impl_->tls->native_handle();
  const bool checks_host = impl_->context->wants_known_host;
  if (SSL_set_tlsext_host_name(ssl, host.c_str()) != 1 ||
      (checks_host && SSL_set1_host(ssl, host.c_str()) != 1)) {
    co_return Error{ErrorCode::kInvalid, "host name " + host + " is not fit for TLS"};
  }
  const auto [error] = co_await impl_->tls->async_handshake(asio::ssl::stream_base::client, kTuple);
  if (error) co_return wire_error(ErrorCode::kDenied, "tls with " + host, error);
  const std::string shown = fingerprint();
  const std::string& pinned = impl_->context->pinned;
  if (!pinned.empty() && shown != pinned) {
    co_return Error{ErrorCode::kDenied,
                    host + " shows the key " + shown + ", not the pinned " + pinned,
                    "peer.untrusted"};
  }
  co_return Result<void>{};
}

std::string Wire::fingerprint() const {
  return impl_->tls ? peer_fingerprint(impl_->tls->native_handle()) : std::string();
}

void Wire::read(const Pieces<asio::mutable_buffer>& pieces, Done<std::size_t> done) {
  if (impl_->tls) return impl_->tls->async_read_some(pieces, std::move(done));
  impl_->tcp.async_read_some(pieces, std::move(done));
}

void Wire::write(const Pieces<asio::const_buffer>& pieces, Done<std::size_t> done) {
  if (impl_->tls) return impl_->tls->async_write_some(pieces, std::move(done));
  impl_->tcp.async_write_some(pieces, std::move(done));
}

void Wire::teardown(beast::role_type role, Done<> done) {
  using beast::websocket::async_teardown;
  if (impl_->tls) return async_teardown(role, *impl_->tls, std::move(done));
  async_teardown(role, impl_->tcp, std::move(done));
}

}  // namespace converge::net
