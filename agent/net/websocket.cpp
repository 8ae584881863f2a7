#include "agent/net/websocket.h"

#include "agent/net/wire.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace converge::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ws = boost::beast::websocket;
using asio::ip::tcp;

constexpr std::uint32_t kHeaderBytesMax = 8 * 1024;
/// A buffer that grew for one big message is given back after it.
constexpr std::size_t kKeptBufferBytes = 1u << 20;

class WireWebSocket final : public WebSocket {
 public:
  WireWebSocket(Wire wire, const WebSocketOptions& options)
      : stream_(std::move(wire)), origins_(options.origins) {
    stream_.read_message_max(options.message_bytes_max);
    stream_.binary(true);
    stream_.auto_fragment(false);
    // Deadlines are the session's affair once the socket is open.
    stream_.set_option(ws::stream_base::timeout{ws::stream_base::none(), ws::stream_base::none(),
                                                /*keep_alive_pings=*/false});
  }

  /// Bytes that were read before the stream was made.
  void begin_with(const std::string& read) {
    const auto copied = asio::buffer_copy(read_buffer_.prepare(read.size()), asio::buffer(read));
    read_buffer_.commit(copied);
  }

  /// HTTP and upgrade as server. The caller has set the deadline on the lowest layer.
  Task<Result<void>> accept() {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kHeaderBytesMax);
    const auto [error, bytes] =
        co_await http::async_read(stream_.next_layer(), read_buffer_, parser, kTuple);
    (void)bytes;
    if (error) co_return io_error("http request", error);
    const auto& request = parser.get();
    const std::string origin(request[http::field::origin]);
    const bool is_upgrade = ws::is_upgrade(request);
    if (!is_upgrade || !is_allowed(origin)) {
      const auto status = is_upgrade ? http::status::forbidden : http::status::upgrade_required;
      co_await answer(status);
      if (is_upgrade) co_return Error{ErrorCode::kDenied, "origin " + origin + " is not allowed"};
      co_return Error{ErrorCode::kCorrupt, "a request that is no WebSocket upgrade"};
    }
    const auto [upgrade_error] = co_await stream_.async_accept(request, kTuple);
    if (upgrade_error) co_return io_error("websocket upgrade", upgrade_error);
    stream_.next_layer().expires_never();
    co_return Result<void>{};
  }

  Task<Result<void>> handshake(std::string host, std::string target) {
    const auto [error] = co_await stream_.async_handshake(host, target, kTuple);
    if (error) co_return io_error("websocket upgrade", error);
    stream_.next_layer().expires_never();
    co_return Result<void>{};
  }

  Task<Step> read_some(std::size_t bytes_max) override {
    const auto [error, bytes] = co_await stream_.async_read_some(read_buffer_, bytes_max, kTuple);
    Step step;
    step.error = error;
    step.bytes = bytes;
    step.done = !error && stream_.is_message_done();
    step.too_big = error == ws::error::message_too_big;
    co_return step;
  }

  ByteView message() const override {
    const auto data = read_buffer_.cdata();
    return {static_cast<const std::byte*>(data.data()), data.size()};
  }

  bool is_binary() const override { return stream_.got_binary(); }

  void next_message() override {
    read_buffer_.clear();
    if (read_buffer_.capacity() > kKeptBufferBytes) read_buffer_ = beast::flat_buffer();
  }

  Task<error_code> write_some(bool is_last, ByteView piece) override {
    const asio::const_buffer buffer(piece.data(), piece.size());
    const auto [error, bytes] = co_await stream_.async_write_some(is_last, buffer, kTuple);
    (void)bytes;
    co_return error;
  }

  Task<error_code> ping(std::string payload) override {
    const ws::ping_data data(beast::string_view(payload.data(), payload.size()));
    const auto [error] = co_await stream_.async_ping(data, kTuple);
    co_return error;
  }

  Task<error_code> close(std::uint16_t code, std::string reason) override {
    // A control frame holds 125 bytes, two of them the code.
    const ws::close_reason why(
        static_cast<ws::close_code>(code),
        beast::string_view(reason.data(), std::min(reason.size(), std::size_t{120})));
    const auto [error] = co_await stream_.async_close(why, kTuple);
    co_return error;
  }

  void cut() override { stream_.next_layer().close(); }

  void on_control(std::function<void(bool, std::string_view)> f) override {
    on_control_ = std::move(f);
    stream_.control_callback([this](ws::frame_type kind, beast::string_view payload) {
      if (kind == ws::frame_type::close) return;
      on_control_(kind == ws::frame_type::pong, std::string_view(payload.data(), payload.size()));
    });
  }

  std::string fingerprint() const override { return stream_.next_layer().fingerprint(); }

 private:
  bool is_allowed(const std::string& origin) const {
    if (origin.empty()) return true;
    return std::any_of(origins_.begin(), origins_.end(),
                       [&](const std::string& o) { return o == "*" || o == origin; });
  }

  Task<void> answer(http::status status) {
    http::response<http::string_body> response(status, 11);
    response.set(http::field::content_type, "text/plain");
    response.set(http::field::connection, "close");
    if (status == http::status::upgrade_required) response.set(http::field::upgrade, "websocket");
    response.body() = status == http::status::forbidden ? "origin not allowed\n"
                                                        : "this is a WebSocket endpoint\n";
    response.prepare_payload();
    const auto [error, bytes] = co_await http::async_write(stream_.next_layer(), response, kTuple);
    (void)error;  // the connection ends either way
    (void)bytes;
  }

  ws::stream<Wire, /*deflateSupported=*/false> stream_;  ///< nobody asks for permessage-deflate
  std::vector<std::string> origins_;
  beast::flat_buffer read_buffer_;
  std::function<void(bool, std::string_view)> on_control_;
};

}  // namespace

Task<Result<std::unique_ptr<WebSocket>>> accept_websocket(tcp::socket socket,
                                                          std::shared_ptr<TlsContext> tls,
                                                          WebSocketOptions options) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  Wire wire(std::move(socket));
  wire.expires_after(options.handshake_timeout);
  Wire::Opening opening;
  opening.is_tls = tls != nullptr;
  if (opening.is_tls && options.plain_too) {
    auto detected = co_await wire.detect_tls();
    if (!detected) co_return detected.error();
    opening = std::move(*detected);
  }
  if (opening.is_tls) {
    const std::string hello = std::exchange(opening.bytes, std::string());
    const auto secured = co_await wire.secure_as_server(tls, hello);
    if (!secured) co_return secured.error();
  }
  auto accepted = std::make_unique<WireWebSocket>(std::move(wire), options);
  accepted->begin_with(opening.bytes);
  const auto open = co_await accepted->accept();
  if (!open) co_return open.error();
  co_return std::unique_ptr<WebSocket>(std::move(accepted));
}

Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(WebSocketUrl url,
                                                           std::shared_ptr<TlsContext> tls,
                                                           WebSocketOptions options) {
  const auto executor = co_await asio::this_coro::executor;
  Wire wire(executor);
  wire.expires_after(options.handshake_timeout);
  const auto connected = co_await wire.connect(url.host, url.port);
  if (!connected) co_return connected.error();
  if (url.tls) {
    const auto trusted = co_await wire.secure_as_client(tls, url.host);
    if (!trusted) co_return trusted.error();
  }
  auto upgraded = std::make_unique<WireWebSocket>(std::move(wire), options);
  const auto host = url.host_header();
  const auto open = co_await upgraded->handshake(host, url.target);
  if (!open) co_return open.error();
  co_return std::unique_ptr<WebSocket>(std::move(upgraded));
}

}  // namespace converge::net
