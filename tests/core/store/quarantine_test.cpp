#include "core/store/keys.h"
#include "core/store/repair.h"
#include "core/store/values.h"
#include "tests/core/store/damage.h"

#include <catch2/catch.hpp>
#include <leveldb/db.h>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;

namespace {

RepairOptions options() {
  RepairOptions out;
  out.inspect_snapshot = [](ByteView) -> Result<InspectedSnapshot> {
    return Error{ErrorCode::kCorrupt, "no snapshot here"};
  };
  return out;
}

struct Chain {
  std::vector<NewChange> changes;
  Heads heads() const { return {changes.back().hash}; }
};

Chain chain(std::uint64_t number, std::size_t length) {
  Chain out;
  Heads heads;
  for (std::size_t i = 0; i < length; ++i) {
    out.changes.push_back(linked_change(number * 100 + i, heads));
    heads = {out.changes.back().hash};
  }
  return out;
}

/// A stopped store of one document with a chain of five changes.
Chain make_chain(const fs::path& path) {
  Chain made = chain(1, 5);
  DiskStore store(path);
  for (std::uint64_t i = 0; i < 5; ++i) {
    REQUIRE(append_now(store.get(), append_of(document(1), i, {made.changes[i]})));
  }
  REQUIRE(store.get().close(std::chrono::seconds(20)));
  return made;
}

void spoil(const fs::path& path, const std::string& key) {
  leveldb::DB* opened = nullptr;
  leveldb::Options plain;
  plain.paranoid_checks = true;
  REQUIRE(leveldb::DB::Open(plain, (path / "db").string(), &opened).ok());
  const std::unique_ptr<leveldb::DB> database(opened);
  std::string value;
  std::string ledger;
  const std::string ledger_key = meta_key(kLedgerName);
  REQUIRE(database->Get({}, key, &value).ok());
  REQUIRE(database->Get({}, ledger_key, &ledger).ok());
  value.back() = static_cast<char>(value.back() ^ 1);
  REQUIRE(database->Put({}, key, value).ok());
  database->CompactRange(nullptr, nullptr);  // no foreign record may stay in a log
}

std::vector<QuarantineEntry> entries_of(Store& store) {
  const auto page = store.list_quarantine({});
  REQUIRE(page);
  return page->items;
}

}  // namespace

TEST_CASE("F29: a record that does not verify degrades its document and is kept aside",
          "[store][quarantine]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  const Chain made = make_chain(path);
  spoil(path, change_key(document(1), made.changes[2].hash));

  DiskStore disk(path);
  Store& store = disk.get();
  CHECK(store.load(document(1)).error().code == ErrorCode::kCorrupt);

  const auto healed = store.heal(document(1), options());
  if (!healed) FAIL(healed.error().message);
  REQUIRE(healed->degraded.size() == 1);
  const auto loaded = store.load(document(1));
  REQUIRE(loaded);
  CHECK(loaded->header.state == DocumentState::kDegraded);
  CHECK(loaded->header.heads == Heads{made.changes[1].hash});
  CHECK(loaded->header.missing == std::vector<ChangeHash>{made.changes[2].hash});
  CHECK(loaded->tail.size() == 2);
  CHECK(loaded->orphans.size() == 2);

  const auto entries = entries_of(store);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].code == "record.sum");
  CHECK(entries[0].document == document(1));
  CHECK(entries[0].missing == loaded->header.missing);
  CHECK(entries[0].records.size() == 1);
  REQUIRE(entries[0].files.size() == 1);
  CHECK(fs::exists(path / "quarantine" / entries[0].files[0]));

  SECTION("looking again finds nothing new") {
    const auto again = store.heal(document(1), options());
    REQUIRE(again);
    CHECK(again->quarantined == 0);
    CHECK(entries_of(store).size() == 1);
    CHECK(store.header(document(1))->state == DocumentState::kDegraded);
  }
  SECTION("the change that was missing makes it whole, and looking again says so") {
    Append append = append_of(document(1), loaded->header.document_seq, {made.changes[2]});
    REQUIRE(append_now(store, std::move(append)));
    const auto again = store.heal(document(1), options());
    REQUIRE(again);
    CHECK(again->degraded.empty());
    const auto whole = store.load(document(1));
    REQUIRE(whole);
    CHECK(whole->header.state == DocumentState::kActive);
    CHECK(whole->header.missing.empty());
    CHECK(whole->header.heads == made.heads());
    CHECK(whole->tail.size() == 5);
    CHECK(whole->orphans.empty());
    CHECK(store.counts().changes == 5);
    CHECK(entries_of(store).size() == 1);  // only an operator drops it
  }
  SECTION("an append that says what is still missing sets the state") {
    Append append = append_of(document(1), loaded->header.document_seq, {made.changes[2]});
    append.documents[0].missing = std::vector<ChangeHash>{};
    REQUIRE(append_now(store, std::move(append)));
    CHECK(store.header(document(1))->state == DocumentState::kActive);
  }
  SECTION("an operator drops the entry, and with it the bytes") {
    CHECK(store.drop_quarantine({7}).error().id == "entry.not_found");
    REQUIRE(store.drop_quarantine({entries[0].id}));
    CHECK(entries_of(store).empty());
    CHECK_FALSE(fs::exists(path / "quarantine" / entries[0].files[0]));
  }
}

TEST_CASE("F22: a damaged block is repaired while the store is open", "[store][quarantine]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  {
    DiskStore store(path);
    for (std::uint64_t d = 0; d < 20; ++d) {
      const Chain made = chain(d, 10);
      for (std::uint64_t i = 0; i < 10; ++i) {
        REQUIRE(append_now(store.get(), append_of(document(d), i, {made.changes[i]}),
                           Durability::kRelaxed));
      }
    }
    REQUIRE(store.get().compact_tables());
    REQUIRE(store.get().close(std::chrono::seconds(20)));
  }
  fs::path table;
  for (const fs::path& each : tables_of(path)) {
    if (table.empty() || fs::file_size(each) > fs::file_size(table)) table = each;
  }
  flip(table, fs::file_size(table) / 3);

  DiskStore disk(path);
  Store& store = disk.get();
  const auto plan = store.plan_repair({});
  REQUIRE(plan);
  REQUIRE(plan->tables.size() == 1);
  const auto report = store.repair(*plan, options());
  if (!report) FAIL(report.error().message);
  CHECK(report->degraded.size() >= 1);
  CHECK(report->degraded.size() <= 4);
  CHECK(entries_of(store).size() == report->degraded.size());
  CHECK(store.plan_repair({})->empty());
  CHECK(store.state() == StoreState::kOpen);
  std::uint64_t changes = 0;
  for (std::uint64_t d = 0; d < 20; ++d) {
    const auto loaded = store.load(document(d));
    REQUIRE(loaded);
    changes += loaded->header.change_count;
  }
  CHECK(store.counts().changes == changes);
  // Writes and compaction go on.
  REQUIRE(append_now(store, append_of(document(300), 0, {linked_change(12345, {})})));
  REQUIRE(store.compact_tables());
  REQUIRE(store.close(std::chrono::seconds(20)));
  CheckOptions deep;
  deep.depth = CheckDepth::kDeep;
  const auto check = check_store(path, deep);
  REQUIRE(check);
  for (const Finding& finding : check->findings) {
    INFO(finding.code << " " << finding.what);
    CHECK(finding.severity == Severity::kInfo);
    CHECK(finding.code == "document.degraded");
  }
}

TEST_CASE("receipts and names that were lost are written again", "[store][repair]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  {
    DiskStore store(path);
    for (std::uint64_t d = 0; d < 4; ++d) {
      const Chain made = chain(d, 3);
      Append append = append_of(document(d), 0, made.changes);
      append.names.push_back({"doc/" + std::to_string(d), {}, document(d)});
      REQUIRE(append_now(store.get(), std::move(append)));
    }
    REQUIRE(store.get().close(std::chrono::seconds(20)));
  }
  {
    leveldb::DB* opened = nullptr;
    REQUIRE(leveldb::DB::Open({}, (path / "db").string(), &opened).ok());
    const std::unique_ptr<leveldb::DB> database(opened);
    for (const std::string& key :
         {receipt_key(2), receipt_key(7), name_key("doc/1"), name_link_key(document(2), "doc/2")}) {
      REQUIRE(database->Delete({}, key).ok());
    }
    database->CompactRange(nullptr, nullptr);
  }
  const auto plan = plan_repair(path);
  REQUIRE(plan);
  CHECK(plan->has_bad_index);
  const auto report = apply_repair(path, plan->id, options(), disk_options());
  if (!report) FAIL(report.error().message);
  CHECK(report->indexes.receipts == 2);
  CHECK(report->indexes.receipts_lost == 0);
  CHECK(report->indexes.names == 2);
  CHECK(plan_repair(path)->empty());
  DiskStore store(path);
  CHECK(store.get().find_name("doc/1").value() == document(1));
  CHECK(store.get().receipts(1, 100)->items.size() == 12);
}
