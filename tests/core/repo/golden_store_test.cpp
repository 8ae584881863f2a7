#include "core/repo/compaction.h"
#include "core/store/check.h"
#include "core/store/store.h"
#include "tests/core/repo/repo_fixture.h"
#include "tests/core/store/store_test_support.h"

#include <catch2/catch.hpp>

using namespace converge;
using namespace converge::testing;

namespace {

namespace fs = std::filesystem;

/// A store as the first release wrote it (store.md 15): two documents, one of them in part a
/// snapshot, a catalog, a tombstone. Readers of old records are kept for good.
constexpr const char* kDigest = "cd7b2532fdef1acc6943dc668852a92ed68d82d380bd898f2b6f2801b95f6614";

void copy_private(const fs::path& from, const fs::path& to) {
  fs::create_directory(to);
  fs::permissions(to, fs::perms::owner_all);
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path target = to / entry.path().filename();
    if (entry.is_directory()) {
      copy_private(entry.path(), target);
      continue;
    }
    fs::copy_file(entry.path(), target);
    fs::permissions(target, fs::perms::owner_read | fs::perms::owner_write);
  }
}

store::CheckReport deep_check(const fs::path& path) {
  store::CheckOptions options;
  options.depth = store::CheckDepth::kDeep;
  options.inspect_snapshot = repo::snapshot_inspector();
  auto report = store::check_store(path, options);
  if (!report) FAIL(report.error().message);
  for (const store::Finding& finding : report->findings) {
    INFO(finding.code << " " << finding.what);
    CHECK(finding.severity == store::Severity::kInfo);
  }
  return *report;
}

Scalar value_of(const engine::Document& document, const std::string& key) {
  const auto value = document.now().get(model::kRoot, key);
  REQUIRE(value);
  return value->scalar;
}

}  // namespace

TEST_CASE("F75: the golden store of format 1 opens, and every document of it", "[repo][golden]") {
  store::testing::TempDir directory(store::testing::TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  copy_private(fs::path(CONVERGE_SOURCE_DIR) / "tests/data/stores/format-1", path);
  const auto before = deep_check(path);
  CHECK(to_hex(before.digest) == kDigest);
  CHECK(before.documents == 3);
  CHECK(before.changes == 8);

  FakeClock clock;
  CountingRandom random;
  store::OpenOptions options;
  options.clock = &clock;
  options.random = &random;
  options.reserve_bytes = 0;
  options.free_bytes_min = 0;
  auto opened = store::open_store(path, options);
  if (!opened) FAIL(opened.error().message);
  store::Store& store = *opened->store;
  CHECK(opened->report.was_clean);
  CHECK(store.counts().tombstones == 1);
  for (const auto& [name, key] : {std::pair("notes/first", "n"), std::pair("todo/home", "c")}) {
    const auto id = store.find_name(name);
    REQUIRE(id);
    REQUIRE(*id);
    const auto stored = store.load(**id);
    REQUIRE(stored);
    const std::array<std::byte, 16> actor{};
    auto document = engine::Document::load(stored->snapshot, ActorId(ByteView(actor)));
    REQUIRE(document);
    std::vector<Bytes> chunks;
    for (const store::StoredChange& change : stored->tail) chunks.push_back(change.chunk);
    REQUIRE(document->apply_changes(chunks));
    CHECK(document->heads() == stored->header.heads);
    const bool is_counter = std::string(key) == "c";
    const Scalar expected = is_counter ? Scalar::counter(7) : Scalar::integer(6);
    CHECK(value_of(*document, key) == expected);
    CHECK(stored->snapshot.empty() == is_counter);
  }
  REQUIRE(store.close(std::chrono::seconds(20)));
  deep_check(path);
}
