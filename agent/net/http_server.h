#pragma once

#include "core/base/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace converge::net {

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// A small HTTP/1.1 server for monitoring: GET and HEAD of paths, one request a connection, no
/// bodies. Every request gets an answer or is cut by a deadline: what does not parse is 400, what
/// is too long 431, another method 405, a body 400. Requests that name another host than this
/// machine (a web page that had its name resolve to a loopback address) are 403. Everything, the
/// handler included, runs on the thread of the io_context; post to it from others.
class HttpServer {
 public:
  struct Options {
    std::string address;     ///< of this machine: 127.0.0.1, ::1
    std::uint16_t port = 0;  ///< 0 takes a free one
    std::size_t connections_max = 32;
    std::chrono::milliseconds request_timeout{5'000};  ///< for reading and for writing
    std::chrono::milliseconds answer_timeout{2'000};   ///< then 503
  };
  /// Calls `answer` once, from any thread; later than the time-out it is ignored. `path` has no
  /// query.
  using Handler =
      std::function<void(const std::string& path, std::function<void(HttpAnswer)> answer)>;

  /// `io` outlives the server and every answer.
  HttpServer(boost::asio::io_context& io, Options options, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The port. Errors: kInvalid (no address of this machine), kConflict (taken), kDenied, kIo.
  Result<std::uint16_t> start();
  /// Cuts what is open. Calls `stopped` once, when nothing is left.
  void stop(std::function<void()> stopped);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace converge::net
