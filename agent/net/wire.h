#pragma once

#include "agent/net/task.h"
#include "agent/net/tls_context.h"
#include "core/base/result.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace boost::beast {
enum class role_type;
}

/// What lies under a WebSocket. Internal to agent/net. Network thread only.
namespace converge::net {

/// Of an operation on an open connection: kTimeout or kIo.
Error io_error(const std::string& what, const error_code& error);

/// The bytes of a connection: TCP, or TLS over it. An Asio AsyncReadStream and AsyncWriteStream
/// whose operations all complete through one type of function: what is composed of them is compiled
/// once, not for each stream and again below for each operation.
class Wire {
 public:
  using executor_type = asio::any_io_executor;
  /// A completion handler, whatever its type was, with the slot through which it is cancelled.
  template <class... Results>
  struct Done {
    using cancellation_slot_type = asio::cancellation_slot;
    std::function<void(error_code, Results...)> handler;
    asio::cancellation_slot slot;
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
    void operator()(error_code error, Results... results) const { handler(error, results...); }
  };
  /// At most so many pieces move in one operation; who wants more asks again, as for any `_some`.
  static constexpr std::size_t kPiecesMax = 8;
  template <class Buffer>
  struct Pieces {
    using value_type = Buffer;
    using const_iterator = const Buffer*;
    std::array<Buffer, kPiecesMax> list = {};
    std::size_t size = 0;
    const Buffer* begin() const { return list.data(); }
    const Buffer* end() const { return list.data() + size; }
  };

  explicit Wire(asio::ip::tcp::socket socket);
  explicit Wire(const executor_type& executor);
  ~Wire();
  Wire(Wire&& other) noexcept;
  Wire& operator=(Wire&& other) noexcept;

  executor_type get_executor();
  /// A deadline for all that is begun from now on; when it passes, the connection closes.
  void expires_after(std::chrono::milliseconds time);
  void expires_never();
  void close();

  /// Connects to the first of the name's addresses that answers. Errors: kUnavailable, kTimeout.
  Task<Result<void>> connect(std::string host, std::string port);
  struct Opening {
    bool is_tls = false;
    std::string bytes = {};  ///< read to tell, wanted by whoever reads next
  };
  /// How the other end begins. Errors: kTimeout, kIo.
  Task<Result<Opening>> detect_tls();
  /// TLS from here on; `read`: bytes that came already. Errors: kTimeout, kIo.
  Task<Result<void>> secure_as_server(std::shared_ptr<TlsContext> tls, std::string read);
  /// TLS from here on. The certificate has to carry the pinned key, or to be signed for the host by
  /// a known authority. Errors: kInvalid (host name), kTimeout, kDenied ("peer.untrusted" for a key
  /// that is not the pinned one).
  Task<Result<void>> secure_as_client(std::shared_ptr<TlsContext> tls, std::string host);
  /// SHA-256 of the other end's public key in hex; empty without TLS or certificate.
  std::string fingerprint() const;

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [](auto handler, Wire* self, const Buffers& b) {
          self->read(pieces<asio::mutable_buffer>(b), erased<std::size_t>(std::move(handler)));
        },
        token, this, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [](auto handler, Wire* self, const Buffers& b) {
          self->write(pieces<asio::const_buffer>(b), erased<std::size_t>(std::move(handler)));
        },
        token, this, buffers);
  }

  /// Beast's customisation points: the end at once (a deadline passed), and saying goodbye on TCP
  /// or TLS after the WebSocket's close.
  friend void beast_close_socket(Wire& wire) { wire.close(); }
  template <class Handler>
  friend void async_teardown(boost::beast::role_type role, Wire& wire, Handler handler) {
    wire.teardown(role, erased<>(std::move(handler)));
  }

 private:
  struct Impl;

  /// std::function wants copies, Asio's handlers only move.
  template <class... Results, class Handler>
  static Done<Results...> erased(Handler handler) {
    const auto slot = asio::get_associated_cancellation_slot(handler);
    auto shared = std::make_shared<Handler>(std::move(handler));
    return {[shared = std::move(shared)](auto... results) { (*shared)(results...); }, slot};
  }

  template <class Buffer, class Buffers>
  static Pieces<Buffer> pieces(const Buffers& buffers) {
    Pieces<Buffer> out;
    const auto end = asio::buffer_sequence_end(buffers);
    for (auto it = asio::buffer_sequence_begin(buffers); it != end && out.size < kPiecesMax; ++it) {
      out.list[out.size++] = Buffer(*it);
    }
    return out;
  }

  void read(const Pieces<asio::mutable_buffer>& pieces, Done<std::size_t> done);
  void write(const Pieces<asio::const_buffer>& pieces, Done<std::size_t> done);
  void teardown(boost::beast::role_type role, Done<> done);

  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::net
