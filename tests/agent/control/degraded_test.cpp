// What is refused and what goes on when a part of a document, or of the catalog, is lost here.

#include "core/control/error_table.h"
#include "tests/agent/control/fake_services.h"

#include <catch2/catch.hpp>

#include <string>

using namespace converge;
using converge::testing::FakeServices;
using Json = nlohmann::json;

namespace {

void degrade(FakeServices& services, const DocumentId& document, bool degraded) {
  services.store().set_degraded(document, degraded,
                                [](const Result<store::CommitNumber>& done) { REQUIRE(done); });
  services.settle();
}

std::string error_of(FakeServices& services, const std::string& method, Json params) {
  const auto answer = services.ask(method, std::move(params));
  REQUIRE(answer);
  return *answer ? "" : answer->error().id;
}

}  // namespace

TEST_CASE("no name is changed while a part of the catalog is lost", "[control]") {
  FakeServices services(0);
  const std::string id =
      services.must("doc.new", {{"name", "todo/home"}, {"value", {{"a", 1}}}})["id"];
  degrade(services, services.catalog(), true);

  CHECK(error_of(services, "doc.new", {{"name", "todo/work"}, {"value", {{"a", 1}}}}) ==
        "doc.degraded");
  CHECK(error_of(services, "name.set", {{"name", "todo/other"}, {"doc", id}}) == "doc.degraded");
  CHECK(error_of(services, "name.rm", {{"name", "todo/home"}}) == "doc.degraded");
  CHECK(error_of(services, "doc.rm", {{"docs", {id}}}) == "doc.degraded");
  // Names are still known, and the documents behind them read and written.
  CHECK(services.must("name.list", Json::object())["items"].size() == 1);
  CHECK(error_of(services, "doc.set",
                 {{"doc", "todo/home"}, {"edits", {{{"pointer", "/a"}, {"value", 2}}}}}) == "");
  // A document without a name needs no catalog.
  CHECK(error_of(services, "doc.new", {{"value", {{"a", 1}}}}) == "");

  degrade(services, services.catalog(), false);
  CHECK(error_of(services, "name.set", {{"name", "todo/other"}, {"doc", id}}) == "");
}
