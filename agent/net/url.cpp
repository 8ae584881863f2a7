#include "agent/net/url.h"

#include <algorithm>
#include <charconv>

namespace converge::net {
namespace {

constexpr std::string_view kPlain = "ws://";
constexpr std::string_view kSecure = "wss://";

Error invalid(std::string_view url, std::string_view why) {
  return Error{ErrorCode::kInvalid, "URL '" + std::string(url) + "': " + std::string(why) +
                                        " (ws://host[:port][/path])"};
}

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= 65535;
}

}  // namespace

std::string WebSocketUrl::host_header() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  const std::string shown = is_v6 ? "[" + host + "]" : host;
  const bool is_default = port == (tls ? "443" : "80");
  return is_default ? shown : shown + ":" + port;
}

Result<WebSocketUrl> parse_websocket_url(std::string_view url) {
  const bool has_bad = std::any_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '#';
  });
  if (has_bad) return invalid(url, "spaces, control characters and fragments have no place in it");

  WebSocketUrl out;
  std::string_view rest = url;
  if (rest.starts_with(kSecure)) {
    out.tls = true;
    rest.remove_prefix(kSecure.size());
  } else if (rest.starts_with(kPlain)) {
    rest.remove_prefix(kPlain.size());
  } else {
    return invalid(url, "it has to begin with ws:// or wss://");
  }

  const std::size_t path = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, path);
  out.target = path == std::string_view::npos ? "/" : std::string(rest.substr(path));
  if (out.target.front() == '?') out.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) {
    return invalid(url, "user names and passwords are not taken from URLs");
  }

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return invalid(url, "the bracket is not closed");
    out.host = authority.substr(1, bracket - 1);
    port = authority.substr(bracket + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    out.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (out.host.empty()) return invalid(url, "there is no host");
  if (port.empty()) {
    out.port = out.tls ? "443" : "80";
    return out;
  }
  port.remove_prefix(1);
  if (!is_port(port)) return invalid(url, "the port is not a number from 1 to 65535");
  out.port = port;
  return out;
}

}  // namespace converge::net
