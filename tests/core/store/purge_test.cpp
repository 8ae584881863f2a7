#include "core/store/check.h"
#include "core/store/keys.h"
#include "core/store/manifest.h"
#include "core/store/purge_proof.h"
#include "tests/core/store/damage.h"

#include <catch2/catch.hpp>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;

namespace {

std::uint64_t entries(const fs::path& path, const DocumentId& id) {
  const auto count = count_entries(path / "db", id);
  if (!count) FAIL(count.error().message);
  return *count;
}

bool files_hold(const fs::path& path, std::string_view text) {
  for (const auto& file : fs::directory_iterator(path / "db")) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    if (bytes.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a compaction of all tables of a small store begins few logs", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  DiskStore store(directory.path() / "s");
  testing::fill(store.get(), 8, 5, 200);
  const fs::path database = directory.path() / "s" / "db";
  const std::uint64_t before = list_database(database)->logs.back();

  REQUIRE(store.get().compact_tables().has_value());

  const std::uint64_t after = list_database(database)->logs.back();
  CHECK(after > before);  // what was in memory is in tables
  CHECK(after < before + 12);
}

TEST_CASE("a purged document is in no table and no log, of any version", "[store][purge]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  DiskStore disk(path);
  Store& store = disk.get();
  // Incompressible, and short enough for one block.
  const std::string secret = "s3cr3t-7b1f9c2e-4d5a6b8c";
  const auto write = [&](const DocumentId& id, std::uint64_t number) {
    Heads heads;
    for (std::uint64_t i = 0; i < 6; ++i) {
      NewChange next = linked_change(number * 100 + i, heads, 200);
      if (i == 3) next = change(std::string(1, '\0') + secret);
      heads = {next.hash};
      REQUIRE(append_now(store, append_of(id, i, {next}), Durability::kRelaxed));
    }
  };
  const bool in_tables = GENERATE(true, false);
  for (std::uint64_t d = 10; d < 14; ++d) write(document(d), d);
  write(document(1), 1);
  if (in_tables) REQUIRE(store.compact_tables());
  CHECK(store.purge(document(1)).error().code == ErrorCode::kInvalid);

  REQUIRE(wait_for([&](Done done) { store.remove(document(1), {}, std::move(done)); }));
  const auto purged = store.purge(document(1));
  if (!purged) FAIL(purged.error().message);
  CHECK(purged->entries_before > 0);
  CHECK(purged->entries_left == 0);
  CHECK(entries(path, document(1)) == 0);
  CHECK(store.tombstone(document(1))->has_value());
  // The others hold the same text, and are as they were.
  CHECK(files_hold(path, secret));
  for (std::uint64_t d = 10; d < 14; ++d) {
    CHECK(store.load(document(d))->tail.size() == 6);
    REQUIRE(wait_for([&](Done done) { store.remove(document(d), {}, std::move(done)); }));
    REQUIRE(store.purge(document(d))->entries_left == 0);
  }
  CHECK_FALSE(files_hold(path, secret));
  REQUIRE(store.close(std::chrono::seconds(20)));
  CheckOptions deep;
  deep.depth = CheckDepth::kDeep;
  const auto report = check_store(path, deep);
  REQUIRE(report);
  for (const Finding& finding : report->findings) {
    INFO(finding.code << " " << finding.what);
    CHECK(finding.severity == Severity::kInfo);
  }
}
