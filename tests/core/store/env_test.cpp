// LevelDbEnv's rules E1 to E11, one by one, through the interface that LevelDB uses.

#include "core/store/leveldb_env.h"
#include "tests/core/store/store_test_support.h"

#include <catch2/catch.hpp>
#include <leveldb/env.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <sys/stat.h>
#include <thread>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;
namespace fs = std::filesystem;

namespace {

/// Notes operations, and fails those asked for.
class Spy final : public FileHook {
 public:
  std::optional<FileFault> before(const FileEvent& event) override {
    const std::lock_guard lock(mutex_);
    const std::string what = std::string(to_string(event.kind)) + "." + to_string(event.op);
    seen.push_back(what);
    if (what == fail) return fault;
    return std::nullopt;
  }
  std::size_t count(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count(seen.begin(), seen.end(), what));
  }
  std::string fail;
  FileFault fault{EIO, 0};
  std::vector<std::string> seen;

 private:
  std::mutex mutex_;
};

/// The library does not export its own leveldb::Log.
void log_line(leveldb::Logger* logger, const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  logger->Logv(format, arguments);
  va_end(arguments);
}

struct Fixture {
  TempDir directory{TempDir::Place::kMemory};
  Spy spy;
  LevelDbEnv env{directory.path(), {&spy, {}}};

  leveldb::Env& level() { return *env.env(); }
  std::string path(const std::string& name) { return (directory.path() / name).string(); }
  std::unique_ptr<leveldb::WritableFile> create(const std::string& name) {
    leveldb::WritableFile* file = nullptr;
    const auto status = level().NewWritableFile(path(name), &file);
    INFO(status.ToString());
    REQUIRE(status.ok());
    return std::unique_ptr<leveldb::WritableFile>(file);
  }
};

}  // namespace

TEST_CASE("E1: tables are .sst, and .ldb of an older store is found", "[store][env]") {
  Fixture f;
  { f.create("000007.ldb")->Append("x"); }
  CHECK(fs::exists(f.path("000007.sst")));
  CHECK_FALSE(fs::exists(f.path("000007.ldb")));
  CHECK(f.level().FileExists(f.path("000007.ldb")));
  std::ofstream(f.path("000008.ldb")) << "old";
  std::uint64_t size = 0;
  CHECK(f.level().GetFileSize(f.path("000008.ldb"), &size).ok());
  CHECK(size == 3);
  CHECK(f.level().RemoveFile(f.path("000008.ldb")).ok());
  CHECK_FALSE(fs::exists(f.path("000008.ldb")));
  CHECK(f.level().RemoveFile(f.path("000007.ldb")).ok());
  CHECK_FALSE(fs::exists(f.path("000007.sst")));
}

TEST_CASE("E2: a new log's name is synced before its first record", "[store][env]") {
  Fixture f;
  const auto log = f.create("000003.log");
  CHECK(f.spy.count("log.sync_directory") == 1);
  const auto table = f.create("000004.ldb");
  CHECK(f.spy.count("table.sync_directory") == 0);

  f.spy.fail = "log.sync_directory";
  leveldb::WritableFile* file = nullptr;
  CHECK_FALSE(f.level().NewWritableFile(f.path("000005.log"), &file).ok());
  CHECK(f.env.write_failure().has_value());
}

TEST_CASE("E2: an edit of a MANIFEST reaches the system after the names it speaks of",
          "[store][env]") {
  Fixture f;
  const auto manifest = f.create("MANIFEST-000002");
  REQUIRE(manifest->Append("edit").ok());
  REQUIRE(manifest->Flush().ok());
  CHECK(f.spy.count("manifest.write") == 0);
  REQUIRE(manifest->Sync().ok());
  const auto directory = std::ranges::find(f.spy.seen, "manifest.sync_directory");
  const auto write = std::ranges::find(f.spy.seen, "manifest.write");
  const auto sync = std::ranges::find(f.spy.seen, "manifest.sync");
  CHECK(directory < write);
  CHECK(write < sync);
  REQUIRE(sync != f.spy.seen.end());
}

TEST_CASE("E3: a rename is synced before it returns", "[store][env]") {
  Fixture f;
  std::ofstream(f.path("000003.dbtmp")) << "MANIFEST-000002\n";
  CHECK(f.level().RenameFile(f.path("000003.dbtmp"), f.path("CURRENT")).ok());
  CHECK(f.spy.count("current.sync_directory") == 1);
  std::ofstream(f.path("000004.dbtmp")) << "MANIFEST-000003\n";
  f.spy.fail = "current.sync_directory";
  CHECK_FALSE(f.level().RenameFile(f.path("000004.dbtmp"), f.path("CURRENT")).ok());
  // CURRENT may name the new MANIFEST now, so it must not be removed.
  std::ofstream(f.path("MANIFEST-000003")) << "x";
  CHECK_FALSE(f.level().RemoveFile(f.path("MANIFEST-000003")).ok());
  CHECK(fs::exists(f.path("MANIFEST-000003")));
}

TEST_CASE("E4: closing syncs what is not synced, once", "[store][env]") {
  Fixture f;
  for (const char* name : {"000003.log", "MANIFEST-000002", "000004.ldb"}) {
    const auto file = f.create(name);
    REQUIRE(file->Append("abc").ok());
    REQUIRE(file->Close().ok());
  }
  CHECK(f.spy.count("log.sync") == 1);
  CHECK(f.spy.count("manifest.sync") == 1);
  CHECK(f.spy.count("manifest.sync_directory") == 1);
  CHECK(f.spy.count("table.sync") == 1);
  {
    const auto file = f.create("000005.log");
    REQUIRE(file->Append("abc").ok());
    REQUIRE(file->Sync().ok());
  }
  CHECK(f.spy.count("log.sync") == 2);
  {
    const auto file = f.create("000006.log");
    REQUIRE(file->Append("abc").ok());
  }
  CHECK(f.spy.count("log.sync") == 3);
}

TEST_CASE("E5: a file that failed once answers the same for ever", "[store][env]") {
  for (const char* operation : {"log.write", "log.sync"}) {
    Fixture f;
    const auto file = f.create("000003.log");
    REQUIRE(file->Append("good").ok());
    REQUIRE(file->Sync().ok());
    f.spy.fail = operation;
    f.spy.fault = {ENOSPC, 2};
    REQUIRE(file->Append("lost").ok());  // buffered
    const auto status = file->Sync();
    REQUIRE_FALSE(status.ok());
    f.spy.fail.clear();
    CHECK(file->Append("x").ToString() == status.ToString());
    CHECK(file->Flush().ToString() == status.ToString());
    CHECK(file->Sync().ToString() == status.ToString());
    CHECK(file->Close().ToString() == status.ToString());
    REQUIRE(f.env.write_failure().has_value());
    CHECK(f.env.write_failure()->code == ErrorCode::kNoSpace);
    const auto size = fs::file_size(f.path("000003.log"));
    CHECK(size == (std::string(operation) == "log.write" ? 6 : 8));
    f.env.forget_failure();
    CHECK_FALSE(f.env.write_failure().has_value());
  }
}

TEST_CASE("E6: a table cut short is an error, not a fault signal", "[store][env]") {
  Fixture f;
  std::ofstream(f.path("000003.sst")) << std::string(100, 'x');
  leveldb::RandomAccessFile* raw = nullptr;
  REQUIRE(f.level().NewRandomAccessFile(f.path("000003.ldb"), &raw).ok());
  const std::unique_ptr<leveldb::RandomAccessFile> file(raw);
  char scratch[200];
  leveldb::Slice result;
  CHECK(file->Read(50, 50, &result, scratch).ok());
  CHECK(result.size() == 50);
  CHECK(file->Read(50, 51, &result, scratch).IsCorruption());
  fs::resize_file(f.path("000003.sst"), 10);
  CHECK(file->Read(0, 100, &result, scratch).IsCorruption());
  f.spy.fail = "table.read";
  CHECK(file->Read(0, 5, &result, scratch).IsIOError());
}

TEST_CASE("E7: a new table does not touch an inode that a backup shares", "[store][env]") {
  Fixture f;
  std::ofstream(f.path("000003.sst")) << "shared";
  fs::create_hard_link(f.path("000003.sst"), f.path("backup"));
  { REQUIRE(f.create("000003.ldb")->Append("new").ok()); }
  CHECK(fs::file_size(f.path("backup")) == 6);
  CHECK(fs::file_size(f.path("000003.sst")) == 3);
}

TEST_CASE("E8: removals wait while a set of files is copied", "[store][env]") {
  Fixture f;
  std::ofstream(f.path("000003.sst")) << "a";
  std::ofstream(f.path("000004.sst")) << "b";
  f.env.hold_removals();
  CHECK(f.level().RemoveFile(f.path("000003.sst")).ok());
  CHECK(f.level().RemoveFile(f.path("000004.sst")).ok());
  CHECK(f.env.held_removals() == 2);
  CHECK(fs::exists(f.path("000003.sst")));
  { f.create("000004.ldb")->Append("made again"); }
  f.env.release_removals();
  CHECK_FALSE(fs::exists(f.path("000003.sst")));
  CHECK(fs::exists(f.path("000004.sst")));
  CHECK(f.level().RemoveFile(f.path("000004.sst")).ok());
  CHECK_FALSE(fs::exists(f.path("000004.sst")));
}

TEST_CASE("E9: background work has a thread of its own, in order", "[store][env]") {
  Fixture f;
  static std::vector<int> order;
  static std::thread::id thread;
  order.clear();
  {
    LevelDbEnv env(f.directory.path(), {});
    static int numbers[3] = {0, 1, 2};
    for (int& number : numbers) {
      env.env()->Schedule(
          [](void* argument) {
            order.push_back(*static_cast<int*>(argument));
            thread = std::this_thread::get_id();
          },
          &number);
    }
  }
  CHECK(order == std::vector<int>{0, 1, 2});
  CHECK(thread != std::this_thread::get_id());
}

TEST_CASE("E10: files are private and not inherited", "[store][env]") {
  Fixture f;
  const mode_t old = ::umask(0);
  const auto file = f.create("000003.log");
  leveldb::FileLock* lock = nullptr;
  REQUIRE(f.level().LockFile(f.path("LOCK"), &lock).ok());
  ::umask(old);
  for (const char* name : {"000003.log", "LOCK"}) {
    struct stat info {};
    REQUIRE(::stat(f.path(name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = fs::read_symlink(entry.path(), gone);
    if (gone || target.parent_path() != f.directory.path()) continue;
    const int fd = std::stoi(entry.path().filename().string());
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(f.level().UnlockFile(lock).ok());
}

TEST_CASE("E11: operations are counted by kind", "[store][env]") {
  Fixture f;
  {
    const auto file = f.create("000003.log");
    REQUIRE(file->Append(std::string(100, 'x')).ok());
    REQUIRE(file->Sync().ok());
  }
  const auto stats = f.env.stats();
  CHECK(stats.at("log.write").count == 1);
  CHECK(stats.at("log.write").bytes == 100);
  CHECK(stats.at("log.sync").count == 1);
  CHECK(stats.at("log.sync").failures == 0);
  CHECK_FALSE(stats.contains("table.write"));
}

TEST_CASE("F36: nothing is written into a directory that took the place of ours", "[store][env]") {
  Fixture f;
  fs::create_directory(f.path("db"));
  LevelDbEnv env(f.path("db"), {});
  fs::rename(f.path("db"), f.path("moved"));
  fs::create_directory(f.path("db"));
  leveldb::WritableFile* file = nullptr;
  CHECK_FALSE(env.env()->NewWritableFile(f.path("db/000003.log"), &file).ok());
  CHECK(fs::is_empty(f.path("db")));
  CHECK(env.write_failure().has_value());
}

TEST_CASE("LevelDB's notes become events and make no file", "[store][env]") {
  TempDir directory;
  std::vector<std::string> lines;
  LevelDbEnv env(directory.path(), {nullptr, [&](const StoreEvent& event) {
                                      lines.push_back(event.code + ": " + event.message);
                                    }});
  log_line(env.logger(), "compacted %d", 3);
  CHECK(lines == std::vector<std::string>{"leveldb: compacted 3"});
  leveldb::Logger* logger = nullptr;
  CHECK_FALSE(env.env()->NewLogger((directory.path() / "LOG").string(), &logger).ok());
  CHECK(fs::is_empty(directory.path()));
}
