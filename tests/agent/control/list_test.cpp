// Listings: pages show what the whole shows, and cost what they show.

#include "agent/control/pattern.h"
#include "tests/agent/control/fake_services.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

using namespace converge;
using converge::testing::FakeServices;
using Json = nlohmann::json;

namespace {

std::string name_of(std::size_t number) {
  return (number % 2 == 0 ? "todo/" : "notes/") + std::to_string(number);
}

/// Every third document without a name, some with several, one deleted, and a name without its
/// document.
void fill(FakeServices& services, std::size_t documents) {
  for (std::size_t i = 0; i < documents; ++i) {
    Json params{{"value", {{"n", i}}}};
    if (i % 3 != 0) params["name"] = name_of(i);
    services.must("doc.new", std::move(params));
  }
  const std::string shared = services.must("doc.heads", {{"doc", name_of(2)}})["id"];
  services.must("name.set", {{"name", "zebra"}, {"doc", shared}});
  services.must("name.set", {{"name", "aardvark"},
                             {"doc", services.must("doc.heads", {{"doc", name_of(4)}})["id"]}});
  services.must("doc.rm", {{"docs", {name_of(5)}}});
  DocumentId absent;
  absent.bytes.fill(std::byte{7});
  services.store().put_names({{"middle", {}, absent}},
                             [](const Result<store::CommitNumber>& done) { REQUIRE(done); });
  services.settle();
}

Json paged(FakeServices& services, Json params, std::size_t limit) {
  Json items = Json::array();
  params["limit"] = limit;
  while (true) {
    const Json page = services.must("doc.list", params);
    CHECK(page["items"].size() <= limit);
    for (const Json& item : page["items"]) items.push_back(item);
    REQUIRE(items.size() < 1000);
    if (page["next"].is_null()) return items;
    CHECK(page["items"].size() == limit);
    CHECK(page["next"] == page["items"].back()["id"]);
    params["after"] = page["next"];
  }
}

store::ReadStats reads(FakeServices& services) { return services.store().stats().reads; }

}  // namespace

TEST_CASE("pages put together are the whole listing", "[control]") {
  FakeServices services;
  fill(services, 120);
  const Json params = GENERATE(Json::object(), Json{{"patterns", {"todo/*"}}},
                               Json{{"patterns", {"*"}}}, Json{{"patterns", {"**/1?"}}});
  const Json whole = services.must("doc.list", params)["items"];
  REQUIRE(!whole.empty());
  for (const std::size_t limit : {1u, 7u, 16u, 29u}) {
    CAPTURE(params.dump(), limit);
    CHECK(paged(services, params, limit) == whole);
  }
}

TEST_CASE("a whole listing has named documents by their first name, then the others by id",
          "[control]") {
  FakeServices services;
  fill(services, 60);
  const Json items = services.must("doc.list", Json::object())["items"];
  REQUIRE(items.size() == 59);
  std::vector<std::pair<bool, std::string>> order;
  for (const Json& item : items) {
    const auto id = DocumentId::parse(item["id"].get<std::string>());
    REQUIRE(id);
    const auto names = services.store().names_of(*id).value();
    CHECK(item["name"] == (names.empty() ? Json() : Json(names.front())));
    order.emplace_back(names.empty(),
                       names.empty() ? std::string(as_text(id->bytes)) : names.front());
  }
  CHECK(std::ranges::is_sorted(order));
  CHECK(items[0]["name"] == "aardvark");
}

TEST_CASE("a page reads no more than it shows, and no document", "[control]") {
  FakeServices services(0);
  fill(services, 300);
  const std::string last_named = services.must("doc.heads", {{"doc", name_of(98)}})["id"];
  Json unnamed;  // the first behind all names
  const Json all = services.must("doc.list", Json::object());
  for (const Json& item : all["items"]) {
    if (item["name"].is_null() && unnamed.is_null()) unnamed = item["id"];
  }
  for (const Json& params :
       {Json::object(), Json{{"after", last_named}}, Json{{"after", unnamed}},
        Json{{"patterns", {"todo/*"}}}, Json{{"patterns", {"notes/*"}}, {"limit", 2u}}}) {
    CAPTURE(params.dump());
    Json asked = params;
    if (!asked.contains("limit")) asked["limit"] = 10u;
    const store::ReadStats before = reads(services);
    const Json page = services.must("doc.list", asked);
    const store::ReadStats after = reads(services);

    CHECK(page["items"].size() == asked["limit"]);
    CHECK(after.points - before.points <= 40);
    CHECK(after.ranges - before.ranges <= 20);
    CHECK(after.records - before.records <= 100);
  }
}

TEST_CASE("a whole listing reads headers and names in ranges", "[control]") {
  FakeServices services(0);
  fill(services, 300);
  const store::ReadStats before = reads(services);
  CHECK(services.must("doc.list", {{"sort", "updated"}, {"limit", 5u}})["items"].size() == 5);
  const store::ReadStats after = reads(services);
  CHECK(after.points - before.points <= 20);
  CHECK(after.ranges - before.ranges <= 10);
  CHECK(after.records - before.records <= 2 * 300);
}

TEST_CASE("a cursor of a document that the listing has not is expired", "[control]") {
  FakeServices services;
  fill(services, 60);
  const auto code = [&](Json params) {
    const auto answer = services.ask("doc.list", std::move(params));
    REQUIRE(answer);
    return *answer ? "" : answer->error().id;
  };
  const std::string notes = services.must("doc.heads", {{"doc", name_of(1)}})["id"];
  for (const std::uint64_t limit : {1u, 1000u}) {
    CHECK(code({{"limit", limit}, {"after", services.catalog().to_url()}}) == "cursor.expired");
    CHECK(code({{"limit", limit}, {"after", "automerge:x"}}) == "cursor.expired");
    CHECK(code({{"limit", limit}, {"after", notes}}) == "");
    CHECK(code({{"limit", limit}, {"after", notes}, {"patterns", {"todo/*"}}}) == "cursor.expired");
  }
  services.must("doc.rm", {{"docs", {name_of(1)}}});
  CHECK(code({{"limit", 1u}, {"after", notes}}) == "cursor.expired");
}

TEST_CASE("status counts the documents that a listing counts", "[control]") {
  FakeServices services;
  const auto in_status = [&] {
    return services.must("agent.status", Json::object())["store"]["documents"];
  };
  CHECK(in_status() == 0);
  CHECK(services.must("doc.list", {{"count", true}})["count"] == 0);
  fill(services, 20);
  CHECK(in_status() == 19);
  CHECK(services.must("doc.list", {{"count", true}})["count"] == 19);
  CHECK(services.must("doc.list", Json::object())["items"].size() == 19);
}
