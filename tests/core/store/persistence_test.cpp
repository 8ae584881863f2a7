// What a store directory keeps, what it refuses, and what it does about mutilated logs.

#include "core/store/directory.h"
#include "core/store/leveldb_kv.h"
#include "core/store/log_reader.h"
#include "core/store/manifest.h"
#include "tests/core/store/disk_store.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <fstream>
#include <future>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;
namespace fs = std::filesystem;

namespace {

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

fs::path only_log(const fs::path& directory) {
  std::vector<fs::path> logs;
  for (const auto& entry : fs::directory_iterator(directory / "db")) {
    if (entry.path().extension() == ".log") logs.push_back(entry.path());
  }
  REQUIRE(logs.size() == 1);
  return logs[0];
}

/// A stopped store (as after a kill: no farewell) with `count` durable appends.
void make_killed_store(const fs::path& target, std::uint64_t count) {
  DiskStore store(target);
  for (std::uint64_t i = 0; i < count; ++i) {
    REQUIRE(append_now(store.get(), append_of(document(i), 0, {change(i, 200)})).has_value());
  }
}

}  // namespace

TEST_CASE("a store opened again has everything", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  StoreIdentity before;
  StoreCounts counts;
  {
    DiskStore store(directory.path());
    CHECK(store.report().created);
    before = store.get().identity();
    for (std::uint64_t i = 0; i < 50; ++i) {
      REQUIRE(append_now(store.get(), append_of(document(i), 0, {change(i)})).has_value());
    }
    REQUIRE(wait_for([&](Done done) {
      store.get().put_names({{"a/b", {}, document(3)}}, std::move(done));
    }));
    REQUIRE(wait_for([&](Done done) { store.get().remove(document(4), {}, std::move(done)); }));
    counts = store.get().counts();
    REQUIRE(store.get().close(std::chrono::seconds(10)).has_value());
  }
  DiskStore store(directory.path());

  CHECK_FALSE(store.report().created);
  CHECK(store.report().was_clean);
  CHECK(store.get().identity().store_id == before.store_id);
  CHECK(store.get().identity().incarnation == before.incarnation + 1);
  CHECK(store.get().counts().documents == 49);
  CHECK(store.get().counts().changes == counts.changes);
  CHECK(store.get().counts().last_receipt == 50);
  CHECK(store.get().find_name("a/b")->value() == document(3));
  for (std::uint64_t i = 0; i < 50; ++i) {
    if (i == 4) continue;
    CHECK(store.get().load(document(i))->tail.at(0).chunk == change(i).chunk);
  }
  CHECK(store.get().header(document(4))->state == DocumentState::kDeleted);
}

TEST_CASE("a store that was not closed opens again and says so", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  make_killed_store(directory.path() / "s", 10);
  DiskStore store(directory.path() / "s");
  CHECK_FALSE(store.report().was_clean);
  CHECK(store.report().log_bytes_cut == 0);
  CHECK(store.get().counts().documents == 10);
}

TEST_CASE("F14: a second opener is refused, names the holder, and disturbs nothing", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  DiskStore first(directory.path());
  REQUIRE(append_now(first.get(), append_of(document(1), 0, {change("a")})).has_value());

  const auto in_process = try_open(directory.path());
  REQUIRE_FALSE(in_process.has_value());
  CHECK(in_process.error().code == ErrorCode::kLocked);
  CHECK(in_process.error().id == "store.locked");
  CHECK(in_process.error().message.find("process " + std::to_string(::getpid())) !=
        std::string::npos);

  const pid_t child = ::fork();
  if (child == 0) {
    const auto other = try_open(directory.path());
    ::_exit(!other && other.error().code == ErrorCode::kLocked ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);

  CHECK(append_now(first.get(), append_of(document(1), 1, {change("b")})).has_value());
  CHECK_FALSE(fs::exists(directory.path() / "db" / "LOG"));
  CHECK(fs::exists(directory.path() / "db" / kGuardMarker));
}

TEST_CASE("F14: a directory whose database is locked by another program is refused", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  make_killed_store(directory.path() / "s", 1);
  int ready[2];
  int go[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(go) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open((directory.path() / "s/db/LOCK").c_str(), O_RDWR);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    ::fcntl(fd, F_SETLK, &lock);
    char c = 'r';
    ::write(ready[1], &c, 1);
    ::read(go[0], &c, 1);
    ::_exit(0);
  }
  char c = 0;
  REQUIRE(::read(ready[0], &c, 1) == 1);

  const auto opened = try_open(directory.path() / "s");

  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == ErrorCode::kLocked);
  CHECK(opened.error().message.find("process " + std::to_string(child)) != std::string::npos);
  REQUIRE(::write(go[1], &c, 1) == 1);
  ::waitpid(child, nullptr, 0);
  for (const int fd : {ready[0], ready[1], go[0], go[1]}) ::close(fd);
}

TEST_CASE("F28 F70: a directory that is not a sound store is refused and left alone", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_killed_store(path, 3);
  ErrorCode wanted = ErrorCode::kInvalid;
  std::string words;

  SECTION("FORMAT is missing") { fs::remove(path / "FORMAT"); }
  SECTION("FORMAT says something else") { write_file(path / "FORMAT", "hello\n"); }
  SECTION("FORMAT is of a later release") {
    write_file(path / "FORMAT", "syncd-store 2\n");
    wanted = ErrorCode::kUnsupported;
  }
  SECTION("CURRENT is missing") {
    fs::remove(path / "db/CURRENT");
    wanted = ErrorCode::kCorrupt;
    words = "store.current-missing";
  }
  SECTION("F27: CURRENT is empty") {
    write_file(path / "db/CURRENT", "");
    wanted = ErrorCode::kCorrupt;
    words = "current.bad";
  }
  SECTION("F27: CURRENT has no newline") {
    write_file(path / "db/CURRENT", "MANIFEST-000002");
    wanted = ErrorCode::kCorrupt;
    words = "current.bad";
  }
  SECTION("F27: CURRENT names what is not there") {
    write_file(path / "db/CURRENT", "MANIFEST-000099\n");
    wanted = ErrorCode::kCorrupt;
    words = "manifest.damaged";
  }
  SECTION("the log is missing") {
    fs::remove(only_log(path));
    wanted = ErrorCode::kCorrupt;
    words = "log.missing";
  }
  SECTION("a FIFO in db/") {
    REQUIRE(::mkfifo((path / "db/000099.sst").c_str(), 0600) == 0);
    wanted = ErrorCode::kDenied;
  }
  SECTION("a symlink in db/") {
    fs::create_symlink("/etc/passwd", path / "db/000099.sst");
    wanted = ErrorCode::kDenied;
  }
  SECTION("others may write in it") {
    fs::permissions(path, fs::perms::all);
    wanted = ErrorCode::kDenied;
  }
  SECTION("the lock file is a FIFO") {
    fs::remove(path / "agent.lock");
    REQUIRE(::mkfifo((path / "agent.lock").c_str(), 0600) == 0);
    wanted = ErrorCode::kDenied;
  }
  const auto opened = try_open(path);

  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == wanted);
  if (!words.empty()) CHECK(opened.error().message.find(words) != std::string::npos);
}

TEST_CASE("F70: a store is not opened through a symlink", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  make_killed_store(directory.path() / "s", 1);
  fs::create_directory_symlink(directory.path() / "s", directory.path() / "link");
  CHECK(try_open(directory.path() / "link").error().code == ErrorCode::kDenied);
}

TEST_CASE("a store is created only where nothing is", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  OpenOptions existing = disk_options();
  existing.mode = OpenMode::kExisting;
  CHECK(open_store(directory.path(), existing).error().code == ErrorCode::kInvalid);
  CHECK(open_store(directory.path() / "absent", existing).error().code == ErrorCode::kNotFound);
  write_file(directory.path() / "letter.txt", "dear");
  CHECK(try_open(directory.path()).error().code == ErrorCode::kInvalid);
  CHECK(fs::exists(directory.path() / "letter.txt"));
  write_file(directory.path() / "file", "");
  CHECK(try_open(directory.path() / "file").error().code == ErrorCode::kDenied);
}

TEST_CASE("a first opening that was cut short is begun again", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  { DiskStore store(directory.path() / "s"); }
  fs::remove(directory.path() / "s/FORMAT");
  write_file(directory.path() / "s/tmp/initialising", "");
  DiskStore store(directory.path() / "s");
  CHECK(store.report().created);
  CHECK(append_now(store.get(), append_of(document(1), 0, {change("a")})).has_value());
}

TEST_CASE("files are private and tables are .sst", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  {
    DiskStore store(directory.path());
    for (std::uint64_t i = 0; i < 40; ++i) {
      REQUIRE(append_now(store.get(), append_of(document(i), 0, {change(i, 8000)})).has_value());
    }
    CHECK(store.get().compact_tables().has_value());
    REQUIRE(store.get().close(std::chrono::seconds(10)).has_value());
  }
  std::size_t tables = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory.path())) {
    const auto mode = entry.status().permissions() & fs::perms::all;
    CHECK((mode & (fs::perms::group_all | fs::perms::others_all)) == fs::perms::none);
    CHECK(entry.path().extension() != ".ldb");
    tables += entry.path().extension() == ".sst" ? 1 : 0;
  }
  CHECK(tables > 0);
}

TEST_CASE("F20: a log torn at any byte of its last record opens without help", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "source";
  make_killed_store(source, 5);
  const std::string log = read_file(only_log(source));
  LogReader reader(log);
  std::vector<LogRecord> records;
  while (const auto record = reader.next()) records.push_back(*record);
  REQUIRE(records.size() >= 6);
  const std::uint64_t last = records.back().offset;
  const int shape = GENERATE(0, 1, 2);

  for (std::uint64_t cut = last; cut < log.size(); ++cut) {
    const fs::path copy = directory.path() / "copy";
    fs::remove_all(copy);
    fs::copy(source, copy, fs::copy_options::recursive);
    std::string torn = log.substr(0, cut);
    if (shape == 1) torn.append(log.size() - cut, '\0');
    if (shape == 2) torn.append(log.size() - cut + 50, '\x5a');
    if (torn == log) continue;  // its last bytes were zeros
    write_file(only_log(copy), torn);
    DiskStore store(copy);
    INFO("cut at " << cut << " shape " << shape);
    REQUIRE(store.get().counts().documents == 4);
    for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(store.get().load(document(i)).has_value());
    REQUIRE_FALSE(store.get().load(document(4)).has_value());
  }
}

TEST_CASE("F21: a log damaged before synced commits refuses to open and stays as it is",
          "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "source";
  make_killed_store(source, 20);
  const std::string log = read_file(only_log(source));
  LogReader reader(log);
  std::vector<LogRecord> records;
  while (const auto record = reader.next()) records.push_back(*record);

  for (std::size_t r = 0; r + 2 < records.size(); ++r) {
    for (const bool zeros : {false, true}) {
      const fs::path copy = directory.path() / "copy";
      fs::remove_all(copy);
      fs::copy(source, copy, fs::copy_options::recursive);
      std::string damaged = log;
      if (zeros) {
        std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(records[r].offset),
                    records[r].end - records[r].offset, '\0');
      } else {
        damaged[records[r].offset + 20] ^= 4;
      }
      write_file(only_log(copy), damaged);
      const auto opened = try_open(copy);
      INFO("record " << r << " zeros " << zeros);
      // In one 32 KiB block everything behind the damage is unreadable, so it looks torn; the
      // commits that the remaining records call synced decide.
      if (records[r].offset / kLogBlockBytes == records.back().offset / kLogBlockBytes) continue;
      REQUIRE_FALSE(opened.has_value());
      CHECK(opened.error().code == ErrorCode::kCorrupt);
      CHECK(opened.error().message.find("log.damaged") != std::string::npos);
      CHECK(read_file(only_log(copy)) == damaged);
    }
  }
}

TEST_CASE("F21: rot across log blocks is told from a torn tail", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "source";
  {
    OpenOptions options = disk_options();
    options.write_buffer_bytes = 4u << 20;
    DiskStore store(source, options);
    for (std::uint64_t i = 0; i < 40; ++i) {
      REQUIRE(append_now(store.get(), append_of(document(i), 0, {change(i, 5000)})).has_value());
    }
  }
  const std::string log = read_file(only_log(source));
  REQUIRE(log.size() > 4 * kLogBlockBytes);
  for (std::size_t at = 100; at + 2 * kLogBlockBytes < log.size(); at += 7919) {
    const fs::path copy = directory.path() / "copy";
    fs::remove_all(copy);
    fs::copy(source, copy, fs::copy_options::recursive);
    std::string damaged = log;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    write_file(only_log(copy), damaged);
    const auto opened = try_open(copy);
    INFO("flip at " << at);
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().message.find("log.damaged") != std::string::npos);
    CHECK(read_file(only_log(copy)) == damaged);
  }
}

TEST_CASE("F25: a MANIFEST with a torn tail opens, nothing is lost", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_killed_store(path, 10);
  const fs::path manifest = path / "db" / read_current(path / "db").value();
  const std::string bytes = read_file(manifest);
  const int shape = GENERATE(0, 1, 2);
  if (shape == 0) write_file(manifest, bytes + std::string("\x01\x02\x03", 3));
  if (shape == 1) write_file(manifest, bytes + std::string(100, '\x5a'));
  if (shape == 2) write_file(manifest, bytes + std::string(100, '\0'));
  DiskStore store(path);
  CHECK(store.get().counts().documents == 10);
}

TEST_CASE("F26: a MANIFEST with a flipped bit is refused", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path source = directory.path() / "s";
  {
    DiskStore store(source);
    for (std::uint64_t i = 0; i < 60; ++i) {
      REQUIRE(append_now(store.get(), append_of(document(i), 0, {change(i, 8000)})).has_value());
    }
  }
  const std::string name = read_current(source / "db").value();
  const std::string bytes = read_file(source / "db" / name);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 11) {
    const fs::path copy = directory.path() / "copy";
    fs::remove_all(copy);
    fs::copy(source, copy, fs::copy_options::recursive);
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file(copy / "db" / name, damaged);
    const auto opened = try_open(copy);
    INFO("flip at " << at);
    if (opened) {
      // Only as a torn tail, and then nothing may be missing.
      CHECK(opened->store->counts().documents == 60);
      for (std::uint64_t i = 0; i < 60; ++i) CHECK(opened->store->load(document(i)).has_value());
    } else {
      CHECK(opened.error().code == ErrorCode::kCorrupt);
      refused += 1;
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("a MANIFEST that grew is replaced at a quiet moment, and nothing else changes",
          "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  OpenOptions options = disk_options();
  options.manifest_bytes_max = 2048;
  std::promise<void> rotated;
  std::atomic<bool> told{false};
  options.on_event = [&](const StoreEvent& event) {
    if (event.code == "store.manifest-rotated" && !told.exchange(true)) rotated.set_value();
  };
  std::uint64_t count = 0;
  {
    DiskStore store(directory.path() / "s", options);
    // Each write buffer makes a table, and each table an edit of the MANIFEST.
    for (; count < 20'000 && !told; ++count)
      REQUIRE(append_now(store.get(), append_of(document(count), 0, {change(count, 8000)}))
                  .has_value());
    REQUIRE(rotated.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready);
    CHECK(store.get().state() == StoreState::kOpen);
    CHECK(store.get().counts().documents == count);
    REQUIRE(append_now(store.get(), append_of(document(count), 0, {change(count)})).has_value());
    CHECK(store.get().load(document(0)).has_value());
  }
  DiskStore again(directory.path() / "s");
  CHECK(again.get().counts().documents == count + 1);
  CHECK(again.get().load(document(count / 2)).has_value());
}

TEST_CASE("somebody who reads is not made to wait for a new MANIFEST", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  auto locked = StoreDirectory::open(directory.path() / "s", disk_options());
  REQUIRE(locked);
  auto opened = open_leveldb_kv(std::move(*locked), disk_options());
  REQUIRE(opened);
  {
    const auto cursor = opened->kv->cursor(false);
    REQUIRE(cursor);
    const auto busy =
        std::async(std::launch::async, [&] { return opened->kv->rotate_manifest(false); }).get();
    REQUIRE(busy);
    CHECK_FALSE(*busy);
  }
  const auto done = opened->kv->rotate_manifest(false);
  REQUIRE(done);
  CHECK(*done);
}
