#pragma once

#include "core/base/limits.h"
#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// JSON-RPC 2.0 as PROTOCOL.md has it: one message a line. No sockets here: bytes in, values out.
namespace converge::control {

/// What a caller may use as id: an integer or a string. Absent: nobody waits for an answer.
using RequestId = std::variant<std::int64_t, std::string>;

struct Request {
  std::optional<RequestId> id;
  std::string method;
  std::shared_ptr<const nlohmann::json> params;  ///< an object, never null
};

struct Response {
  std::optional<RequestId> id;                   ///< none: the request's id could not be read
  std::shared_ptr<const nlohmann::json> result;  ///< null: `error` is set
  std::optional<Error> error;
};

/// From agent to client: one event of a stream.
struct Notification {
  std::string method;
  std::shared_ptr<const nlohmann::json> params;
};

/// Each ends in a line break.
std::string encode_request(const RequestId& id, std::string_view method,
                           const nlohmann::json& params);
std::string encode_result(const std::optional<RequestId>& id, const nlohmann::json& result);
std::string encode_error(const std::optional<RequestId>& id, const Error& error);
std::string encode_notification(std::string_view method, const nlohmann::json& params);

/// A request that could not be read: the answer still goes to `id` when that much was legible.
struct BadRequest {
  std::optional<RequestId> id;
  Error error;
};

/// Server side. `line` without its line break. Missing params are an empty object.
std::variant<Request, BadRequest> parse_request(std::string_view line);

/// Client side. Errors: internal, for a line that is neither.
Result<std::variant<Response, Notification>> parse_reply(std::string_view line);

/// Cuts a byte stream into lines; holds at most `bytes_max` bytes of an unfinished one.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t bytes_max = limits::kControlMessageBytesMax)
      : bytes_max_(bytes_max) {}

  void feed(std::string_view bytes);
  /// The next whole line without "\n" or "\r\n"; nothing until more bytes come. Errors:
  /// input.too_large; the stream cannot be continued after it.
  Result<std::optional<std::string>> next();

 private:
  std::string buffer_;
  std::size_t scanned_ = 0;  ///< bytes of buffer_ known to hold no line break
  std::size_t start_ = 0;    ///< first byte not handed out
  std::size_t bytes_max_;
};

}  // namespace converge::control
