#include "agent/telemetry/log.h"

#include "tests/support/fake_clock.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <sstream>
#include <string>

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

TEST_CASE("the newest lines are kept for whoever asks, with numbers to go on from") {
  FakeClock clock;
  std::ostringstream out;
  Log log(clock, Level::kInfo, Log::Format::kText, out);

  log.write(Level::kInfo, "a", "first", {{"peer", "nas"}});
  log.write(Level::kDebug, "b", "below the level");
  log.write(Level::kWarn, "c", "second");

  const auto all = log.lines(0, 10);
  REQUIRE(all.size() == 2);
  CHECK(all[0].code == "a");
  CHECK(all[0].fields.at(0).second == "nas");
  CHECK(all[0].at_ms == clock.wall_now_ms());
  CHECK(all[1].level == Level::kWarn);
  CHECK(all[1].number == all[0].number + 1);
  CHECK(log.lines(all[0].number, 10).size() == 1);
  CHECK(log.lines(all[1].number, 10).empty());
  CHECK(log.lines(0, 1).front().code == "a");
}

TEST_CASE("what is kept is bounded in lines and in bytes") {
  FakeClock clock;
  std::ostringstream out;
  Log log(clock, Level::kInfo, Log::Format::kText, out);

  SECTION("lines") {
    for (std::size_t i = 0; i < Log::kLinesKept + 10; ++i) {
      log.write(Level::kInfo, "line", std::to_string(i));
      clock.advance(std::chrono::seconds(2));  // no flood
    }
    const auto kept = log.lines(0, Log::kLinesKept + 10);
    CHECK(kept.size() == Log::kLinesKept);
    CHECK(kept.back().message == std::to_string(Log::kLinesKept + 9));
  }
  SECTION("bytes") {
    for (int i = 0; i < 12; ++i)
      log.write(Level::kInfo, "line", std::string(Log::kBytesKept / 10, 'x'));
    CHECK(log.lines(0, 100).size() == 9);
    log.write(Level::kInfo, "line", std::string(Log::kBytesKept * 2, 'x'));
    CHECK(log.lines(0, 100).size() == 1);
  }
}

TEST_CASE("a listener hears of each line that is written, until it is taken back") {
  FakeClock clock;
  std::ostringstream out;
  Log log(clock, Level::kInfo, Log::Format::kText, out);
  int heard = 0;

  log.set_listener([&] { ++heard; });
  log.write(Level::kInfo, "a", "x");
  log.write(Level::kDebug, "a", "x");
  log.set_listener(nullptr);
  log.write(Level::kInfo, "a", "x");

  CHECK(heard == 1);
}

TEST_CASE("the format changes at run time") {
  FakeClock clock;
  std::ostringstream out;
  Log log(clock, Level::kInfo, Log::Format::kText, out);

  log.set_format(Log::Format::kJson);
  log.write(Level::kInfo, "a", "x");

  CHECK(nlohmann::json::parse(out.str())["code"] == "a");
}
