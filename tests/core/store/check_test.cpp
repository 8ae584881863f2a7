// store check finds what was planted and nothing else.

#include "core/store/check.h"

#include "core/codec/leb128.h"
#include "core/store/directory.h"
#include "core/store/identity.h"
#include "core/store/inspect.h"
#include "core/store/keys.h"
#include "core/store/manifest.h"
#include "core/store/record_walk.h"
#include "core/store/repair.h"
#include "core/store/salvage.h"
#include "core/store/values.h"
#include "tests/core/store/damage.h"

#include <catch2/catch.hpp>
#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include <algorithm>
#include <fstream>
#include <set>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;
namespace fs = std::filesystem;

namespace {

CheckReport check(const fs::path& path, CheckDepth depth = CheckDepth::kDeep) {
  CheckOptions options;
  options.depth = depth;
  auto report = check_store(path, options);
  if (!report) FAIL(report.error().message);
  return std::move(*report);
}

std::set<std::string> codes(const CheckReport& report) {
  std::set<std::string> out;
  for (const Finding& finding : report.findings) out.insert(finding.code);
  return out;
}

std::string text_of(const CheckReport& report) {
  std::string out;
  for (const Finding& finding : report.findings) {
    out += finding.code + " " + finding.where.file + " " + finding.where.key + ": " + finding.what +
           "\n";
  }
  return out;
}

/// Changes records behind the store's back, by plain LevelDB.
void tamper(const fs::path& path, const std::function<void(leveldb::DB&)>& work) {
  leveldb::DB* raw = nullptr;
  leveldb::Options options;
  REQUIRE(leveldb::DB::Open(options, (path / "db").string(), &raw).ok());
  const std::unique_ptr<leveldb::DB> database(raw);
  work(*database);
}

}  // namespace

TEST_CASE("a sound store has no findings at any depth", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  make_store(directory.path() / "s");
  for (const CheckDepth depth : {CheckDepth::kQuick, CheckDepth::kSample, CheckDepth::kDeep}) {
    const CheckReport report = check(directory.path() / "s", depth);
    INFO(text_of(report));
    CHECK(report.ok());
    CHECK(report.findings.empty());
    CHECK(report.tables > 0);
  }
  const CheckReport deep = check(directory.path() / "s");
  CHECK(deep.documents == 12);
  CHECK(deep.last_commit > 0);
}

TEST_CASE("the digest depends on contents, not on files", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_store(path);
  const Sha256 before = check(path).digest;
  tamper(path, [](leveldb::DB& database) { database.CompactRange(nullptr, nullptr); });
  CHECK(check(path).digest == before);
  tamper(path, [](leveldb::DB& database) {
    REQUIRE(database.Delete({}, "zzz").ok());
    REQUIRE(database.Put({}, header_key(document(500)), "x").ok());
  });
  CHECK(check(path).digest != before);
}

TEST_CASE("a store proves itself beside its writer, and says what it cannot read",
          "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_store(path);
  DiskStore store(path);
  for (const CheckDepth depth : {CheckDepth::kQuick, CheckDepth::kSample, CheckDepth::kDeep}) {
    CheckOptions options;
    options.depth = depth;
    const auto report = store.get().check(options);
    if (!report) FAIL(report.error().message);
    INFO(text_of(*report));
    CHECK(report->ok());
    CHECK(report->tables > 0);
  }
  CHECK_FALSE(fs::exists(path / "tmp/check"));

  fs::path table;
  for (const auto& file : fs::directory_iterator(path / "db")) {
    if (file.path().extension() == ".sst") table = file.path();
  }
  std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(100);
  file.put('\x55');
  file.close();
  CheckOptions options;
  options.depth = CheckDepth::kDeep;
  const auto report = store.get().check(options);
  REQUIRE(report);
  REQUIRE_FALSE(report->ok());
  CHECK(codes(*report).contains("table.block"));
  CHECK(report->findings.front().where.file == table.filename());
  // Damage on disk does not end the store.
  CHECK(append_now(store.get(), append_of(document(900), 0, {linked_change(1, {})})).has_value());
}

TEST_CASE("one document is checked without the others", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_store(path);
  tamper(path, [](leveldb::DB& database) {
    REQUIRE(database.Put({}, header_key(document(3)), "x").ok());
  });
  CheckOptions options;
  options.documents = {document(1)};
  const auto sound = check_store(path, options);
  REQUIRE(sound);
  INFO(text_of(*sound));
  CHECK(sound->ok());
  CHECK(sound->documents == 1);
  options.documents = {document(3)};
  const auto damaged = check_store(path, options);
  REQUIRE(damaged);
  CHECK_FALSE(damaged->ok());
}

TEST_CASE("a scan of the records has the digest that check finds", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_store(path);
  const auto all = scan_records(path, {});
  REQUIRE(all);
  CHECK(all->damage.empty());
  CHECK(all->digest == check(path).digest);
  CHECK(all->records == check(path).records);

  RecordScan some;
  some.prefix = "i";
  std::size_t seen = 0;
  some.on_record = [&](std::string_view key, std::string_view) {
    CHECK(key.starts_with("i"));
    return ++seen < 3;
  };
  CHECK(scan_records(path, some)->records == 3);
  CHECK(scan_records(directory.path(), {}).error().code == ErrorCode::kInvalid);
}

TEST_CASE("a store in use, a folder that is none, and a newer one are refused", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  {
    DiskStore store(directory.path() / "s");
    CHECK(check_store(directory.path() / "s", {}).error().code == ErrorCode::kLocked);
  }
  fs::create_directory(directory.path() / "empty");
  CHECK(check_store(directory.path() / "empty", {}).error().code == ErrorCode::kInvalid);
  CHECK(check_store(directory.path() / "absent", {}).error().code == ErrorCode::kNotFound);
  std::ofstream(directory.path() / "s/FORMAT") << "syncd-store 9\n";
  CHECK(check_store(directory.path() / "s", {}).error().code == ErrorCode::kUnsupported);
}

TEST_CASE("F22: a flipped bit in any data block is found, and costs that block only",
          "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "s";
  make_store(source);
  const std::uint64_t records = check(source).records;
  std::uint64_t blocks = 0;
  for (const fs::path& table : tables_of(source)) {
    auto reader = TableReader::open(table);
    REQUIRE(reader.has_value());
    REQUIRE_FALSE(reader->read_index().has_value());
    for (const BlockHandle& handle : reader->blocks()) {
      DecodedBlock block;
      REQUIRE_FALSE(reader->read_block(handle, block).has_value());
      ++blocks;
      flip(table, handle.offset + handle.size / 2);
      const CheckReport report = check(source);
      flip(table, handle.offset + handle.size / 2);
      INFO(text_of(report));
      REQUIRE_FALSE(report.ok());
      REQUIRE(codes(report).contains("table.block"));
      REQUIRE(report.records + block.entries.size() >= records);
      const auto found = std::ranges::find(report.findings, "table.block", &Finding::code);
      CHECK(found->where.file == table.filename().string());
      CHECK(found->where.offset == handle.offset);
    }
  }
  CHECK(blocks > 20);
}

TEST_CASE("F23: damage to index, filter or footer loses no record", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "s";
  make_store(source);
  const CheckReport sound = check(source);
  const fs::path table = tables_of(source).back();
  const std::uint64_t size = fs::file_size(table);
  std::uint64_t data_end = 0;
  {
    auto reader = TableReader::open(table);
    REQUIRE_FALSE(reader->read_index().has_value());
    for (const BlockHandle& handle : reader->blocks()) {
      data_end = std::max(data_end, handle.offset + handle.size + kBlockTrailerBytes);
    }
  }
  for (std::uint64_t at = data_end; at < size; at += 13) {
    flip(table, at);
    const CheckReport report = check(source);
    flip(table, at);
    INFO("flip at " << at << " of " << size << "\n" << text_of(report));
    REQUIRE(report.digest == sound.digest);
    REQUIRE_FALSE(report.ok());
  }
  for (std::uint64_t at = size - kFooterBytes; at < size; ++at) {
    flip(table, at);
    INFO("flip at " << at << " of " << size);
    CHECK(codes(check(source, CheckDepth::kQuick)).contains("table.open"));
    flip(table, at);
  }
}

TEST_CASE("F24 F26 F27: missing and cut files are named", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_store(path);
  const fs::path table = tables_of(path).back();
  std::string wanted;
  SECTION("a table is missing") {
    fs::remove(table);
    wanted = "table.missing";
  }
  SECTION("a table is cut") {
    fs::resize_file(table, fs::file_size(table) / 2);
    wanted = "table.open";
  }
  SECTION("a table is empty") {
    fs::resize_file(table, 0);
    wanted = "table.open";
  }
  SECTION("CURRENT is missing") {
    fs::remove(path / "db/CURRENT");
    wanted = "store.current-missing";
  }
  SECTION("CURRENT is empty") {
    std::ofstream(path / "db/CURRENT", std::ios::trunc);
    wanted = "current.bad";
  }
  SECTION("the MANIFEST is missing") {
    fs::remove(path / "db" / read_current(path / "db").value());
    wanted = "manifest.damaged";
  }
  SECTION("the guard is missing") {
    fs::remove(path / "db" / kGuardMarker);
    wanted = "store.guard";
  }
  SECTION("FORMAT is missing") {
    fs::remove(path / "FORMAT");
    wanted = "store.format";
  }
  SECTION("others may write") {
    fs::permissions(path, fs::perms::all);
    wanted = "store.mode";
  }
  for (const CheckDepth depth : {CheckDepth::kQuick, CheckDepth::kDeep}) {
    const CheckReport report = check(path, depth);
    INFO(text_of(report));
    CHECK_FALSE(report.ok());
    CHECK(codes(report).contains(wanted));
  }
}

TEST_CASE("a record that is missing is named", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_store(path, 4, 3);
  std::string wanted;
  const auto erase = [&](const std::string& key) {
    tamper(path, [&](leveldb::DB& database) { REQUIRE(database.Delete({}, key).ok()); });
  };
  SECTION("a change is gone") {
    erase(change_key(document(0), linked_change(0, {}).hash));
    wanted = "document.missing-dep";
  }
  SECTION("a header is gone") {
    erase(header_key(document(0)));
    wanted = "document.no-header";
  }
  SECTION("a name is gone") {
    erase(name_key("doc/0"));
    wanted = "index.names";
  }
  SECTION("a link is gone") {
    erase(name_link_key(document(0), "doc/0"));
    wanted = "index.names";
  }
  SECTION("a receipt is gone") {
    erase(receipt_key(2));
    wanted = "index.receipts";
  }
  SECTION("a snapshot part is gone") {
    erase(snapshot_key(document(1), 1, 1));
    wanted = "snapshot.hash";
  }
  SECTION("the store's id is gone") {
    erase(meta_key("store-id"));
    wanted = "store.metadata";
  }
  SECTION("a tombstone is gone") {
    erase(tombstone_key(document(2)));
    wanted = "index.counts";
  }
  const CheckReport report = check(path);
  INFO(text_of(report));
  CHECK_FALSE(report.ok());
  CHECK(codes(report).contains(wanted));
}

TEST_CASE("records that contradict each other are named", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_store(path, 4, 3);
  const ChangeHash first = linked_change(0, {}).hash;
  std::string wanted;
  SECTION("F29: a value's sum is wrong under a good block") {
    tamper(path, [&](leveldb::DB& database) {
      std::string value;
      REQUIRE(database.Get({}, name_key("doc/0"), &value).ok());
      value.back() = static_cast<char>(value.back() ^ 1);
      REQUIRE(database.Put({}, name_key("doc/0"), value).ok());
    });
    wanted = "record.sum";
  }
  SECTION("a key of no space") {
    tamper(path, [&](leveldb::DB& database) { REQUIRE(database.Put({}, "?", "x").ok()); });
    wanted = "record.key";
  }
  SECTION("another change under a hash") {
    const std::string key = change_key(document(0), first);
    tamper(path, [&](leveldb::DB& database) {
      const NewChange other = linked_change(5, {});
      const std::string value = encode_change(key, Kind::kChange, {1, 0, {}, as_text(other.chunk)});
      REQUIRE(database.Put({}, key, value).ok());
    });
    wanted = "change.hash";
  }
  SECTION("heads that are not the changes'") {
    const std::string key = header_key(document(0));
    tamper(path, [&](leveldb::DB& database) {
      std::string value;
      REQUIRE(database.Get({}, key, &value).ok());
      HeaderRecord record = decode_header(key, value).value();
      record.header.heads = {first};
      REQUIRE(database.Put({}, key, encode_header(key, record)).ok());
    });
    wanted = "document.heads";
  }
  SECTION("counts that are not the changes'") {
    const std::string key = header_key(document(0));
    tamper(path, [&](leveldb::DB& database) {
      std::string value;
      REQUIRE(database.Get({}, key, &value).ok());
      HeaderRecord record = decode_header(key, value).value();
      record.header.tail_bytes += 1;
      REQUIRE(database.Put({}, key, encode_header(key, record)).ok());
    });
    wanted = "document.counts";
  }
  const CheckReport report = check(path);
  INFO(text_of(report));
  CHECK_FALSE(report.ok());
  CHECK(codes(report).contains(wanted));
}

TEST_CASE("a check can be stopped", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  make_store(directory.path() / "s", 30, 60);
  CheckOptions options;
  options.depth = CheckDepth::kDeep;
  options.on_progress = [](const CheckProgress&) { return false; };
  const auto report = check_store(directory.path() / "s", options);
  REQUIRE(report.has_value());
  CHECK(report->cancelled);
}

TEST_CASE("what is not a store is told in words by every command", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path place = directory.path();
  const fs::path store = place / "s";
  make_store(store, 3, 3);
  std::ofstream(place / "file") << "x";
  fs::create_directories(place / "other/db");
  std::ofstream(place / "other/db/notes.txt") << "x";
  fs::create_directory_symlink(store, place / "link");

  CHECK(expect_store(store));
  CHECK(expect_store(place / "absent").error().code == ErrorCode::kNotFound);
  CHECK(expect_store(place / "file").error().code == ErrorCode::kInvalid);
  CHECK(expect_store(place / "other").error().code == ErrorCode::kInvalid);
  CHECK(expect_store(place).error().code == ErrorCode::kInvalid);
  const auto link = expect_store(place / "link");
  CHECK(link.error().code == ErrorCode::kDenied);
  CHECK(link.error().hint.ends_with(store.filename().string()));
  fs::remove(store / kFormatFile);
  CHECK(expect_store(store));  // damaged, but one

  for (const char* name : {"absent", "file", "other", "link"}) {
    INFO(name);
    const fs::path path = place / name;
    const ErrorCode code = expect_store(path).error().code;
    CHECK(check_store(path, {}).error().code == code);
    CHECK(plan_repair(path).error().code == code);
    CHECK(salvage_store(path, place / "new", {}, disk_options()).error().code == code);
    CHECK(renew_identity(path, disk_options()).error().code == code);
    CHECK_FALSE(expect_store(path).error().hint.empty());
  }
  CHECK_FALSE(fs::exists(place / "new"));
  const auto plan = plan_repair(store);
  CHECK(plan.error().message.starts_with("store.format"));
  CHECK(plan.error().hint.starts_with("syncctl store salvage"));
}

TEST_CASE("a directory that others may write in is no store to repair", "[store][check]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path store = directory.path() / "s";
  make_store(store, 3, 3);
  fs::permissions(store, fs::perms::others_write, fs::perm_options::add);
  CHECK(plan_repair(store).error().code == ErrorCode::kDenied);
  const auto report = check_store(store, {});
  REQUIRE(report);
  REQUIRE(report->findings.size() == 1);
  CHECK(report->findings[0].code == "store.mode");
  CHECK(report->findings[0].next == "chmod 700 " + store.string());
}

TEST_CASE("network file systems are known by their type", "[store]") {
  CHECK(std::string_view(network_filesystem(0x6969)) == "NFS");
  CHECK(std::string_view(network_filesystem(0x01021997)) == "9p");
  CHECK(std::string_view(network_filesystem(0xFF534D42)) == "SMB");
  CHECK(std::string_view(network_filesystem(0xFE534D42)) == "SMB");
  CHECK(std::string_view(network_filesystem(0x517B)) == "SMB");
  CHECK(std::string_view(network_filesystem(0x65735546)) == "FUSE");
  CHECK(std::string_view(network_filesystem(0x00C36400)) == "Ceph");
  CHECK(std::string_view(network_filesystem(0x5346414F)) == "AFS");
  CHECK(std::string_view(network_filesystem(0x73757245)) == "Coda");
  for (const long local :
       {0xEF53L, 0x58465342L, 0x9123683EL, 0x01021994L, 0x794C7630L, 0x2FC12FC1L})
    CHECK(network_filesystem(local) == nullptr);
}
