#include "core/store/salvage.h"

#include "core/store/directory.h"
#include "core/store/inspect.h"
#include "core/store/log_reader.h"
#include "core/store/manifest.h"
#include "core/store/table_reader.h"
#include "tests/core/store/damage.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <set>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;

namespace {

SalvageReport salvage(const fs::path& source, const fs::path& target) {
  fs::remove_all(target);
  auto report = salvage_store(source, target, {}, disk_options());
  if (!report) FAIL(report.error().message);
  return std::move(*report);
}

/// Names of all files below, with their contents.
std::map<std::string, std::string> everything(const fs::path& path) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    out[entry.path().string()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return out;
}

/// The salvaged store is sound by its own check.
void require_sound(const fs::path& path) {
  CheckOptions deep;
  deep.depth = CheckDepth::kDeep;
  const auto report = check_store(path, deep);
  REQUIRE(report.has_value());
  for (const Finding& finding : report->findings) {
    INFO(finding.code << " " << finding.where.key << " " << finding.what);
    // Receipts of changes that only a snapshot holds may be gone for good.
    CHECK((finding.severity == Severity::kInfo || finding.code == "index.receipts"));
  }
}

}  // namespace

TEST_CASE("a sound store is salvaged whole, under a new id, and the source is not touched",
          "[store][salvage]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "s";
  make_store(source);
  const auto before = everything(source);
  const fs::path target = directory.path() / "t";

  const SalvageReport report = salvage(source, target);

  CHECK(everything(source) == before);
  CHECK(report.used_manifest);
  CHECK(report.records_dropped == 0);
  CHECK(report.documents_complete == 12);
  CHECK(report.documents_degraded.empty());
  CHECK(report.tombstones == 1);
  CHECK(report.names == 11);
  require_sound(target);
  DiskStore old(source);
  DiskStore salvaged(target);
  CHECK(salvaged.get().identity().store_id != old.get().identity().store_id);
  CHECK(salvaged.get().counts().documents == old.get().counts().documents);
  CHECK(salvaged.get().counts().changes == old.get().counts().changes);
  CHECK(salvaged.get().counts().last_receipt == old.get().counts().last_receipt);
  const auto listed = old.get().list_documents({});
  REQUIRE(listed.has_value());
  for (const DocumentHeader& header : listed->items) {
    const auto was = old.get().load(header.id);
    const auto is = salvaged.get().load(header.id);
    REQUIRE(was.has_value());
    REQUIRE(is.has_value());
    CHECK(is->header.heads == was->header.heads);
    CHECK(is->snapshot == was->snapshot);
    REQUIRE(is->tail.size() == was->tail.size());
    for (std::size_t i = 0; i < is->tail.size(); ++i) {
      CHECK(is->tail[i].chunk == was->tail[i].chunk);
      CHECK(is->tail[i].receipt == was->tail[i].receipt);
    }
    CHECK(is->orphans.size() == was->orphans.size());
    CHECK_FALSE(salvaged.get().peer_state(header.id, testing::peer_key(1))->has_value());
  }
  CHECK(salvaged.get().header(document(2))->state == DocumentState::kDeleted);
  CHECK(salvaged.get().peers()->size() == 1);
}

TEST_CASE("F26 F27: without CURRENT or MANIFEST nothing is lost", "[store][salvage]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "s";
  make_store(source);
  const std::string manifest = read_current(source / "db").value();
  SECTION("CURRENT is missing") { fs::remove(source / "db/CURRENT"); }
  SECTION("CURRENT is empty") { std::ofstream(source / "db/CURRENT", std::ios::trunc); }
  SECTION("the MANIFEST is missing") { fs::remove(source / "db" / manifest); }
  SECTION("the MANIFEST is damaged") { flip(source / "db" / manifest, 20); }
  SECTION("FORMAT is missing") { fs::remove(source / "FORMAT"); }
  const fs::path target = directory.path() / "t";

  const SalvageReport report = salvage(source, target);

  CHECK(report.documents_complete == 12);
  CHECK(report.documents_degraded.empty());
  require_sound(target);
}

TEST_CASE("F21: a log with a hole gives both sides of it", "[store][salvage]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "s";
  {
    OpenOptions options = disk_options();
    options.write_buffer_bytes = 4u << 20;
    DiskStore store(source, options);
    for (std::uint64_t i = 0; i < 40; ++i) {
      REQUIRE(append_now(store.get(), append_of(document(i), 0, {linked_change(i, {}, 5000)}))
                  .has_value());
    }
  }
  fs::path log;
  for (const auto& entry : fs::directory_iterator(source / "db")) {
    if (entry.path().extension() == ".log") log = entry.path();
  }
  flip(log, fs::file_size(log) / 2);
  REQUIRE_FALSE(try_open(source).has_value());
  const fs::path target = directory.path() / "t";

  const SalvageReport report = salvage(source, target);

  CHECK(report.documents_complete >= 32);
  CHECK(report.documents_complete < 40);
  DiskStore salvaged(target);
  CHECK(salvaged.get().load(document(0)).has_value());
  CHECK(salvaged.get().load(document(39)).has_value());
}

TEST_CASE("F22: a damaged block degrades the documents in it and no others", "[store][salvage]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "s";
  make_store(source);
  const fs::path target = directory.path() / "t";
  std::size_t degraded_total = 0;
  for (const fs::path& table : tables_of(source)) {
    auto reader = TableReader::open(table);
    REQUIRE(reader.has_value());
    REQUIRE_FALSE(reader->read_index().has_value());
    const auto blocks = reader->blocks();
    for (std::size_t b = 0; b < blocks.size(); b += 3) {
      flip(table, blocks[b].offset + blocks[b].size / 2);
      const SalvageReport report = salvage(source, target);
      flip(table, blocks[b].offset + blocks[b].size / 2);
      INFO(table << " block " << b);
      REQUIRE_FALSE(report.findings.empty());
      REQUIRE(report.documents_degraded.size() <= 3);
      REQUIRE(report.documents_complete + report.documents_degraded.size() >= 11);
      degraded_total += report.documents_degraded.size();
      DiskStore salvaged(target);
      const auto listed = salvaged.get().list_documents({});
      REQUIRE(listed.has_value());
      for (const DocumentHeader& header : listed->items) {
        const auto loaded = salvaged.get().load(header.id);
        if (!loaded) FAIL(loaded.error().message);
        // It goes on: peers may send what is missing.
        CHECK(loaded->tail.size() == header.tail_changes);
      }
    }
  }
  CHECK(degraded_total > 0);
}

TEST_CASE("salvage refuses what is no store, a store in use, and a target that is not empty",
          "[store][salvage]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "s";
  make_store(source, 3, 3);
  const auto run = [&](const fs::path& from, const fs::path& to) {
    return salvage_store(from, to, {}, disk_options());
  };
  CHECK(run(directory.path(), directory.path() / "t").error().code == ErrorCode::kInvalid);
  std::ofstream(directory.path() / "x") << "x";
  CHECK(run(source, directory.path()).error().id == "output.exists");
  CHECK(run(source, source).error().code == ErrorCode::kLocked);
  {
    DiskStore open(source);
    CHECK(run(source, directory.path() / "t").error().code == ErrorCode::kLocked);
  }
  std::ofstream(source / kFormatFile, std::ios::trunc) << "syncd-store 2\n";
  CHECK(run(source, directory.path() / "t").error().id == "store.newer");
  CHECK(scan_records(source, {}).error().id == "store.newer");
  CHECK(check_store(source, {}).error().message == "the store has format 2, this release knows 1");
  CHECK_FALSE(fs::exists(directory.path() / "t"));
}
