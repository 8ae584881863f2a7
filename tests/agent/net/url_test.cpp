#include "agent/net/url.h"

#include <catch2/catch.hpp>

namespace converge::net {

TEST_CASE("a WebSocket URL falls into its parts", "[net]") {
  struct Case {
    const char* url;
    bool tls;
    const char* host;
    const char* port;
    const char* target;
    const char* host_header;
  };
  const Case cases[] = {
      {"ws://localhost", false, "localhost", "80", "/", "localhost"},
      {"ws://localhost:3030/", false, "localhost", "3030", "/", "localhost:3030"},
      {"wss://example.org/a/b?c=d", true, "example.org", "443", "/a/b?c=d", "example.org"},
      {"wss://example.org?x", true, "example.org", "443", "/?x", "example.org"},
      {"ws://[::1]:8080/x", false, "::1", "8080", "/x", "[::1]:8080"},
      {"ws://127.0.0.1:65535", false, "127.0.0.1", "65535", "/", "127.0.0.1:65535"},
  };
  for (const auto& c : cases) {
    INFO(c.url);
    const auto url = parse_websocket_url(c.url);
    REQUIRE(url);
    CHECK(url->tls == c.tls);
    CHECK(url->host == c.host);
    CHECK(url->port == c.port);
    CHECK(url->target == c.target);
    CHECK(url->host_header() == c.host_header);
  }
}

TEST_CASE("what is no WebSocket URL is refused", "[net]") {
  for (const char* bad :
       {"", "localhost:1", "http://a", "ws://", "ws://:1", "ws://a:0", "ws://a:65536", "ws://a:x",
        "ws://a:", "ws://u:p@a", "ws://a b", "ws://a/\n", "ws://a/#x", "ws://[::1", "WS://a"}) {
    INFO(bad);
    const auto url = parse_websocket_url(bad);
    REQUIRE_FALSE(url);
    CHECK(url.error().code == ErrorCode::kInvalid);
  }
}

}  // namespace converge::net
