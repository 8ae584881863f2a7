#include "core/control/error_table.h"
#include "tests/agent/control/fake_services.h"

#include <catch2/catch.hpp>

#include <string>

using namespace converge;
using converge::testing::FakeServices;
using Json = nlohmann::json;
using telemetry::Level;

TEST_CASE("log lines are chosen by level and by time", "[control]") {
  FakeServices services;
  services.log().write(Level::kInfo, "a", "early");
  services.after(std::chrono::hours(3), [&services] {
    services.log().write(Level::kWarn, "b", "late \x1b[31m", {{"peer", "nas"}});
  });
  services.settle();

  const auto codes = [&](Json params) {
    std::string out;
    const Json list = services.must("agent.logs", std::move(params));
    for (const Json& line : list["items"]) out += line["code"].get<std::string>();
    return out;
  };

  CHECK(codes(Json::object()) == "ab");
  CHECK(codes({{"level", "warn"}}) == "b");
  CHECK(codes({{"since", "2h"}}) == "b");
  CHECK(codes({{"since", "4h"}}) == "ab");
  CHECK(services.must("agent.logs", {{"level", "warn"}})["items"][0]["fields"]["peer"] == "nas");
}

TEST_CASE("metrics come as text or as samples", "[control]") {
  FakeServices services;
  services.metrics().counter("x_total", "X.", {{"kind", "y"}}).add(2);

  CHECK(services.must("agent.metrics", {{"text", true}})["text"].get<std::string>().find(
            "x_total{kind=\"y\"} 2") != std::string::npos);
  const Json items = services.must("agent.metrics", Json::object())["items"];
  const auto found = std::find_if(items.begin(), items.end(),
                                  [](const Json& item) { return item["name"] == "x_total"; });
  REQUIRE(found != items.end());
  CHECK((*found)["samples"][0] ==
        Json{{"name", "x_total"}, {"labels", {{"kind", "y"}}}, {"value", 2}});
}

TEST_CASE("a level lasts seven days at most", "[control]") {
  FakeServices services;
  constexpr std::uint64_t kWeekMs = 604'800'000;

  CHECK(*services.ask("agent.level", {{"level", "debug"}, {"for_ms", kWeekMs}}));
  const auto longer = services.ask("agent.level", {{"level", "debug"}, {"for_ms", kWeekMs + 1}});
  REQUIRE_FALSE(*longer);
  CHECK(control::is(longer->error(), control::ErrorId::kUsageArgument));
}

TEST_CASE("settings say when the newest change came in", "[control]") {
  FakeServices services;
  CHECK(services.must("agent.settings", Json::object())["last_received_at"].is_null());

  services.must("doc.new", {{"name", "n"}});

  const Json settings = services.must("agent.settings", Json::object());
  CHECK(settings["last_received_at"] == "2025-11-20T09:00:00.120Z");
  CHECK(settings["settings"]["log.level"] == "info");
}
