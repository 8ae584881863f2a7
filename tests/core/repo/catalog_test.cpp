#include "core/repo/catalog.h"

#include "core/base/limits.h"
#include "core/repo/catalog_search.h"
#include "tests/core/repo/repo_fixture.h"

#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <vector>

using namespace converge;
using namespace converge::testing;

namespace {

const DocumentId kCatalog = RepoFixture::id_of(99);

engine::Document catalog_of(const char* actor) {
  engine::Document catalog(repo::catalog_actor(kCatalog));
  REQUIRE(repo::initialise_catalog(catalog));
  catalog.set_actor(ActorId(as_bytes(actor)));
  return catalog;
}

std::map<std::string, DocumentId> names_in(const engine::Document& catalog) {
  std::map<std::string, DocumentId> names;
  repo::for_each_name(catalog.now(), [&names](std::string_view name, const DocumentId& id) {
    names.emplace(name, id);
  });
  return names;
}

}  // namespace

TEST_CASE("two replicas begin a catalog with the same change", "[catalog]") {
  CHECK(catalog_of("alice").heads() == catalog_of("bob").heads());
}

TEST_CASE("a name leads to its document until it is removed, and removals are counted",
          "[catalog]") {
  auto catalog = catalog_of("alice");
  const auto id = RepoFixture::id_of(1);
  CHECK(*repo::bind_name(catalog, "todo/home", id, {}));
  CHECK_FALSE(*repo::bind_name(catalog, "todo/home", id, {}));
  CHECK(repo::find_name(catalog.now(), "todo/home") == id);
  CHECK(repo::generation_of(catalog.now(), "todo/home") == 0);

  CHECK(*repo::unbind_name(catalog, "todo/home", {}));
  CHECK_FALSE(*repo::unbind_name(catalog, "todo/home", {}));
  CHECK_FALSE(repo::find_name(catalog.now(), "todo/home"));
  CHECK(repo::generation_of(catalog.now(), "todo/home") == 1);
  CHECK(*repo::bind_name(catalog, "todo/home", id, {}));
  CHECK(*repo::unbind_name(catalog, "todo/home", {}));
  CHECK(repo::generation_of(catalog.now(), "todo/home") == 2);
}

TEST_CASE("names given apart are all there after a merge", "[catalog]") {
  auto alice = catalog_of("alice");
  auto bob = catalog_of("bob");
  REQUIRE(repo::bind_name(alice, "a", RepoFixture::id_of(1), {}));
  REQUIRE(repo::bind_name(bob, "b", RepoFixture::id_of(2), {}));
  REQUIRE(repo::bind_name(alice, "same", RepoFixture::id_of(3), {}));
  REQUIRE(repo::bind_name(bob, "same", RepoFixture::id_of(4), {}));
  REQUIRE(alice.merge(bob));
  REQUIRE(bob.merge(alice));
  CHECK(names_in(alice).size() == 3);
  CHECK(names_in(alice) == names_in(bob));
}

TEST_CASE("deleting documents takes all their names and marks them for good", "[catalog]") {
  auto catalog = catalog_of("alice");
  const auto gone = RepoFixture::id_of(1);
  REQUIRE(repo::bind_name(catalog, "a", gone, {}));
  REQUIRE(repo::bind_name(catalog, "b", gone, {}));
  REQUIRE(repo::bind_name(catalog, "c", RepoFixture::id_of(2), {}));
  CHECK(*repo::delete_documents(catalog, {gone}, {}));
  CHECK_FALSE(*repo::delete_documents(catalog, {gone}, {}));
  CHECK(names_in(catalog).size() == 1);
  CHECK(repo::is_deleted(catalog.now(), gone));
  CHECK(repo::generation_of(catalog.now(), "a") == 1);
}

TEST_CASE("the id of a name depends on catalog, name and generation", "[catalog]") {
  const auto id = repo::id_of_name(kCatalog, "todo/home", 0);
  CHECK(id == repo::id_of_name(kCatalog, "todo/home", 0));
  CHECK(id != repo::id_of_name(kCatalog, "todo/home", 1));
  CHECK(id != repo::id_of_name(kCatalog, "todo/hom", 0));
  CHECK(id != repo::id_of_name(RepoFixture::id_of(98), "todo/home", 0));
}

TEST_CASE("the first change's author depends on document and content", "[catalog]") {
  const auto id = RepoFixture::id_of(1);
  CHECK(repo::first_actor(id, "{}") == repo::first_actor(id, "{}"));
  CHECK(repo::first_actor(id, "{}") != repo::first_actor(id, "{\"a\":1}"));
  CHECK(repo::first_actor(id, "{}") != repo::first_actor(RepoFixture::id_of(2), "{}"));
}

TEST_CASE("names that mean something else are refused", "[catalog]") {
  CHECK(repo::check_name("todo/home"));
  CHECK(repo::check_name("Käse/日本"));
  CHECK(repo::check_name(std::string(limits::kNameBytesMax, 'x')));
  const std::vector<std::string> bad = {"",
                                        "-",
                                        "./a",
                                        "/a",
                                        "a.automerge",
                                        "a@b",
                                        "a//b",
                                        "a/",
                                        "a\nb",
                                        "\x7f",
                                        "\xff",
                                        "automerge:x",
                                        std::string(limits::kNameBytesMax + 1, 'x')};
  for (const std::string& name : bad) CHECK_FALSE(repo::check_name(name));
}

TEST_CASE("what a foreign program put into the catalog is passed over", "[catalog]") {
  auto catalog = catalog_of("alice");
  REQUIRE(repo::bind_name(catalog, "good", RepoFixture::id_of(1), {}));
  const auto names = catalog.now().get(model::kRoot, std::string("names"))->id;
  auto edit = catalog.transact();
  REQUIRE(edit.put(names, std::string("number"), Scalar::integer(7)));
  REQUIRE(edit.put(names, std::string("nonsense"), Scalar::string("automerge:zzz")));
  REQUIRE(edit.put(names, std::string("bad@name"), Scalar::string(RepoFixture::id_of(1).to_url())));
  edit.commit({});
  CHECK(names_in(catalog).size() == 1);
  CHECK_FALSE(repo::find_name(catalog.now(), "number"));
}

TEST_CASE("the index is brought to what the catalog says", "[catalog]") {
  RepoFixture f;
  const auto one = f.made(1);
  const auto two = f.made(2);
  std::vector<store::NameEdit> stale{
      {"old", {}, one, true}, {"moved", {}, one, true}, {"right", {}, one, true}};
  f.store->put_names(stale, [](const Result<store::CommitNumber>& done) { REQUIRE(done); });
  auto catalog = catalog_of("alice");
  REQUIRE(repo::bind_name(catalog, "moved", two, {}));
  REQUIRE(repo::bind_name(catalog, "right", one, {}));
  REQUIRE(repo::bind_name(catalog, "new", two, {}));

  const auto edits = repo::index_edits(catalog.now(), *f.store);
  REQUIRE(edits);
  CHECK(edits->size() == 3);
  f.store->put_names(*edits, [](const Result<store::CommitNumber>& done) { REQUIRE(done); });
  CHECK(repo::index_edits(catalog.now(), *f.store)->empty());
  CHECK_FALSE(*f.store->find_name("old"));
  CHECK(**f.store->find_name("moved") == two);
}

TEST_CASE("a catalog is found among documents without a name", "[catalog]") {
  RepoFixture fixture;
  fixture.made(1);
  CHECK_FALSE(repo::search_catalog(*fixture.store)->has_value());
  for (const DocumentId& id : {kCatalog, RepoFixture::id_of(98)}) {
    const auto catalog = fixture.repo->create(id, repo::catalog_actor(id));
    REQUIRE(catalog);
    REQUIRE(repo::initialise_catalog(**catalog));
    fixture.repo->commit(id, {}, [](const Result<repo::Committed>&) {});
    fixture.run();
  }
  const auto used = fixture.repo->open(kCatalog);
  REQUIRE(used);
  REQUIRE(repo::bind_name(**used, "home", fixture.made(2), {}));
  fixture.repo->commit(kCatalog, {}, [](const Result<repo::Committed>&) {});
  fixture.run();
  // Two were begun; the one with names is it.
  CHECK(**repo::search_catalog(*fixture.store) == kCatalog);
}
