#include "agent/runtime/peer_records.h"

#include "agent/runtime/peer_limits.h"

#include <catch2/catch.hpp>

#include <string>

namespace converge::runtime {

TEST_CASE("a peer's settings come back from the store as they were", "[runtime]") {
  handlers::PeerSettings settings;
  settings.name = "nas";
  settings.url = "wss://nas.example:4433";
  settings.key = "SHA256:" + std::string(64, 'a');
  settings.policy = "pull";
  settings.rate = "2MB/s";
  settings.collections = {"todo", "notes/**"};
  settings.paused = true;
  CHECK(from_record(to_record(settings)) == settings);

  auto record = to_record(settings);
  record.attributes.emplace_back("of a later version", "x");
  CHECK(from_record(record) == settings);
  CHECK(to_record(settings).key == peer_key_of("nas"));
}

TEST_CASE("the rate has a least value and is refused one byte below it", "[runtime]") {
  CHECK(*parse_rate("64KiB/s") == 65536);
  CHECK(*parse_rate("2MB") == 2'000'000);
  CHECK(*parse_rate(std::to_string(kPeerRateMin)) == kPeerRateMin);
  for (const std::string& wrong : {std::to_string(kPeerRateMin - 1), std::string("fast"),
                                   std::string("/s"), std::string("")}) {
    const auto rate = parse_rate(wrong);
    REQUIRE_FALSE(rate);
    CHECK(rate.error().id == "usage.argument");
  }
}

}  // namespace converge::runtime
