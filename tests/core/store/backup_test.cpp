#include "core/store/backup.h"

#include "core/store/cut.h"
#include "core/store/directory.h"
#include "core/store/manifest.h"
#include "tests/core/store/damage.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <sys/mount.h>
#include <thread>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;
namespace fs = std::filesystem;

namespace {

void fill(Store& store, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t i = from; i < to; ++i) {
    Append append = append_of(document(i % 20), i / 20, {change(i, 3000)});
    append.documents[0].peer_states.push_back({testing::peer_key(1), {change(i, 3000).hash}});
    REQUIRE(append_now(store, std::move(append)).has_value());
  }
}

Result<RestoreReport> restore(const fs::path& backup, const fs::path& target,
                              RestoreOptions options = {}) {
  return restore_store(backup, target, options, disk_options());
}

}  // namespace

TEST_CASE("a backup taken under a writer opens with exactly the commits before the pause",
          "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  DiskStore store(directory.path() / "s");
  fill(store.get(), 0, 100);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> written{0};
  std::jthread writer([&] {
    for (std::uint64_t i = 0; !stop; ++i) {
      if (append_now(store.get(), append_of(document(1000), i, {change(i, 2000)}))) written = i + 1;
    }
  });
  // A failed check leaves by an exception: the writer must end before its thread is joined.
  struct Stop {
    std::atomic<bool>& flag;
    ~Stop() { flag = true; }
  } const stop_writer{stop};
  for (int round = 0; round < 8; ++round) {
    const fs::path target = directory.path() / ("b" + std::to_string(round));
    const std::uint64_t before = written;

    const auto report = store.get().backup(target, {});

    if (!report) FAIL(report.error().message);
    const std::uint64_t after = written;
    const fs::path place = directory.path() / ("r" + std::to_string(round));
    const auto restored = restore(target, place);
    if (!restored) FAIL(restored.error().message);
    CHECK(restored->check.ok());
    DiskStore copy(place);
    const auto header = copy.get().header(document(1000));
    const std::uint64_t changes = header ? header->change_count : 0;
    CHECK(changes >= before);
    CHECK(changes <= after + 1);
    CHECK(copy.get().counts().last_receipt == report->receipt);
    CHECK(copy.get().counts().changes == report->receipt);
    for (std::uint64_t d = 0; d < 20; ++d) REQUIRE(copy.get().load(document(d)).has_value());
  }
  stop = true;
  writer.join();
  CHECK(store.get().state() == StoreState::kOpen);
  // The live store is whole after all that.
  REQUIRE(store.get().compact_tables().has_value());
  REQUIRE(store.get().close(std::chrono::seconds(20)).has_value());
  CheckOptions deep;
  deep.depth = CheckDepth::kDeep;
  const auto checked = check_store(directory.path() / "s", deep);
  REQUIRE(checked.has_value());
  for (const Finding& finding : checked->findings) {
    // The changes of this test are no real ones: their dependencies cannot be read.
    CHECK((finding.code == "change.hash" || finding.code == "document.counts" ||
           finding.code == "document.heads" || finding.code == "document.sync-state"));
  }
}

TEST_CASE("a restored store has a new id and no sync state", "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  StoreIdentity before;
  {
    DiskStore store(directory.path() / "s");
    before = store.get().identity();
    fill(store.get(), 0, 60);
    REQUIRE(store.get().backup(directory.path() / "b", {}).has_value());
  }
  const auto report = restore(directory.path() / "b", directory.path() / "r");
  REQUIRE(report.has_value());
  CHECK(report->source.store_id == before.store_id);
  DiskStore restored(directory.path() / "r");
  CHECK(restored.get().identity().store_id != before.store_id);
  for (std::uint64_t d = 0; d < 20; ++d) {
    CHECK_FALSE(restored.get().peer_state(document(d), testing::peer_key(1))->has_value());
    CHECK(restored.get().load(document(d))->tail.size() == 3);
  }
  CHECK(append_now(restored.get(), append_of(document(0), 3, {change(5000)})).has_value());
}

TEST_CASE("a backup with any file changed is refused and nothing is written", "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  {
    DiskStore store(directory.path() / "s");
    fill(store.get(), 0, 80);
    REQUIRE(store.get().backup(directory.path() / "b", {}).has_value());
  }
  for (const auto& entry : fs::directory_iterator(directory.path() / "b" / "db")) {
    const fs::path broken = directory.path() / "broken";
    fs::remove_all(broken);
    fs::copy(directory.path() / "b", broken, fs::copy_options::recursive);
    const fs::path file = broken / "db" / entry.path().filename();
    fs::permissions(file, fs::perms::owner_all);
    if (fs::file_size(file) == 0) {
      fs::remove(file);
    } else {
      std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
      const auto at = static_cast<std::streamoff>(fs::file_size(file) / 2);
      stream.seekg(at);
      const auto byte = static_cast<char>(stream.get());
      stream.seekp(at);
      stream.put(static_cast<char>(byte ^ 1));
    }
    const auto refused = restore(broken, directory.path() / "r");
    INFO(file);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::kCorrupt);
    CHECK(refused.error().message.find(entry.path().filename().string()) != std::string::npos);
    CHECK_FALSE(fs::exists(directory.path() / "r"));
  }
}

TEST_CASE("a backup whose FORMAT says something else is refused", "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  {
    DiskStore store(directory.path() / "s");
    fill(store.get(), 0, 20);
    REQUIRE(store.get().backup(directory.path() / "b", {}).has_value());
  }
  const fs::path file = directory.path() / "b" / kFormatFile;
  const auto refused_as = [&](const std::string& line) {
    fs::remove(file);  // not the live store's
    if (!line.empty()) std::ofstream(file) << line;
    const auto done = restore(directory.path() / "b", directory.path() / "r");
    REQUIRE_FALSE(done.has_value());
    CHECK_FALSE(fs::exists(directory.path() / "r"));
    return done.error().code;
  };
  CHECK(refused_as("syncd-store 2\n") == ErrorCode::kUnsupported);
  CHECK(refused_as("syncd-stose 1\n") == ErrorCode::kCorrupt);
  CHECK(refused_as("") == ErrorCode::kCorrupt);
}

TEST_CASE("F8: a target that is not empty and a copy without its report are refused",
          "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  DiskStore store(directory.path() / "s");
  fill(store.get(), 0, 20);
  REQUIRE(store.get().backup(directory.path() / "b", {}).has_value());
  CHECK(store.get().backup(directory.path() / "b", {}).error().code == ErrorCode::kInvalid);
  CHECK(restore(directory.path() / "b", directory.path() / "s").error().code ==
        ErrorCode::kInvalid);
  fs::remove(directory.path() / "b" / kBackupFile);
  CHECK(restore(directory.path() / "b", directory.path() / "r").error().code ==
        ErrorCode::kInvalid);
  CHECK(restore(directory.path(), directory.path() / "r").error().code == ErrorCode::kInvalid);
  CHECK(append_now(store.get(), append_of(document(900), 0, {change(1)})).has_value());
}

TEST_CASE("a dry run of a restore writes nothing", "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  DiskStore store(directory.path() / "s");
  fill(store.get(), 0, 20);
  REQUIRE(store.get().backup(directory.path() / "b", {}).has_value());
  RestoreOptions options;
  options.dry_run = true;
  const auto report = restore(directory.path() / "b", directory.path() / "r", options);
  REQUIRE(report.has_value());
  CHECK(report->files > 3);
  CHECK_FALSE(fs::exists(directory.path() / "r"));
  // It says what would be refused.
  CHECK(restore(directory.path() / "b", directory.path() / "s", options).error().id ==
        "output.exists");
}

TEST_CASE("a backup and its restore tell how far they are, up to the end", "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  DiskStore store(directory.path() / "s");
  fill(store.get(), 0, 200);
  REQUIRE(store.get().compact_tables().has_value());
  fill(store.get(), 200, 210);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
  const auto tell = [&told](std::uint64_t done, std::uint64_t total) {
    if (!told.empty()) CHECK(done > told.back().first);
    told.emplace_back(done, total);
  };
  const auto is_whole = [&told] {
    return told.size() > 1 && told.back().first == told.back().second;
  };
  BackupOptions backup;
  backup.on_progress = tell;
  REQUIRE(store.get().backup(directory.path() / "b", backup).has_value());
  CHECK(is_whole());

  told.clear();
  RestoreOptions options;
  options.on_progress = tell;
  const auto report =
      restore_store(directory.path() / "b", directory.path() / "r", options, disk_options());
  REQUIRE(report.has_value());
  CHECK(is_whole());
  CHECK(told.back().second == 2 * report->bytes);
}

TEST_CASE("an incremental backup reuses what the last one has", "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  DiskStore store(directory.path() / "s");
  fill(store.get(), 0, 200);
  REQUIRE(store.get().compact_tables().has_value());
  REQUIRE(store.get().backup(directory.path() / "b1", {}).has_value());
  fill(store.get(), 200, 220);
  BackupOptions options;
  options.previous = directory.path() / "b1";

  const auto report = store.get().backup(directory.path() / "b2", options);

  REQUIRE(report.has_value());
  CHECK(report->bytes_reused > report->bytes / 2);
  REQUIRE(restore(directory.path() / "b2", directory.path() / "r").has_value());
  DiskStore restored(directory.path() / "r");
  CHECK(restored.get().counts().changes == 220);
}

TEST_CASE("a backup report of any bytes is refused in words", "[store][backup]") {
  const BackupManifest manifest{{}, 3, 4, 5, "w", {{"000001.sst", 7, {}}, {"CURRENT", 1, {}}}};
  const std::string good = format_backup_manifest(manifest);
  const auto parsed = parse_backup_manifest(good);
  REQUIRE(parsed.has_value());
  CHECK(parsed->commit == 3);
  CHECK(parsed->files.size() == 2);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x11);
    INFO("byte " << at);
    CHECK_FALSE(parse_backup_manifest(damaged));
    static_cast<void>(parse_backup_manifest(good.substr(0, at)).has_value());
  }
  // Reports of earlier releases have no sum.
  std::string climbing = good.substr(0, good.rfind(",\n")) + "\n}\n";
  REQUIRE(parse_backup_manifest(climbing).has_value());
  climbing.replace(climbing.find("CURRENT"), 7, "../../x");
  CHECK_FALSE(parse_backup_manifest(climbing).has_value());
}

TEST_CASE("a store is cut behind a receipt, or not at all", "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  std::vector<Heads> heads;
  {
    DiskStore store(path);
    Heads last;
    for (std::uint64_t i = 0; i < 5; ++i) {
      const NewChange next = linked_change(i, last);
      last = {next.hash};
      heads.push_back(last);
      shared_clock().advance_ms(1000);
      REQUIRE(append_now(store.get(), append_of(document(1), i, {next})).has_value());
    }
    Append late = append_of(document(2), 0, {linked_change(50, {})});
    late.names.push_back({"late", {}, document(2)});
    REQUIRE(append_now(store.get(), std::move(late)).has_value());
    REQUIRE(store.get().close(std::chrono::seconds(20)).has_value());
  }
  CutPoint point;
  point.receipt = 7;
  CHECK(cut_store(path, point, disk_options()).error().code == ErrorCode::kInvalid);
  point.receipt = 3;

  const auto cut = cut_store(path, point, disk_options());

  if (!cut) FAIL(cut.error().message);
  CHECK(cut->receipt == 3);
  CHECK(cut->changes_removed == 3);
  CHECK(cut->documents_removed == 1);
  CheckOptions deep;
  deep.depth = CheckDepth::kDeep;
  const auto report = check_store(path, deep);
  REQUIRE(report);
  for (const Finding& finding : report->findings) CHECK(finding.what == "");
  {
    DiskStore store(path);
    CHECK(store.get().header(document(1))->heads == heads[2]);
    CHECK_FALSE(store.get().header(document(2)).has_value());
    CHECK_FALSE(store.get().find_name("late")->has_value());
    CHECK(store.get().counts().last_receipt == 3);
    // Receipts go on where they were cut.
    REQUIRE(append_now(store.get(),
                       append_of(document(1), store.get().header(document(1))->document_seq,
                                 {linked_change(99, heads[2])}))
                .has_value());
    CHECK(store.get().counts().last_receipt == 4);
    const auto loaded = store.get().load(document(1));
    REQUIRE(loaded.has_value());
    REQUIRE(
        store.get().publish_snapshot(draft_of(loaded->header, *loaded, Bytes(1000))).has_value());
    REQUIRE(store.get().close(std::chrono::seconds(20)).has_value());
  }
  point.receipt = 2;
  const auto refused = cut_store(path, point, disk_options());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kConflict);
  DiskStore store(path);
  CHECK(store.get().counts().last_receipt == 4);
  CHECK(store.get().header(document(1))->change_count == 4);
}

namespace {

/// Every file of a directory with its bytes.
std::map<std::string, std::string> contents_of(const fs::path& directory) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    out[entry.path().lexically_relative(directory)] = {std::istreambuf_iterator<char>(file), {}};
  }
  return out;
}

}  // namespace

TEST_CASE("a backup's report says names and tombstones once more", "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path backup = directory.path() / "b";
  {
    DiskStore store(directory.path() / "s");
    testing::fill(store.get(), 6, 3, 200);
    REQUIRE(store.get().backup(backup, {}).has_value());
  }
  const auto manifest = parse_backup_manifest(*read_small_file(backup / kBackupFile, 1u << 20));
  REQUIRE(manifest.has_value());
  REQUIRE(manifest->records.has_value());
  CHECK(manifest->records->names.size() == 5);
  CHECK(manifest->records->names.front().name == "doc/0");
  REQUIRE(manifest->records->tombstones.size() == 1);
  CHECK(manifest->records->tombstones.front().document == document(2));
  CHECK(verify_backup(backup)->empty());

  // The files agree with their sums, and still do not hold what the report says.
  BackupManifest other = *manifest;
  other.records->names.pop_back();
  other.records->tombstones.push_back({document(50), 1, {}, {}});
  REQUIRE(write_file_synced(backup / kBackupFile, format_backup_manifest(other)).has_value());
  const auto findings = verify_backup(backup);
  REQUIRE(findings.has_value());
  REQUIRE(findings->size() == 2);
  CHECK(findings->at(0).code == "backup.records");
  CHECK(findings->at(0).what.find("names") != std::string::npos);
  CHECK(findings->at(1).documents == std::vector{document(50)});
  CHECK(restore(backup, directory.path() / "r").error().code == ErrorCode::kCorrupt);
  CHECK_FALSE(fs::exists(directory.path() / "r"));

  // A report of an earlier release does not say them.
  other.records.reset();
  REQUIRE(write_file_synced(backup / kBackupFile, format_backup_manifest(other)).has_value());
  CHECK(verify_backup(backup)->empty());
  CHECK(restore(backup, directory.path() / "r").has_value());
}

TEST_CASE("a byte changed anywhere in a backup is found and named, nothing is touched",
          "[store][backup]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path backup = directory.path() / "b";
  {
    DiskStore store(directory.path() / "s");
    testing::fill(store.get(), 4, 3, 200);
    REQUIRE(store.get().compact_tables().has_value());
    REQUIRE(append_now(store.get(), append_of(document(90), 0, {change(1)})).has_value());
    REQUIRE(store.get().backup(backup, {}).has_value());
  }
  for (const auto& [name, bytes] : contents_of(backup)) {
    if (bytes.empty()) continue;
    const fs::path file = backup / name;
    fs::permissions(file, fs::perms::owner_all);
    for (const std::size_t at :
         {std::size_t{0}, bytes.size() / 3, bytes.size() / 2,
          bytes.size() - std::min<std::size_t>(bytes.size(), 48), bytes.size() - 1}) {
      INFO(name << " byte " << at);
      flip(file, at);
      const auto before = contents_of(backup);
      const std::string plain = fs::path(name).filename();
      const auto refused = restore(backup, directory.path() / "r");
      REQUIRE_FALSE(refused.has_value());
      CHECK((refused.error().code == ErrorCode::kCorrupt ||
             (plain == kFormatFile && refused.error().code == ErrorCode::kUnsupported)));
      if (refused.error().code == ErrorCode::kCorrupt)
        CHECK(refused.error().message.find(plain) != std::string::npos);
      CHECK_FALSE(fs::exists(directory.path() / "r"));
      const auto findings = verify_backup(backup);
      if (plain == kBackupFile) {
        REQUIRE_FALSE(findings.has_value());
        CHECK(findings.error().code == ErrorCode::kCorrupt);
      } else if (plain != kFormatFile) {  // which check_store looks at
        REQUIRE(findings.has_value());
        REQUIRE_FALSE(findings->empty());
        CHECK(findings->front().where.file == plain);
      }
      CHECK(contents_of(backup) == before);
      flip(file, at);
    }
  }
  CHECK(verify_backup(backup)->empty());
}
