// Formats of stores: which are known, which are refused, and that asking touches nothing.

#include "core/store/migrate.h"

#include "core/store/directory.h"
#include "tests/core/store/disk_store.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;
namespace fs = std::filesystem;

namespace {

void make_store(const fs::path& path) {
  DiskStore store(path);
  REQUIRE(append_now(store.get(), append_of(document(1), 0, {change(1)})));
  REQUIRE(store.get().close(std::chrono::seconds(10)));
}

void write_format(const fs::path& path, const std::string& line) {
  std::ofstream(path / kFormatFile, std::ios::trunc) << line;
}

/// Every file with its bytes.
std::map<std::string, std::string> files_of(const fs::path& path) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (!entry.is_regular_file() || entry.path().filename() == kLockFile) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    out[entry.path().string()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return out;
}

}  // namespace

TEST_CASE("a store of the newest format needs no migration, and is not touched", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  make_store(directory.path() / "s");
  const auto before = files_of(directory.path() / "s");

  const auto report = plan_migration(directory.path() / "s", {});

  REQUIRE(report);
  CHECK(report->from == 1);
  CHECK(report->to == kNewestFormat);
  CHECK(report->steps == 0);
  CHECK_FALSE(report->writer.empty());
  CHECK(plan_migration(directory.path() / "s", {.to = 1})->steps == 0);
  CHECK(files_of(directory.path() / "s") == before);
}

TEST_CASE("F75: a newer store, a newer target and unknown features are refused", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  const fs::path path = directory.path() / "s";
  make_store(path);
  CHECK(plan_migration(path, {.to = 2}).error().id == "store.newer");
  CHECK(plan_migration(path, {.to = 0}).error().code == ErrorCode::kInvalid);

  write_format(path, "syncd-store 2\n");
  const auto before = files_of(path);
  const auto newer = plan_migration(path, {});
  REQUIRE_FALSE(newer);
  CHECK(newer.error().id == "store.newer");
  CHECK(newer.error().message.find("format 2") != std::string::npos);
  CHECK(files_of(path) == before);
}

TEST_CASE("what is no store has no format to migrate from", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  CHECK(plan_migration(directory.path() / "absent", {}).error().code == ErrorCode::kNotFound);
  CHECK(plan_migration(directory.path(), {}).error().code == ErrorCode::kInvalid);
  const fs::path path = directory.path() / "s";
  make_store(path);
  for (const char* line : {"", "syncd-store", "syncd-store x\n", "syncd-store 1", "other 1\n",
                           "syncd-store 99999999999\n", "syncd-store 0\n"}) {
    INFO(line);
    write_format(path, line);
    CHECK(plan_migration(path, {}).error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("a store in use is not looked into for its format", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  DiskStore store(directory.path() / "s");
  CHECK(plan_migration(directory.path() / "s", {}).error().code == ErrorCode::kLocked);
}
