#pragma once

#include "core/base/result.h"

#include <string>
#include <string_view>

namespace converge::net {

/// The parts of a WebSocket URL.
struct WebSocketUrl {
  bool tls = false;
  std::string host = {};    ///< name or address; IPv6 without brackets
  std::string port = {};    ///< digits; the scheme's default when none was given
  std::string target = {};  ///< path and query, at least "/"

  /// For the Host header: brackets around IPv6, the port unless it is the scheme's default.
  std::string host_header() const;
};

/// Errors: kInvalid (scheme, user information, empty host, port not 1..65535, fragment, spaces or
/// control characters).
Result<WebSocketUrl> parse_websocket_url(std::string_view url);

}  // namespace converge::net
