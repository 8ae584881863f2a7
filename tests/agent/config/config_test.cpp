#include "agent/config/environment.h"
#include "agent/config/flags.h"
#include "agent/config/keys.h"
#include "agent/config/man.h"
#include "agent/config/toml_file.h"
#include "agent/config/units.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace converge;
using namespace converge::config;

namespace {

Environment environment_of(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

Result<Config> from_arguments(const std::vector<std::string>& arguments,
                              std::map<std::string, std::string, std::less<>> variables) {
  const auto line = parse_command_line(arguments);
  if (!line) return line.error();
  // A home that does not exist, so that no file of the developer's is read.
  variables.try_emplace("HOME", "/nonexistent/home");
  return resolve(*line, environment_of(std::move(variables)));
}

}  // namespace

TEST_CASE("durations and sizes take the suffixes of the contract and nothing else", "[config]") {
  CHECK(parse_duration("500ms")->count() == 500);
  CHECK(parse_duration("2h")->count() == 7'200'000);
  CHECK(parse_duration("0")->count() == 0);
  for (const char* bad : {"", "5", "5d", "-1s", "s", "1 s", "99999999999999999999s"}) {
    CHECK_FALSE(parse_duration(bad));
  }
  CHECK(*parse_size("64KiB") == 65536);
  CHECK(*parse_size("10MB") == 10'000'000);
  CHECK(*parse_size("7") == 7);
  for (const char* bad : {"", "KiB", "1kib", "-1", "99999999999TiB"}) CHECK_FALSE(parse_size(bad));
}

TEST_CASE("an address is host and port, with brackets around IPv6", "[config]") {
  CHECK(parse_host_port("127.0.0.1:0")->port == 0);
  CHECK(parse_host_port("[::1]:4433")->host == "::1");
  CHECK(parse_host_port("nas.example:65535")->host == "nas.example");
  for (const char* bad : {"", ":1", "localhost", "::1:4433", "a:65536", "a:-1", "a:"}) {
    CHECK_FALSE(parse_host_port(bad));
  }
}

TEST_CASE("the configuration file sets keys and errors carry file, line and column", "[config]") {
  Config config;
  REQUIRE(
      apply_toml("[store]\ndir = \"/srv/s\"\ndocument_cache = \"2MiB\"\n[agent]\nshards = 3\n"
                 "[log]\nlevel = \"debug\"\n",
                 "syncd.toml", config));
  CHECK(config.store_dir == "/srv/s");
  CHECK(config.document_cache_bytes == 2u << 20);
  CHECK(config.shards == 3);
  CHECK(config.log_level == LogLevel::kDebug);

  struct Case {
    const char* text;
    const char* expected;
  };
  for (const Case& wrong : {
           Case{"[store]\ndri = \"/x\"\n", "syncd.toml:2:1: \"store.dri\" is not a setting"},
           Case{"[agent]\nshards = \"3\"\n",
                "syncd.toml:2:10: \"agent.shards\" must be a whole number"},
           Case{"[agent]\nshards = 1000\n", "syncd.toml:2:10: \"agent.shards\": "},
           Case{"[log]\nlevel = \"loud\"\n", "syncd.toml:2:9: \"log.level\": \"loud\""},
           Case{"[listen]\naddress = \"nowhere\"\n", "syncd.toml:2:11: \"listen.address\": "},
           Case{"[store\n", "syncd.toml:1:"},
       }) {
    const auto done = apply_toml(wrong.text, "syncd.toml", config);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == ErrorCode::kInvalid);
    CHECK_THAT(done.error().message, Catch::Matchers::StartsWith(wrong.expected));
  }
}

TEST_CASE("flags are stronger than the environment, which is stronger than the defaults",
          "[config]") {
  const auto plain = from_arguments({}, {{"XDG_RUNTIME_DIR", "/run/user/7"}});
  REQUIRE(plain);
  CHECK(plain->store_dir == "/nonexistent/home/.local/share/syncd/store");
  CHECK(plain->socket == "/run/user/7/syncd/syncd.sock");
  CHECK(plain->listen == "127.0.0.1:4433");

  const auto mixed = from_arguments({"--log-level=warn", "--store", "/flag"},
                                    {{"SYNCD_STORE_DIR", "/env"}, {"SYNCD_AGENT_SHARDS", "5"}});
  REQUIRE(mixed);
  CHECK(mixed->store_dir == "/flag");
  CHECK(mixed->shards == 5);
  CHECK(mixed->log_level == LogLevel::kWarn);
}

TEST_CASE("without a runtime directory the socket is where syncctl looks for it", "[config]") {
  CHECK(from_arguments({}, {})->socket == "/nonexistent/home/.local/state/syncd/run/syncd.sock");
}

TEST_CASE("an ephemeral agent takes a free port unless told otherwise", "[config]") {
  CHECK(from_arguments({"--ephemeral"}, {})->listen == "127.0.0.1:0");
  CHECK(from_arguments({"--ephemeral", "--listen", "127.0.0.1:99"}, {})->listen == "127.0.0.1:99");
}

TEST_CASE("keys are kept beside the store, and in memory for an ephemeral agent", "[config]") {
  CHECK(from_arguments({}, {})->keys_dir == "/nonexistent/home/.local/share/syncd/keys");
  CHECK(from_arguments({"--keys", "/srv/keys"}, {})->keys_dir == "/srv/keys");
  CHECK(from_arguments({"--ephemeral"}, {})->keys_dir.empty());
  CHECK(from_arguments({"--ephemeral", "--keys", "/srv/keys"}, {})->keys_dir == "/srv/keys");
}

TEST_CASE("origins are listed one by one, and none is admitted unless listed", "[config]") {
  CHECK(from_arguments({}, {})->origins.empty());
  const auto two =
      from_arguments({}, {{"SYNCD_LISTEN_ORIGINS", "https://app.example, http://localhost:5173"}});
  REQUIRE(two);
  CHECK(two->origins == std::vector<std::string>{"https://app.example", "http://localhost:5173"});
  CHECK(from_arguments({}, {{"SYNCD_LISTEN_ORIGINS", "*"}})->origins.size() == 1);
  for (const char* wrong :
       {"app.example", "https://", "https://app.example/path", "a,,b", "://x"}) {
    CHECK_FALSE(from_arguments({}, {{"SYNCD_LISTEN_ORIGINS", wrong}}));
  }
}

TEST_CASE("TLS of the listener is on, off or left to the address", "[config]") {
  CHECK(from_arguments({}, {})->listen_tls == ListenTls::kAuto);
  CHECK(from_arguments({}, {{"SYNCD_LISTEN_TLS", "on"}})->listen_tls == ListenTls::kOn);
  CHECK(from_arguments({}, {{"SYNCD_LISTEN_TLS", "off"}})->listen_tls == ListenTls::kOff);
  CHECK_FALSE(from_arguments({}, {{"SYNCD_LISTEN_TLS", "yes"}}));
}

TEST_CASE("a relative XDG directory counts as unset", "[config]") {
  const auto config = from_arguments({}, {{"XDG_DATA_HOME", "relative"}});
  REQUIRE(config);
  CHECK(config->store_dir == "/nonexistent/home/.local/share/syncd/store");
}

TEST_CASE("wrong command lines are refused and named", "[config]") {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"--nosuch"},
                                             {"word"},
                                             {"--store"},
                                             {"--shards", "many"},
                                             {"--listen=here"},
                                             {"--config", "/nonexistent/file.toml"},
                                             {"--socket", std::string(200, 'x')}}) {
    CHECK_FALSE(from_arguments(arguments, {}));
  }
  const auto bad = from_arguments({}, {{"SYNCD_LOG_LEVEL", "loud"}});
  REQUIRE_FALSE(bad);
  CHECK_THAT(bad.error().message, Catch::Matchers::StartsWith("SYNCD_LOG_LEVEL: "));
}

TEST_CASE("every key is listed once and its default is accepted", "[config]") {
  std::set<std::string_view> seen;
  for (const KeySpec& spec : keys()) {
    if (!spec.key.empty()) CHECK(seen.insert(spec.key).second);
    if (!spec.flag.empty())
      CHECK(help_text().find("--" + std::string(spec.flag)) != std::string::npos);
    if (spec.default_text.empty() || spec.default_text.front() == '$') continue;
    Config config;
    CHECK(spec.apply(config, spec.default_text));
  }
}

TEST_CASE("the table's defaults are the built-in ones, and what is shown can be read back",
          "[config]") {
  for (const KeySpec& spec : keys()) {
    INFO(spec.key << spec.flag);
    const Config built_in;
    const std::string shown = spec.show(built_in);
    if (spec.default_text.starts_with("$")) {
      CHECK(shown.empty());  // a place that depends on the environment
      continue;
    }
    CHECK(shown == spec.default_text);
    if (shown.empty()) continue;
    Config again;
    REQUIRE(spec.apply(again, shown));
    CHECK(spec.show(again) == shown);
  }
}

TEST_CASE("durations and sizes are shown in the largest unit that is exact", "[config]") {
  using std::chrono::milliseconds;
  CHECK(format_duration(milliseconds(0)) == "0");
  CHECK(format_duration(milliseconds(1500)) == "1500ms");
  CHECK(format_duration(milliseconds(90'000)) == "90s");
  CHECK(format_duration(milliseconds(7'200'000)) == "2h");
  CHECK(format_size(0) == "0");
  CHECK(format_size(1000) == "1000");
  CHECK(format_size(64u << 20) == "64MiB");
  for (const std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{1} << 50, ~std::uint64_t{0}}) {
    CHECK(parse_size(format_size(bytes)) == bytes);
  }
}

TEST_CASE("the committed pages of the agent are those of the table of keys", "[config]") {
  for (const auto& [name, content] : man_pages()) {
    INFO(name << " is out of date; refresh it with the build target \"reference\"");
    std::ifstream in(std::string(CONVERGE_SOURCE_DIR) + "/man/" + name, std::ios::binary);
    CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == content);
  }
}

TEST_CASE("the page's example is a configuration", "[config]") {
  Config config;
  REQUIRE(apply_toml(example_file(), "example", config));
  CHECK(config.metrics == "127.0.0.1:9464");
}

TEST_CASE("metrics are for loopback addresses alone", "[config]") {
  CHECK(from_arguments({"--metrics", "127.0.0.1:9464"}, {})->metrics == "127.0.0.1:9464");
  CHECK(from_arguments({"--metrics", "[::1]:0"}, {})->metrics == "[::1]:0");
  for (const char* wrong : {"0.0.0.0:1", "192.168.1.1:9464", "localhost:1", "9464", "127.0.0.1"})
    CHECK_FALSE(from_arguments({"--metrics", wrong}, {}));
  CHECK(from_arguments({"--ephemeral"}, {{"SYNCD_METRICS_ADDRESS", "127.0.0.1:1"}})->metrics ==
        "off");
}
