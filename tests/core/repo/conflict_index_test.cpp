#include "core/repo/conflict_index.h"

#include "tests/core/repo/repo_fixture.h"

#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <vector>

namespace converge::testing {
namespace {

using repo::ConflictId;
using repo::ConflictSummary;

ConflictId id_of_number(std::size_t number) {
  ConflictId id{};
  id[4] = static_cast<std::byte>(number >> 8);
  id[5] = static_cast<std::byte>(number);
  return id;
}

/// Counts registers of the root map with several values, and how often it was asked.
class IndexedRepo : public RepoFixture {
 public:
  IndexedRepo() { reopen(); }

  void reopen() {
    repo = std::make_unique<repo::Repo>(
        *store, clock, random,
        [this](std::function<void()> task) { tasks.push_back(std::move(task)); }, *this,
        repo::Repo::Options{
            .conflicts = [this](const DocumentId&, const engine::Document& document) {
              ++scans;
              ConflictSummary summary;
              document.now().for_each_key(
                  model::kRoot, [&](std::string_view, const engine::Value&, std::size_t visible) {
                    if (visible > 1) summary.ids.push_back(id_of_number(summary.count++));
                  });
              return repo::encode(summary);
            }});
  }

  void commit(const DocumentId& id) {
    repo->commit(id, {}, [](const Result<repo::Committed>& done) { CHECK(done.has_value()); });
    run();
  }

  /// What another replica, which knows what we know, wrote meanwhile.
  std::vector<Bytes> written_elsewhere(const DocumentId& id, const std::string& key,
                                       std::int64_t value) {
    const auto document = repo->open(id);
    engine::Document other = (*document)->fork(ActorId(as_bytes("somebody else ..")));
    const Heads before = other.heads();
    put(other, key, value);
    std::vector<Bytes> out;
    for (const ChangeHash& hash : other.changes_since(before)) {
      out.push_back(*other.change_bytes(hash));
    }
    return out;
  }

  std::uint64_t indexed(const DocumentId& id) {
    const auto entry = store->conflicts_of(id);
    REQUIRE(entry.has_value());
    if (!*entry) return 0;
    const auto summary = repo::decode_conflicts(**entry);
    REQUIRE(summary.has_value());
    return summary->count;
  }

  int scans = 0;
};

TEST_CASE("an entry of the conflict index survives encoding") {
  std::vector<ConflictSummary> table(4);
  table[1] = {.exact = true, .count = 1, .ids = {id_of_number(7)}};
  table[2] = {.exact = false, .count = 0, .ids = {}};
  table[3] = {.exact = true, .count = 300, .ids = {id_of_number(1), id_of_number(2)}};
  for (const ConflictSummary& summary : table) {
    const auto decoded = repo::decode_conflicts(repo::encode(summary));
    REQUIRE(decoded.has_value());
    CHECK(*decoded == summary);
  }
  CHECK(repo::encode(table[0]).empty());
  CHECK(table[1].is_complete());
  CHECK_FALSE(table[2].is_complete());
  CHECK_FALSE(table[3].is_complete());
}

TEST_CASE("a document with very many conflicts lists the first ones") {
  ConflictSummary summary;
  summary.count = repo::kConflictIdsMax + 1;
  for (std::size_t i = 0; i < summary.count; ++i) summary.ids.push_back(id_of_number(i));

  const auto decoded = repo::decode_conflicts(repo::encode(summary));

  REQUIRE(decoded.has_value());
  CHECK(decoded->count == repo::kConflictIdsMax + 1);
  CHECK(decoded->ids.size() == repo::kConflictIdsMax);
}

TEST_CASE("damaged entries of the conflict index are refused") {
  const Bytes good = repo::encode({.exact = true, .count = 2, .ids = {id_of_number(1)}});
  const auto with = [&good](std::size_t at, int value) {
    Bytes bytes = good;
    bytes[at] = static_cast<std::byte>(value);
    return bytes;
  };
  const std::vector<Bytes> table = {Bytes{std::byte{1}}, Bytes(good.begin(), good.end() - 1),
                                    with(0, 2),          with(1, 2),
                                    with(2, 0),          with(2, 0x80)};
  for (const Bytes& bytes : table) CHECK_FALSE(repo::decode_conflicts(bytes).has_value());
}

TEST_CASE("conflict ids are text with c- and twelve digits") {
  CHECK(repo::to_text(id_of_number(0x1234)) == "c-000000001234");
  CHECK(repo::parse_conflict_id("c-000000001234") == id_of_number(0x1234));
  for (const char* bad : {"", "c-", "000000001234", "c-00000000123", "c-00000000123g"}) {
    CHECK_FALSE(repo::parse_conflict_id(bad).has_value());
  }
}

TEST_CASE("edits that follow each other are indexed without a look at the document") {
  IndexedRepo here;
  const DocumentId id = here.made(1);
  for (int i = 0; i < 5; ++i) {
    RepoFixture::put(**here.repo->open(id), "made", i);
    here.commit(id);
  }

  CHECK(here.scans == 0);
  CHECK(here.indexed(id) == 0);
  CHECK(here.store->header(id)->actors == 1);
}

TEST_CASE("a concurrent change enters the index, its resolution leaves it") {
  IndexedRepo here;
  const DocumentId id = here.made(1);
  const auto foreign = here.written_elsewhere(id, "made", 17);
  RepoFixture::put(**here.repo->open(id), "made", 18);
  here.commit(id);

  REQUIRE((*here.repo->open(id))->apply_changes(foreign).has_value());
  here.commit(id);
  CHECK(here.indexed(id) == 1);
  CHECK(here.store->header(id)->actors == 2);

  here.reopen();  // a restart: the entry is there, and known
  RepoFixture::put(**here.repo->open(id), "made", 19);
  here.commit(id);
  CHECK(here.indexed(id) == 0);
  CHECK(here.store->list_conflicts({})->items.empty());
}

TEST_CASE("a document that is removed leaves the conflict index") {
  IndexedRepo here;
  const DocumentId id = here.made(1);
  const auto foreign = here.written_elsewhere(id, "made", 17);
  RepoFixture::put(**here.repo->open(id), "made", 18);
  REQUIRE((*here.repo->open(id))->apply_changes(foreign).has_value());
  here.commit(id);
  REQUIRE(here.store->list_conflicts({})->items.size() == 1);

  here.repo->remove(id, {}, [](const Result<void>& done) { CHECK(done.has_value()); });
  here.run();

  CHECK(here.store->list_conflicts({})->items.empty());
}

TEST_CASE("what was stored without an index is indexed later") {
  IndexedRepo here;
  const DocumentId id = here.made(1);
  const auto foreign = here.written_elsewhere(id, "made", 17);
  here.RepoFixture::reopen();  // an earlier release: no index
  RepoFixture::put(**here.repo->open(id), "made", 18);
  REQUIRE((*here.repo->open(id))->apply_changes(foreign).has_value());
  here.commit(id);
  REQUIRE(here.indexed(id) == 0);

  here.reopen();
  REQUIRE(here.repo->open(id).has_value());
  here.repo->reindex(id, [](const Result<repo::Committed>& done) { CHECK(done.has_value()); });
  here.run();
  CHECK(here.indexed(id) == 1);

  // The documents' sequence has not moved: it can still be changed.
  RepoFixture::put(**here.repo->open(id), "other", 1);
  here.commit(id);
  CHECK(here.indexed(id) == 1);
}

TEST_CASE("pages of the conflict index follow each other") {
  IndexedRepo here;
  for (int number = 1; number <= 5; ++number) {
    const DocumentId id = here.made(number);
    const auto foreign = here.written_elsewhere(id, "made", 17);
    RepoFixture::put(**here.repo->open(id), "made", 18);
    REQUIRE((*here.repo->open(id))->apply_changes(foreign).has_value());
    here.commit(id);
  }
  std::vector<DocumentId> seen;
  std::string after;
  do {
    const auto page = here.store->list_conflicts({.after = after, .prefix = {}, .limit = 2});
    REQUIRE(page.has_value());
    for (const auto& item : page->items) seen.push_back(item.document);
    after = page->next;
  } while (!after.empty());

  REQUIRE(seen.size() == 5);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

}  // namespace
}  // namespace converge::testing
