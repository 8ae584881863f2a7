#include "agent/runtime/endpoint.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <sys/stat.h>

namespace converge::runtime {
namespace {

namespace fs = std::filesystem;

config::Config listening(const std::string& address, config::ListenTls tls) {
  config::Config config;
  config.listen = address;
  config.listen_tls = tls;
  return config;
}

}  // namespace

TEST_CASE("TLS is spoken everywhere, and plain WebSocket beside it on loopback alone",
          "[runtime]") {
  using config::ListenTls;
  struct Case {
    const char* address;
    ListenTls tls;
    bool expect_tls;
    bool expect_plain;
  };
  for (const Case& c : {
           Case{"127.0.0.1:4433", ListenTls::kAuto, true, true},
           Case{"[::1]:4433", ListenTls::kAuto, true, true},
           Case{"0.0.0.0:4433", ListenTls::kAuto, true, false},
           Case{"192.168.1.2:4433", ListenTls::kAuto, true, false},
           Case{"127.0.0.1:4433", ListenTls::kOn, true, false},
           Case{"127.0.0.1:4433", ListenTls::kOff, false, true},
           Case{"0.0.0.0:4433", ListenTls::kOff, false, true},
       }) {
    const auto transport = transport_of(listening(c.address, c.tls));
    CHECK(transport.tls == c.expect_tls);
    CHECK(transport.plain == c.expect_plain);
  }
}

TEST_CASE("an invitation names where this machine can be reached", "[runtime]") {
  using config::ListenTls;
  CHECK(urls_of(listening("127.0.0.1:0", ListenTls::kAuto), 7) ==
        std::vector<std::string>{"wss://127.0.0.1:7"});
  CHECK(urls_of(listening("[::1]:0", ListenTls::kOff), 7) ==
        std::vector<std::string>{"ws://[::1]:7"});
  CHECK(urls_of(listening("off", ListenTls::kAuto), 0).empty());

  auto behind_a_proxy = listening("127.0.0.1:0", ListenTls::kAuto);
  behind_a_proxy.advertise = "wss://nas.example/sync";
  CHECK(urls_of(behind_a_proxy, 7).front() == "wss://nas.example/sync");

  // A wildcard is no address to call.
  for (const std::string& url : urls_of(listening("0.0.0.0:0", ListenTls::kAuto), 7)) {
    CHECK(url.find("0.0.0.0") == std::string::npos);
    CHECK(url.find("127.0.0.1") == std::string::npos);
  }
}

TEST_CASE("the device key is made once, for its owner alone, and only when it is needed",
          "[runtime]") {
  std::string pattern = (fs::temp_directory_path() / "converge-endpoint-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  const fs::path dir = pattern;
  auto config = listening("off", config::ListenTls::kAuto);
  config.keys_dir = dir / "keys";

  const auto unused = open_identity(config, "laptop", /*dials=*/false);
  REQUIRE(unused);
  CHECK_FALSE(unused->has_value());
  CHECK_FALSE(fs::exists(config.keys_dir));

  const auto made = open_identity(config, "laptop", /*dials=*/true);
  REQUIRE(made);
  REQUIRE(made->has_value());
  struct stat info {};
  REQUIRE(::stat((config.keys_dir / "device.key").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  config.listen = "127.0.0.1:0";
  const auto again = open_identity(config, "laptop", /*dials=*/false);
  REQUIRE(again);
  CHECK((*again)->fingerprint() == (*made)->fingerprint());

  config.keys_dir.clear();  // ephemeral
  const auto in_memory = open_identity(config, "laptop", false);
  REQUIRE(in_memory);
  CHECK((*in_memory)->fingerprint() != (*made)->fingerprint());

  config.keys_dir = dir / "keys" / "device.key" / "below a file";
  const auto impossible = open_identity(config, "laptop", false);
  REQUIRE_FALSE(impossible);
  CHECK(impossible.error().code == ErrorCode::kIo);
  fs::remove_all(dir);
}

}  // namespace converge::runtime
