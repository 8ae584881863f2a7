#include "agent/telemetry/log.h"

#include "tests/support/fake_clock.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <sstream>

using converge::telemetry::Level;
using converge::telemetry::Log;
using converge::testing::FakeClock;

TEST_CASE("a text line holds time, level, code, message and fields") {
  FakeClock clock;
  std::ostringstream out;
  Log log(clock, Level::kInfo, Log::Format::kText, out);

  log.write(Level::kInfo, "peer.up", "peer connected", {{"peer", "nas"}});

  CHECK(out.str() == "2025-11-20T09:00:00.120Z info  peer.up peer connected peer=nas\n");
}

TEST_CASE("a json line parses and keeps invalid bytes from breaking it") {
  FakeClock clock;
  std::ostringstream out;
  Log log(clock, Level::kInfo, Log::Format::kJson, out);

  log.write(Level::kWarn, "peer.message", "bad \xff text", {{"peer", "a\nb"}});

  const auto line = nlohmann::json::parse(out.str());
  CHECK(line["level"] == "warn");
  CHECK(line["code"] == "peer.message");
  CHECK(line["peer"] == "a\nb");
}

TEST_CASE("control characters of a peer's words are escaped in text lines") {
  FakeClock clock;
  std::ostringstream out;
  Log log(clock, Level::kInfo, Log::Format::kText, out);

  log.write(Level::kInfo, "peer.up", "x\x1b[31m", {{"peer", "a\nb"}});

  CHECK(out.str().find('\x1b') == std::string::npos);
  CHECK(out.str().find("x\\u001b[31m peer=a\\u000ab\n") != std::string::npos);
}

TEST_CASE("lines below the level are left out, and the level changes at run time") {
  FakeClock clock;
  std::ostringstream out;
  Log log(clock, Level::kInfo, Log::Format::kText, out);

  log.write(Level::kDebug, "a", "no");
  log.set_level(Level::kDebug);
  log.write(Level::kDebug, "a", "yes");

  CHECK(out.str().find("no\n") == std::string::npos);
  CHECK(out.str().find("yes\n") != std::string::npos);
}

TEST_CASE("a flood of one code is cut and counted, other codes go on") {
  FakeClock clock;
  std::ostringstream out;
  Log log(clock, Level::kInfo, Log::Format::kText, out);

  for (int i = 0; i < 100; ++i) log.write(Level::kInfo, "flood", "line");
  log.write(Level::kInfo, "other", "heard");
  clock.advance(std::chrono::seconds(2));
  log.write(Level::kInfo, "flood", "line");

  CHECK(out.str().find("heard") != std::string::npos);
  CHECK(out.str().find("80 more lines like this were left out") != std::string::npos);
}
