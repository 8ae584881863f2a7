#include "core/repo/compaction.h"

#include "tests/core/repo/repo_fixture.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

using namespace converge;
using namespace converge::testing;
namespace fs = std::filesystem;

namespace {

void edit(RepoFixture& f, const DocumentId& id, int count, int from = 0) {
  for (int i = 0; i < count; ++i) {
    const auto document = f.repo->open(id);
    REQUIRE(document);
    RepoFixture::put(**document, "k" + std::to_string(from + i), i);
    f.repo->commit(id, {}, [](const Result<repo::Committed>& done) { REQUIRE(done); });
    f.run();
  }
}

}  // namespace

TEST_CASE("compaction is due by bytes, and by changes only when they weigh something", "[repo]") {
  store::DocumentHeader header;
  header.tail_bytes = repo::kTailBytesMin - 1;
  header.tail_changes = 100;
  CHECK_FALSE(repo::needs_compaction(header));
  header.tail_bytes = repo::kTailBytesMin;
  CHECK(repo::needs_compaction(header));
  header.snapshot.bytes = 10u << 20;
  CHECK_FALSE(repo::needs_compaction(header));
  header.tail_bytes = 5u << 20;
  CHECK(repo::needs_compaction(header));

  header.tail_bytes = 1u << 20;
  header.tail_changes = repo::kTailChangesMin;
  CHECK_FALSE(repo::needs_compaction(header));  // less than an eighth of the snapshot
  header.tail_bytes = 2u << 20;
  CHECK(repo::needs_compaction(header));
  header.state = store::DocumentState::kDegraded;
  CHECK_FALSE(repo::needs_compaction(header));
}

TEST_CASE("a compacted document is the same document, and goes on", "[repo]") {
  RepoFixture f;
  const DocumentId id = f.made(1);
  edit(f, id, 50);
  const Heads heads = f.store->header(id)->heads;

  const auto done = repo::compact_document(*f.store, id);

  REQUIRE(done);
  REQUIRE(*done);
  CHECK((*done)->changes == 51);
  CHECK((*done)->bytes_after < (*done)->bytes_before);
  const auto header = f.store->header(id);
  REQUIRE(header);
  CHECK(header->tail_changes == 0);
  CHECK(header->snapshot.changes == 51);
  CHECK(header->change_count == 51);
  CHECK(header->heads == heads);
  CHECK_FALSE(*repo::compact_document(*f.store, id));

  // The copy in memory does not notice, and a fresh one reads the snapshot.
  edit(f, id, 3, 50);
  f.reopen();
  const auto again = f.repo->open(id);
  REQUIRE(again);
  CHECK((*again)->change_count() == 54);
  CHECK(f.store->header(id)->tail_changes == 3);
  REQUIRE(*repo::compact_document(*f.store, id));
  CHECK(f.store->header(id)->snapshot.generation == 2);
}

TEST_CASE("what is appended while a snapshot is written stays in the tail", "[repo]") {
  RepoFixture f;
  const DocumentId id = f.made(1);
  edit(f, id, 20);
  // A snapshot as the worker makes it, published only after more was appended.
  const auto stored = f.store->load(id);
  REQUIRE(stored);
  store::SnapshotDraft draft;
  draft.document = id;
  {
    const auto document = f.repo->open(id);
    REQUIRE(document);
    draft.bytes = (*document)->save();
    draft.heads = (*document)->heads();
    draft.covered = (*document)->all_changes();
  }
  draft.verify = [](ByteView) { return Result<void>(); };
  edit(f, id, 5, 20);

  const auto published = f.store->publish_snapshot(draft);

  REQUIRE(published);
  CHECK(published->header.tail_changes == 5);
  CHECK(published->header.snapshot.changes == 21);
  f.reopen();
  CHECK((*f.repo->open(id))->change_count() == 26);
}

namespace {

/// The store's files as they are at each named step: what a kill there leaves.
struct StepCopies {
  fs::path source;
  fs::path target;
  std::vector<std::string> steps;

  void operator()(std::string_view step) {
    if (!step.starts_with("compact.")) return;
    const fs::path to = target / step;
    fs::create_directories(to / "db");
    for (const char* folder : {"quarantine", "tmp"}) fs::create_directory(to / folder);
    fs::copy_file(source / "FORMAT", to / "FORMAT");
    for (const auto& file : fs::directory_iterator(source / "db")) {
      // Opening LOCK would drop the lock of the running store.
      if (file.path().filename() != "LOCK")
        fs::copy(file.path(), to / "db" / file.path().filename());
    }
    for (const auto& each : fs::recursive_directory_iterator(to)) {
      fs::permissions(each.path(), each.is_directory()
                                       ? fs::perms::owner_all
                                       : fs::perms::owner_read | fs::perms::owner_write);
    }
    fs::permissions(to, fs::perms::owner_all);
    steps.emplace_back(step);
  }
};

struct TempFolder {
  fs::path path;
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "converge-compaction-XXXXXX").native();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TempFolder() { fs::remove_all(path); }
};

/// The document's newest change as one durable append.
void append_last(store::Store& store, const DocumentId& id, const engine::Document& document,
                 std::uint64_t seq) {
  store::DocumentAppend part;
  part.document = id;
  part.expected_seq = seq;
  part.heads = document.heads();
  const ChangeHash hash = document.heads().front();
  part.changes.push_back({hash, *document.change_bytes(hash)});
  store::Append append;
  append.documents.push_back(std::move(part));
  std::promise<bool> done;
  store.append(
      std::move(append), store::Durability::kRelaxed,
      [&done](const Result<store::AppendResult>& result) { done.set_value(result.has_value()); });
  REQUIRE(done.get_future().get());
}

store::OpenOptions options_of(const RepoFixture& f, CountingRandom& random) {
  store::OpenOptions options;
  options.mode = store::OpenMode::kCreateIfAbsent;
  options.clock = &f.clock;
  options.random = &random;
  options.reserve_bytes = 0;
  options.free_bytes_min = 0;
  return options;
}

}  // namespace

TEST_CASE("F5: killed at any step of a compaction, a document is whole and heals", "[repo]") {
  TempFolder folder;
  RepoFixture f;
  StepCopies copies{folder.path / "live", folder.path / "copies", {}};
  auto options = options_of(f, f.random);
  options.on_step = [&copies](std::string_view step) { copies(step); };
  auto opened = store::open_store(folder.path / "live", options);
  REQUIRE(opened);
  store::Store& live = *opened->store;
  const DocumentId id = RepoFixture::id_of(1);
  std::array<std::byte, 16> actor{};
  actor[0] = std::byte{1};
  engine::Document document{ActorId(ByteView(actor))};
  for (std::uint64_t i = 0; i < 31; ++i) {
    RepoFixture::put(document, "k" + std::to_string(i), 1);
    append_last(live, id, document, i);
  }
  const Heads heads = document.heads();

  REQUIRE(repo::compact_document(live, id));
  REQUIRE(copies.steps.size() == 4);

  for (const std::string& step : copies.steps) {
    INFO("killed at " << step);
    CountingRandom random;
    auto survivor = store::open_store(folder.path / "copies" / step, options_of(f, random));
    if (!survivor) FAIL(survivor.error().message);
    store::Store& store = *survivor->store;
    const auto before = store.load(id);
    REQUIRE(before);
    CHECK(before->header.heads == heads);
    CHECK(before->header.change_count == 31);
    const auto healed = repo::compact_document(store, id);
    if (!healed) FAIL(healed.error().message);
    const auto after = store.load(id);
    REQUIRE(after);
    CHECK(after->tail.empty());
    CHECK_FALSE(after->has_leftover_parts);
    CHECK(after->header.snapshot.changes == 31);
    CHECK_FALSE(*repo::compact_document(store, id));
    REQUIRE(store.close(std::chrono::seconds(30)));
    survivor->store.reset();

    store::CheckOptions check;
    check.depth = store::CheckDepth::kDeep;
    check.inspect_snapshot = repo::snapshot_inspector();
    const auto report = store::check_store(folder.path / "copies" / step, check);
    REQUIRE(report);
    for (const auto& finding : report->findings) CHECK(finding.what == "");
  }
}
