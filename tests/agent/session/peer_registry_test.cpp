#include "agent/session/peer_registry.h"

#include <catch2/catch.hpp>

#include <string>

namespace converge::session {
namespace {

using namespace std::chrono_literals;
using Kind = PeerRegistry::Decision::Kind;

PeerRegistry::Candidate candidate(std::uint64_t connection, const std::string& peer_id,
                                  const std::string& address = "10.0.0.1",
                                  const std::string& storage_id = "") {
  return {ConnectionId{connection}, peer_id, Role::kServer, address, storage_id};
}

}  // namespace

TEST_CASE("a newer connection displaces the older one of the same peer id", "[session]") {
  PeerRegistry registry("me");
  const Time now{};
  CHECK(registry.admit(candidate(1, "alice"), now).kind == Kind::kAdmit);

  const auto decision = registry.admit(candidate(2, "alice"), now);

  CHECK(decision.kind == Kind::kAdmit);
  CHECK(decision.displaced == ConnectionId{1});
  CHECK(registry.find("alice") == ConnectionId{2});
  registry.remove(ConnectionId{1});  // the old one reports its end late
  CHECK(registry.find("alice") == ConnectionId{2});
  registry.remove(ConnectionId{2});
  CHECK_FALSE(registry.find("alice"));
}

TEST_CASE("our own peer id is refused", "[session]") {
  PeerRegistry registry("me");
  CHECK(registry.admit(candidate(1, "me"), Time{}).kind == Kind::kOwnId);
  CHECK(registry.size() == 0);
}

TEST_CASE("the flap guard refuses the newer one after three displacements", "[session]") {
  PeerRegistry registry("me");
  Time now{};
  std::uint64_t connection = 0;
  const auto join = [&](const char* address) {
    now += 1s;
    return registry.admit(candidate(++connection, "twin", address), now);
  };
  CHECK(join("10.0.0.1").kind == Kind::kAdmit);
  CHECK(join("10.0.0.2").kind == Kind::kAdmit);
  CHECK(join("10.0.0.1").kind == Kind::kAdmit);
  CHECK(join("10.0.0.2").kind == Kind::kAdmit);

  CHECK(join("10.0.0.1").kind == Kind::kFlapping);
  CHECK(registry.find("twin") == ConnectionId{4});

  SECTION("for thirty seconds") {
    now += 25s;
    CHECK(join("10.0.0.1").kind == Kind::kFlapping);
    now += 60s;
    CHECK(join("10.0.0.1").kind == Kind::kAdmit);
  }
  SECTION("but not when the id is free again") {
    registry.remove(ConnectionId{4});
    CHECK(join("10.0.0.1").kind == Kind::kAdmit);
  }
}

TEST_CASE("one device that reconnects often does not flap", "[session]") {
  PeerRegistry registry("me");
  for (std::uint64_t i = 1; i < 20; ++i) {
    CHECK(registry.admit(candidate(i, "phone", "10.0.0.1", "storage"), Time{}).kind ==
          Kind::kAdmit);
  }
}

TEST_CASE("of two agents that dial each other the smaller id's dial stays", "[session]") {
  const Time now{};
  const auto dialled_by_us = [](std::uint64_t connection, const char* peer) {
    auto c = candidate(connection, peer);
    c.role = Role::kClient;
    return c;
  };
  SECTION("seen by the smaller") {
    PeerRegistry registry("a");
    SECTION("own dial first") {
      CHECK(registry.admit(dialled_by_us(1, "b"), now).kind == Kind::kAdmit);
      CHECK(registry.admit(candidate(2, "b"), now).kind == Kind::kDuplicate);
      CHECK(registry.find("b") == ConnectionId{1});
    }
    SECTION("own dial second") {
      CHECK(registry.admit(candidate(1, "b"), now).kind == Kind::kAdmit);
      CHECK(registry.admit(dialled_by_us(2, "b"), now).displaced == ConnectionId{1});
    }
  }
  SECTION("seen by the greater") {
    PeerRegistry registry("b");
    SECTION("own dial first") {
      CHECK(registry.admit(dialled_by_us(1, "a"), now).kind == Kind::kAdmit);
      CHECK(registry.admit(candidate(2, "a"), now).displaced == ConnectionId{1});
    }
    SECTION("own dial second") {
      CHECK(registry.admit(candidate(1, "a"), now).kind == Kind::kAdmit);
      CHECK(registry.admit(dialled_by_us(2, "a"), now).kind == Kind::kDuplicate);
    }
  }
}

TEST_CASE("the record of displacements is bounded", "[session]") {
  PeerRegistry registry("me", {.flap_records_max = 8});
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::string id = "peer" + std::to_string(i);
    const Time now = Time{} + std::chrono::milliseconds(i);
    CHECK(registry.admit(candidate(2 * i + 1, id), now).kind == Kind::kAdmit);
    CHECK(registry.admit(candidate(2 * i + 2, id, "10.0.0.2"), now).kind == Kind::kAdmit);
  }
  CHECK(registry.size() == 100);
}

}  // namespace converge::session
