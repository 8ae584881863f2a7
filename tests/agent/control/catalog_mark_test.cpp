// When a start may leave the names alone, and when it has to compare them with the catalog.

#include "agent/control/catalog_mark.h"

#include "tests/agent/control/fake_services.h"

#include <catch2/catch.hpp>

#include <string>

using namespace converge;
using namespace converge::handlers;
using converge::testing::FakeServices;

namespace {

struct Marked {
  FakeServices services;
  store::Store& store = services.store();
  CatalogState state{services.catalog(), 0};

  Marked() { make("first"); }
  void make(const std::string& name) {
    services.must("doc.new", {{"name", name}, {"value", {{"a", 1}}}});
  }
  void mark() {
    mark_catalog(store, state, store.counts().last_receipt);
    services.settle();
  }
  /// As a peer's change of a document arrives: it is stored under his name.
  void change_from_peer(const DocumentId& id) {
    services.on_shard(id, [id](ShardAccess& shard) {
      const auto document = shard.repo.open(id);
      REQUIRE(document);
      auto edit = (*document)->transact();
      REQUIRE(edit.put(model::kRoot, std::string("theirs"), Scalar::integer(1)));
      edit.commit();
      repo::CommitRequest request;
      request.source.peer = "nas";
      shard.repo.commit(id, std::move(request),
                        [](const Result<repo::Committed>& done) { REQUIRE(done); });
    });
    services.settle();
  }
};

}  // namespace

TEST_CASE("names that were changed here need no comparison at the next start", "[control]") {
  Marked f;
  CHECK_FALSE(is_catalog_settled(f.store, f.state));  // never compared
  f.mark();
  CHECK(is_catalog_settled(f.store, f.state));
  f.make("second");
  CHECK(is_catalog_settled(f.store, f.state));
}

TEST_CASE("a peer's change of the catalog is compared, one of another document is not",
          "[control]") {
  Marked f;
  f.mark();
  const auto other = f.store.find_name("first");
  REQUIRE((other && *other));
  f.change_from_peer(**other);
  CHECK(is_catalog_settled(f.store, f.state));
  f.change_from_peer(f.state.catalog);
  CHECK_FALSE(is_catalog_settled(f.store, f.state));
  f.mark();
  CHECK(is_catalog_settled(f.store, f.state));
}

TEST_CASE("a deletion takes the mark away: its tombstones may be missing", "[control]") {
  Marked f;
  f.make("second");
  f.mark();
  f.services.must("doc.rm", {{"docs", {"second"}}});
  CHECK_FALSE(is_catalog_settled(f.store, f.state));
}

TEST_CASE("a mark of another store, catalog or time says nothing", "[control]") {
  Marked f;
  f.mark();
  CatalogState other = f.state;
  other.catalog.bytes[0] ^= std::byte{1};
  CHECK_FALSE(is_catalog_settled(f.store, other));
  CHECK_FALSE(is_catalog_settled(f.store, {f.state.catalog, 1}));  // something was set aside
  mark_catalog(f.store, f.state, f.store.counts().last_receipt + 1);
  f.services.settle();
  CHECK_FALSE(is_catalog_settled(f.store, f.state));
  unmark_catalog(f.store);
  f.services.settle();
  CHECK_FALSE(is_catalog_settled(f.store, f.state));
}
