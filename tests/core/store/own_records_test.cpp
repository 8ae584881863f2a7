#include "core/store/own_records.h"

#include "core/store/keys.h"
#include "core/store/table_reader.h"
#include "tests/core/store/damage.h"

#include <catch2/catch.hpp>

#include <string>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;

namespace {

/// So many that no name is in one block with its link, where the store's own records are.
constexpr std::uint64_t kDocuments = 200;

RepairOptions repair_options() {
  RepairOptions options;
  options.inspect_snapshot = [](ByteView) -> Result<InspectedSnapshot> {
    return Error{ErrorCode::kCorrupt, "no snapshot here"};
  };
  return options;
}

/// Flips a byte of the block that holds the newest record with this key. False: no table has it.
bool flip_block_of(const fs::path& path, const std::string& key) {
  for (const fs::path& table : tables_of(path)) {
    auto reader = TableReader::open(table);
    REQUIRE(reader);
    REQUIRE_FALSE(reader->read_index());
    DecodedBlock block;
    for (const BlockHandle& handle : reader->blocks()) {
      REQUIRE_FALSE(reader->read_block(handle, block));
      const bool holds = std::ranges::any_of(block.entries, [&](const DecodedBlock::Entry& entry) {
        return parse_internal_key(entry.key)->user_key == key;
      });
      if (!holds) continue;
      flip(table, handle.offset + handle.size / 2);
      return true;
    }
  }
  return false;
}

/// Named documents and a setting, everything in one table, the log empty, killed.
StoreId make_flushed(const fs::path& path) {
  DiskStore store(path);
  for (std::uint64_t d = 0; d < kDocuments; ++d) {
    Append append = append_of(document(d), 0, {linked_change(d, {}, 400)});
    append.names.push_back({to_hex(document(d).bytes), {}, document(d)});
    REQUIRE(append_now(store.get(), std::move(append), Durability::kRelaxed));
  }
  REQUIRE(wait_for([&](Done done) {
    store.get().put_setting("catalog", to_bytes(as_bytes("an id of 16 byte")), std::move(done));
  }));
  REQUIRE(store.get().compact_tables());
  return store.get().identity().store_id;
}

void check_whole(const fs::path& path) {
  CheckOptions deep;
  deep.depth = CheckDepth::kDeep;
  const auto report = check_store(path, deep);
  REQUIRE(report);
  for (const Finding& finding : report->findings) {
    INFO(finding.code << " " << finding.what);
    CHECK(finding.severity == Severity::kInfo);
  }
  DiskStore store(path);
  for (std::uint64_t d = 0; d < kDocuments; ++d) CHECK(store.get().load(document(d)));
  const auto names = store.get().list_names({.after = {}, .prefix = {}, .limit = 1000});
  REQUIRE(names);
  CHECK(names->items.size() == kDocuments);
  CHECK(store.get().counts().last_receipt == kDocuments);
  REQUIRE(append_now(store.get(), append_of(document(9999), 0, {linked_change(9999, {})})));
  CHECK(store.get().counts().last_receipt == kDocuments + 1);
}

}  // namespace

TEST_CASE("F22: a damaged block with the store's own records is repaired", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  const StoreId before = make_flushed(path);
  REQUIRE(flip_block_of(path, meta_key("format")));

  const auto opened = try_open(path);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().id == "store.corrupt");
  CHECK(opened.error().message.starts_with("table.block"));
  CHECK(opened.error().hint == "syncctl store repair");

  SECTION("by its plan") {
    const auto plan = plan_repair(path);
    REQUIRE(plan);
    CHECK(std::ranges::count(may_lack(*plan), "settings") == 1);
    const auto report = apply_repair(path, plan->id, repair_options(), disk_options());
    if (!report) FAIL(report.error().message);
    CHECK(std::ranges::count(report->own_records, "format") == 1);
    REQUIRE(report->new_id);
    CHECK(*report->new_id != before);
  }
  SECTION("by the agent, before it opens the store") {
    const auto report = repair_to_open(path, repair_options(), disk_options());
    if (!report) FAIL(report.error().message);
    CHECK(report->new_id);
    CHECK(report->set_aside.size() == 1);
  }
  check_whole(path);
}

TEST_CASE("a store that was stopped keeps its id and settings whatever a table loses",
          "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  const StoreId before = make_flushed(path);
  {
    DiskStore store(path);
    REQUIRE(store.get().close(std::chrono::seconds(20)));
  }
  REQUIRE(flip_block_of(path, meta_key("format")));
  const auto plan = plan_repair(path);
  REQUIRE(plan);
  const auto report = apply_repair(path, plan->id, repair_options(), disk_options());
  if (!report) FAIL(report.error().message);
  CHECK_FALSE(report->new_id);
  check_whole(path);
  DiskStore store(path);
  CHECK(store.get().identity().store_id == before);
  CHECK(*store.get().setting("catalog"));
}

TEST_CASE("what the agent may not repair unasked waits for the operator", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_flushed(path);
  const auto sound = repair_to_open(path, repair_options(), disk_options());
  CHECK(sound.error().id == "store.corrupt");
  for (const fs::path& table : tables_of(path)) flip(table, fs::file_size(table) - 1);
  const auto refused = repair_to_open(path, repair_options(), disk_options());
  CHECK(refused.error().id == "store.corrupt");
  CHECK(refused.error().hint == "syncctl --store " + path.string() + " store repair");
}

TEST_CASE("a repair of a running store counts headers that came back once", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_flushed(path);
  REQUIRE(flip_block_of(path, header_key(document(3))));
  DiskStore disk(path);
  const auto plan = disk.get().plan_repair({});
  REQUIRE(plan);
  REQUIRE(disk.get().repair(*plan, repair_options()));
  CHECK(disk.get().counts().documents == kDocuments);
  CheckOptions deep;
  deep.depth = CheckDepth::kDeep;
  const auto report = disk.get().check(deep);
  REQUIRE(report);
  CHECK(report->ok());
}

TEST_CASE("a deleted document stays deleted when its last header is lost", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  {
    OpenOptions roomy = disk_options();
    roomy.write_buffer_bytes = 8u << 20;  // every version of the header reaches one table
    DiskStore store(path, roomy);
    Heads heads;
    for (std::uint64_t c = 0; c < 150; ++c) {
      const NewChange next = linked_change(c, heads, 40);
      heads = {next.hash};
      REQUIRE(append_now(store.get(), append_of(document(0), c, {next}), Durability::kRelaxed));
    }
    REQUIRE(wait_for([&](Done done) { store.get().remove(document(0), {}, std::move(done)); }));
    REQUIRE(store.get().close(std::chrono::seconds(20)));
  }
  { DiskStore store(path); }  // what the log held is a table now
  REQUIRE(flip_block_of(path, header_key(document(0))));
  const auto plan = plan_repair(path);
  REQUIRE(plan);
  const auto report = apply_repair(path, plan->id, repair_options(), disk_options());
  if (!report) FAIL(report.error().message);
  CHECK(report->degraded.empty());
  DiskStore store(path);
  CHECK(store.get().header(document(0))->state == DocumentState::kDeleted);
  CHECK(store.get().load(document(0)).error().code == ErrorCode::kNotFound);
  CHECK(store.get().counts().documents == 0);
}

TEST_CASE("a compaction that meets damage says so", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_flushed(path);
  REQUIRE(flip_block_of(path, header_key(document(3))));
  DiskStore disk(path);
  for (std::uint64_t d = 0; d < 3; ++d) {
    REQUIRE(append_now(disk.get(), append_of(document(5000 + d), 0, {linked_change(d, {})})));
  }
  const auto compacted = disk.get().compact_tables();
  REQUIRE_FALSE(compacted);
  INFO(compacted.error().message);
  CHECK(compacted.error().message.find("table.block") != std::string::npos);
}
