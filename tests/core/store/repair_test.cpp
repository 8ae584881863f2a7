#include "core/store/repair.h"

#include "tests/core/store/damage.h"

#include <catch2/catch.hpp>

#include <set>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;

namespace {

RepairOptions repair_options() {
  RepairOptions options;
  // The fixture's snapshots are filler: they hold nothing that an engine would find.
  options.inspect_snapshot = [](ByteView) -> Result<InspectedSnapshot> {
    return Error{ErrorCode::kCorrupt, "no snapshot here"};
  };
  return options;
}

/// A store of `documents` chains of ten changes each, in tables.
void make_chains(const fs::path& path, std::uint64_t documents) {
  DiskStore store(path);
  for (std::uint64_t d = 0; d < documents; ++d) {
    Heads heads;
    for (std::uint64_t c = 0; c < 10; ++c) {
      const NewChange next = linked_change(d * 100 + c, heads, 400);
      heads = {next.hash};
      REQUIRE(append_now(store.get(), append_of(document(d), c, {next}), Durability::kRelaxed));
    }
  }
  REQUIRE(store.get().compact_tables());
  REQUIRE(store.get().close(std::chrono::seconds(20)));
}

fs::path largest_table(const fs::path& path) {
  fs::path found;
  for (const auto& file : fs::directory_iterator(path / "db")) {
    if (file.path().extension() != ".sst") continue;
    if (found.empty() || fs::file_size(file) > fs::file_size(found)) found = file.path();
  }
  return found;
}

std::string findings_of(const fs::path& path, std::set<std::string> but = {}) {
  CheckOptions options;
  options.depth = CheckDepth::kDeep;
  const auto report = check_store(path, options);
  REQUIRE(report);
  std::string out;
  for (const Finding& finding : report->findings) {
    if (finding.severity == Severity::kInfo || but.contains(finding.code)) continue;
    out += finding.code + " " + finding.where.key + " " + finding.what + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("a sound store has nothing to repair", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_chains(path, 3);
  const auto plan = plan_repair(path);
  REQUIRE(plan);
  CHECK(plan->empty());
  fs::remove(path / "db/marker.format-version.000001.001");
  const auto guard = plan_repair(path);
  REQUIRE(guard);
  CHECK(guard->lacks_guard);
  REQUIRE(apply_repair(path, guard->id, repair_options(), disk_options()));
  CHECK(plan_repair(path)->empty());
  CHECK(plan_repair(directory.path() / "absent").error().code == ErrorCode::kNotFound);
  CHECK(plan_repair(directory.path()).error().code == ErrorCode::kInvalid);
  fs::create_directory_symlink(path, directory.path() / "link");
  CHECK(plan_repair(directory.path() / "link").error().code == ErrorCode::kDenied);
  fs::create_symlink("/etc/passwd", path / "db/000099.sst");
  CHECK(plan_repair(path).error().code == ErrorCode::kDenied);
}

TEST_CASE("F22: a damaged block costs its documents some changes and nobody else anything",
          "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_chains(path, 20);
  const fs::path table = largest_table(path);
  flip(table, fs::file_size(table) / 2);

  const auto plan = plan_repair(path);
  REQUIRE(plan);
  REQUIRE(plan->tables.size() == 1);
  CHECK(plan->tables[0].holes.size() == 1);
  CHECK(fs::exists(table));
  CHECK(apply_repair(path, "00000000", repair_options(), disk_options()).error().id ==
        "plan.stale");

  const auto report = apply_repair(path, plan->id, repair_options(), disk_options());

  if (!report) FAIL(report.error().message);
  CHECK(report->degraded.size() >= 1);
  CHECK(report->degraded.size() <= 3);
  CHECK_FALSE(fs::exists(table));
  REQUIRE(report->set_aside.size() == 1);
  CHECK(fs::exists(report->set_aside[0]));
  CHECK(plan_repair(path)->empty());
  // Receipts of the lost changes are all that is left to find.
  CHECK(findings_of(path, {"index.receipts"}) == "");
  std::set<DocumentId> degraded;
  for (const RepairedDocument& each : report->degraded) {
    degraded.insert(each.id);
    CHECK_FALSE(each.missing.empty());
  }
  DiskStore store(path);
  for (std::uint64_t d = 0; d < 20; ++d) {
    const auto loaded = store.get().load(document(d));
    REQUIRE(loaded);
    const bool whole = !degraded.contains(document(d));
    CHECK((loaded->header.state == DocumentState::kDegraded) == !whole);
    CHECK((loaded->tail.size() == 10) == whole);
  }
  // The peer's copies fill the hole.
  const DocumentId hurt = *degraded.begin();
  REQUIRE(append_now(store.get(), append_of(document(500), 0, {linked_change(9999, {})})));
  CHECK(store.get().header(hurt)->change_count < 10);
}

TEST_CASE("F22: what is newer than a repaired table stays newer", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  // What a killed store's log holds becomes a table of level 0 by the next opening.
  {
    DiskStore store(path);
    for (std::uint64_t d = 0; d < 15; ++d)
      REQUIRE(append_now(store.get(), append_of(document(d), 0, {linked_change(d, {}, 3000)})));
  }
  {
    DiskStore store(path);
    for (std::uint64_t d = 0; d < 15; ++d) {
      const auto before = store.get().header(document(d))->heads;
      REQUIRE(append_now(store.get(),
                         append_of(document(d), 1, {linked_change(100 + d, before, 3000)})));
    }
  }
  { DiskStore store(path); }
  const auto tables = tables_of(path);
  REQUIRE(tables.size() >= 2);
  flip(tables[0], fs::file_size(tables[0]) / 2);  // the oldest

  const auto plan = plan_repair(path);
  REQUIRE(plan);
  REQUIRE(plan->tables.size() == 1);
  CHECK(plan->tables[0].level == 0);
  REQUIRE(apply_repair(path, plan->id, repair_options(), disk_options()));
  CHECK(findings_of(path, {"index.receipts"}) == "");

  DiskStore store(path);
  std::size_t degraded = 0;
  for (std::uint64_t d = 0; d < 15; ++d) {
    const auto loaded = store.get().load(document(d));
    if (!loaded) FAIL(loaded.error().message);
    CHECK(loaded->header.document_seq >= 2);
    degraded += loaded->header.state == DocumentState::kDegraded ? 1 : 0;
  }
  CHECK(degraded >= 1);
  CHECK(degraded <= 3);
}

TEST_CASE("F23: a table without its index loses nothing", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_chains(path, 5);
  const fs::path table = largest_table(path);
  flip(table, fs::file_size(table) - 4);  // the footer's magic

  const auto plan = plan_repair(path);
  REQUIRE(plan);
  REQUIRE(plan->tables.size() == 1);
  CHECK(plan->tables[0].has_bad_index);
  const auto report = apply_repair(path, plan->id, repair_options(), disk_options());
  if (!report) FAIL(report.error().message);
  CHECK(report->degraded.empty());
  CHECK(findings_of(path) == "");
}

TEST_CASE("F24: a table that is gone costs its records, and the store opens again",
          "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_chains(path, 12);
  fs::remove(largest_table(path));
  CHECK_FALSE(try_open(path).has_value());

  const auto plan = plan_repair(path);
  REQUIRE(plan);
  const auto report = apply_repair(path, plan->id, repair_options(), disk_options());
  if (!report) {
    // The store's own records may have been in it: then only a salvage helps, and it says so.
    CHECK(report.error().hint == "syncctl store salvage");
    return;
  }
  CHECK(try_open(path).has_value());
}

TEST_CASE("F7: a repair that is cut short at any step is begun again", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_chains(path, 12);
  const fs::path table = largest_table(path);
  flip(table, fs::file_size(table) / 2);
  const auto plan = plan_repair(path);
  REQUIRE(plan);
  std::vector<fs::path> copies;
  OpenOptions options = disk_options();
  options.on_step = [&](std::string_view step) {
    if (!step.starts_with("repair.")) return;
    copies.push_back(directory.path() / step);
    fs::create_directory(copies.back());
    fs::permissions(copies.back(), fs::perms::owner_all);
    fs::copy_file(path / "FORMAT", copies.back() / "FORMAT");
    fs::copy(path / "quarantine", copies.back() / "quarantine");
    fs::create_directory(copies.back() / "db");
    fs::permissions(copies.back() / "db", fs::perms::owner_all);
    for (const auto& file : fs::directory_iterator(path / "db")) {
      // Opening LOCK would drop the lock of the open store.
      if (file.path().filename() != "LOCK") fs::copy(file, copies.back() / "db");
    }
  };
  const auto report = apply_repair(path, plan->id, repair_options(), options);
  if (!report) FAIL(report.error().message);
  REQUIRE(copies.size() == 5);

  for (const fs::path& copy : copies) {
    INFO(copy);
    const auto again = plan_repair(copy);
    REQUIRE(again);
    REQUIRE(apply_repair(copy, again->id, repair_options(), disk_options()));
    CHECK(plan_repair(copy)->empty());
    DiskStore store(copy);
    // A document that was not hurt is whole in every copy.
    std::set<DocumentId> degraded;
    for (const RepairedDocument& each : report->degraded) degraded.insert(each.id);
    for (std::uint64_t d = 0; d < 12; ++d) {
      if (degraded.contains(document(d))) continue;
      CHECK(store.get().load(document(d))->tail.size() == 10);
    }
  }
}
