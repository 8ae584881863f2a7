#include "core/control/error_table.h"
#include "tests/agent/control/fake_services.h"

#include <catch2/catch.hpp>

#include <string>

using namespace converge;
using converge::testing::FakeServices;
using Json = nlohmann::json;

namespace {

const std::string kNas = std::string(63, '1') + "f";
const std::string kPhone = std::string(64, '2');

void add_peer(FakeServices& services, const std::string& name, const std::string& key) {
  handlers::PeerView peer;
  peer.name = name;
  peer.url = "wss://" + name + ":4433";
  peer.key = "SHA256:" + key;
  services.peer_views.push_back(peer);
}

FakeServices& with_peers(FakeServices& services) {
  add_peer(services, "nas", kNas);
  add_peer(services, "phone", kPhone);
  return services;
}

}  // namespace

TEST_CASE("keys are this device's, those of peers, and those revoked", "[control]") {
  FakeServices services;
  with_peers(services).revoked = {kPhone, std::string(64, '9')};

  const Json items = services.must("key.list", Json::object())["items"];

  REQUIRE(items.size() == 4);
  CHECK(items[0]["state"] == "own");
  CHECK(items[1]["peers"] == Json{"nas"});
  CHECK(items[1]["state"] == "pinned");
  CHECK(items[2]["state"] == "revoked");
  CHECK(items[2]["peers"] == Json{"phone"});
  CHECK(items[3]["peers"].empty());
}

TEST_CASE("a key is found by self, a peer's name, a fingerprint or its beginning", "[control]") {
  FakeServices services;
  with_peers(services);

  for (const std::string& word : {std::string("nas"), kNas, "SHA256:" + kNas, kNas.substr(0, 8),
                                  "SHA256:" + kNas.substr(0, 8)})
    CHECK(services.must("key.show", {{"key", word}})["key"] == "SHA256:" + kNas);
  CHECK(services.must("key.show", {{"key", "self"}})["own"] == true);
  for (const char* word : {"", "1111111", "nobody", "SHA256:"}) {
    const auto answer = services.ask("key.show", {{"key", word}});
    REQUIRE_FALSE(*answer);
    CHECK(control::exit_code_of(answer->error()) == control::exit_code::kNotFound);
  }
}

TEST_CASE("revoking names a key known or whole, and never the own", "[control]") {
  FakeServices services;
  with_peers(services);

  CHECK(services.must("key.revoke", {{"key", "nas"}, {"dry_run", true}})["state"] == "revoked");
  CHECK(services.revoked.empty());
  services.must("key.revoke", {{"key", "nas"}});
  services.must("key.revoke", {{"key", std::string(64, 'e')}});
  CHECK(services.revoked == std::vector<std::string>{kNas, std::string(64, 'e')});
  CHECK_FALSE(*services.ask("key.revoke", {{"key", "self"}}));
  CHECK_FALSE(*services.ask("key.revoke", {{"key", std::string(63, 'e') + "g"}}));
}

TEST_CASE("trusting pins a key and takes its revocation back", "[control]") {
  FakeServices services;
  with_peers(services).revoked = {kPhone};

  CHECK(services.must("key.trust", {{"peer", "nas"}, {"key", "SHA256:" + kPhone}})["key"] ==
        "SHA256:" + kPhone);
  CHECK(services.revoked.empty());
  CHECK_FALSE(*services.ask("key.trust", {{"peer", "nobody"}, {"key", "SHA256:" + kNas}}));
  CHECK_FALSE(*services.ask("key.trust", {{"peer", "nas"}, {"key", "not a key"}}));
}
