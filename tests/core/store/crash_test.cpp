// Power cuts, failing operations and kills at every point of a scripted run. CI takes a slice of
// the points; with CONVERGE_NIGHTLY set in the environment every point is taken.

#include "core/store/directory.h"
#include "tests/core/store/disk_store.h"
#include "tests/core/store/file_model.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kDocuments = 5;
constexpr std::uint64_t kAppends = 45;

std::size_t slice(std::size_t points, std::size_t in_ci) {
  if (std::getenv("CONVERGE_NIGHTLY") != nullptr || points <= in_ci) return 1;
  return points / in_ci + 1;
}

/// So small a MANIFEST that the script starts new ones.
OpenOptions rotating_options() {
  OpenOptions options = disk_options();
  options.manifest_bytes_max = 100;
  return options;
}

/// Append number n of the script: document n mod 5, its n/5-th append, one change of some KB, so
/// that the run flushes, compacts and starts new logs.
Append scripted(std::uint64_t n) {
  Append append = append_of(document(n % kDocuments), n / kDocuments, {change(n, 6000)});
  append.names.push_back({"name/" + std::to_string(n), {}, document(n % kDocuments)});
  return append;
}

/// Runs the script until something fails; returns how many appends were acknowledged. `told` is
/// called with that number as it grows.
std::uint64_t run_script(Store& store, Durability durability,
                         const std::function<void(std::uint64_t)>& told) {
  std::uint64_t done = 0;
  for (std::uint64_t n = 0; n < kAppends; ++n) {
    if (!append_now(store, scripted(n), durability)) return done;
    done = n + 1;
    told(done);
    if (n == 30) {
      const auto loaded = store.load(document(0));
      if (!loaded) return done;
      if (!store.publish_snapshot(draft_of(loaded->header, *loaded, Bytes(300'000)))) return done;
    }
  }
  return done;
}

/// The store holds appends 0 .. n-1 for some n >= acknowledged, whole, and nothing else.
void check_prefix(Store& store, std::uint64_t acknowledged) {
  const std::uint64_t present = store.counts().last_receipt;
  REQUIRE(present >= acknowledged);
  REQUIRE(present <= kAppends);
  const auto receipts = store.receipts(1, 1000);
  REQUIRE(receipts.has_value());
  REQUIRE(receipts->items.size() == present);
  for (std::uint64_t d = 0; d < kDocuments; ++d) {
    const std::uint64_t appends = present / kDocuments + (present % kDocuments > d ? 1 : 0);
    const auto loaded = store.load(document(d));
    if (appends == 0) {
      REQUIRE_FALSE(loaded.has_value());
      continue;
    }
    if (!loaded) FAIL(loaded.error().message);
    REQUIRE(loaded->header.document_seq == appends);
    REQUIRE(loaded->header.change_count == appends);
    REQUIRE(loaded->tail.size() >= loaded->header.tail_changes);
    REQUIRE(loaded->header.tail_changes + loaded->header.snapshot.changes == appends);
  }
  for (std::uint64_t n = 0; n < kAppends; ++n) {
    const auto name = store.find_name("name/" + std::to_string(n));
    REQUIRE(name.has_value());
    REQUIRE(name->has_value() == (n < present));
  }
}

/// A store directory around the files of one cut.
void check_cut(const std::vector<FileRecorder::Event>& events, std::size_t at, CutModel model,
               std::uint64_t seed, const std::map<std::string, std::string>& initial,
               const fs::path& target, std::uint64_t acknowledged) {
  fs::remove_all(target);
  fs::create_directories(target / kQuarantineFolder);
  fs::create_directories(target / kTemporaryFolder);
  fs::permissions(target, fs::perms::owner_all);
  std::ofstream(target / kFormatFile) << kFormatLine;
  write_cut(events, at, model, seed, initial, target / kDatabaseFolder);
  INFO("cut after operation " << at << " of " << events.size() << ", model "
                              << static_cast<int>(model) << ", seed " << seed);
  auto opened = try_open(target);
  if (!opened) FAIL(opened.error().message);
  check_prefix(*opened->store, acknowledged);
  // It goes on working.
  REQUIRE(append_now(*opened->store, append_of(document(99), 0, {change(99)})).has_value());
}

}  // namespace

TEST_CASE("F10: a power cut at any operation loses nothing that was acknowledged", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  { DiskStore store(directory.path() / "s"); }
  const auto initial = read_folder(directory.path() / "s" / kDatabaseFolder);
  FileRecorder recorder;
  {
    std::atomic<bool> rotated{false};
    OpenOptions options = rotating_options();
    options.file_hook = &recorder;
    options.on_event = [&](const StoreEvent& event) {
      if (event.code == "store.manifest-rotated") rotated = true;
    };
    DiskStore store(directory.path() / "s", options);
    REQUIRE(run_script(store.get(), Durability::kDurable,
                       [&](std::uint64_t n) { recorder.mark(n); }) == kAppends);
    for (int i = 0; i < 1000 && !rotated; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    REQUIRE(store.get().close(std::chrono::seconds(10)).has_value());
  }
  const auto events = recorder.events();
  CHECK(std::ranges::count_if(events, [](const FileRecorder::Event& event) {
          return event.op == FileOp::kOpenWrite && event.name.starts_with("MANIFEST");
        }) >= 2);  // rotation is under test, too
  const std::size_t step = slice(events.size(), 400);

  std::size_t cuts = 0;
  for (const CutModel model : {CutModel::kDropUnsynced, CutModel::kKeepAll, CutModel::kShuffle}) {
    for (std::size_t at = static_cast<std::size_t>(model); at <= events.size(); at += step) {
      const std::uint64_t seeds = model == CutModel::kShuffle ? 4 : 1;
      for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        check_cut(events, at, model, at * 10 + seed, initial, directory.path() / "cut",
                  last_mark(events, at));
        ++cuts;
      }
    }
  }
  std::cerr << "F10: " << cuts << " cuts in " << events.size() << " operations\n";
}

TEST_CASE("F11: after a power cut relaxed writes are a prefix, without an operator", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  { DiskStore store(directory.path() / "s"); }
  const auto initial = read_folder(directory.path() / "s" / kDatabaseFolder);
  FileRecorder recorder;
  {
    OpenOptions options = disk_options();
    options.file_hook = &recorder;
    options.relaxed_sync = std::chrono::milliseconds(20);
    DiskStore store(directory.path() / "s", options);
    std::atomic<std::uint64_t> durable{0};
    for (std::uint64_t n = 0; n < kAppends; ++n) {
      store.get().append(scripted(n), Durability::kRelaxed, {},
                         [&recorder, n] { recorder.mark(n + 1); });
      if (n % 9 == 8) std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    REQUIRE(wait_for([&](Done done) { store.get().sync(std::move(done)); }).has_value());
  }
  const auto events = recorder.events();
  const std::size_t step = slice(events.size(), 400);
  for (const CutModel model : {CutModel::kDropUnsynced, CutModel::kShuffle}) {
    for (std::size_t at = static_cast<std::size_t>(model); at <= events.size(); at += step) {
      const std::uint64_t seeds = model == CutModel::kShuffle ? 4 : 1;
      for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        check_cut(events, at, model, at * 10 + seed, initial, directory.path() / "cut",
                  last_mark(events, at));
      }
    }
  }
}

TEST_CASE("F4 F31 F33 F34: an error of any file operation loses nothing acknowledged", "[store]") {
  struct Kind {
    const char* name;
    int error_number;
    bool sticky;
    bool short_write;
  };
  const Kind kind = GENERATE(values<Kind>({{"EIO once", EIO, false, false},
                                           {"EIO for good", EIO, true, false},
                                           {"disk full once, half written", ENOSPC, false, true},
                                           {"disk full for good", ENOSPC, true, true}}));
  TempDir directory(TempDir::Place::kMemory);
  std::uint64_t operations = 0;
  {
    FaultInjector counter(UINT64_MAX, 0, false, false);
    OpenOptions options = rotating_options();
    options.file_hook = &counter;
    DiskStore store(directory.path() / "dry", options);
    run_script(store.get(), Durability::kDurable, [](std::uint64_t) {});
    REQUIRE(store.get().close(std::chrono::seconds(10)).has_value());
    operations = counter.seen();
  }
  const std::size_t step = slice(operations, 400);
  std::size_t opened_with_fault = 0;
  for (std::uint64_t at = 0; at < operations; at += step) {
    INFO(kind.name << " at operation " << at << " of " << operations);
    const fs::path path = directory.path() / "s";
    fs::remove_all(path);
    { DiskStore store(path); }
    FaultInjector injector(at, kind.error_number, kind.sticky, kind.short_write);
    std::uint64_t acknowledged = 0;
    {
      OpenOptions options = rotating_options();
      options.file_hook = &injector;
      auto opened = try_open(path, options);
      if (opened) {
        opened_with_fault += 1;
        acknowledged = run_script(*opened->store, Durability::kDurable, [](std::uint64_t) {});
        // What is read while the write path is broken is right or an error.
        for (std::uint64_t d = 0; d < kDocuments; ++d) {
          const auto loaded = opened->store->load(document(d));
          if (loaded) REQUIRE(loaded->header.document_seq <= kAppends);
        }
        static_cast<void>(opened->store->close(std::chrono::seconds(10)).has_value());
      }
      injector.disarm();
    }
    DiskStore store(path);
    check_prefix(store.get(), acknowledged);
  }
  CHECK(opened_with_fault > 0);
}

TEST_CASE("F33: the store comes back by itself after one failed sync", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  { DiskStore store(directory.path()); }
  struct FailOneSync final : FileHook {
    std::atomic<int> countdown{5};
    std::optional<FileFault> before(const FileEvent& event) override {
      if (event.kind != FileKind::kLog || event.op != FileOp::kSync) return std::nullopt;
      return --countdown == 0 ? std::optional(FileFault{EIO, 0}) : std::nullopt;
    }
  } hook;
  std::atomic<int> failures{0};
  OpenOptions options = disk_options();
  options.file_hook = &hook;
  options.on_event = [&](const StoreEvent& event) {
    if (event.code == "store.failed") failures += 1;
  };
  DiskStore store(directory.path(), options);
  std::uint64_t seq = 0;
  bool failed = false;
  for (int i = 0; i < 10 && !failed; ++i) {
    const auto result = append_now(store.get(), append_of(document(1), seq, {change(seq)}));
    if (result) {
      seq += 1;
    } else {
      CHECK(result.error().id == "store.outcome-unknown");
      failed = true;
    }
  }
  REQUIRE(failed);
  CHECK(failures == 1);
  CHECK(append_now(store.get(), append_of(document(2), 0, {change(1)})).error().code ==
        ErrorCode::kUnavailable);
  CHECK(store.get().load(document(1)).has_value());

  for (int i = 0; i < 400 && store.get().state() != StoreState::kOpen; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  REQUIRE(store.get().state() == StoreState::kOpen);
  // The write that had no answer is there, whole: the log was written, only its sync failed.
  CHECK(store.get().header(document(1))->document_seq >= seq);
  CHECK(append_now(store.get(), append_of(document(2), 0, {change(1)})).has_value());
}

TEST_CASE("F33: after three failures in ten minutes the store stays failed, and reads go on",
          "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  { DiskStore store(directory.path()); }
  struct FailAtWill final : FileHook {
    std::atomic<bool> is_broken{false};
    std::optional<FileFault> before(const FileEvent& event) override {
      const bool is_sync = event.kind == FileKind::kLog && event.op == FileOp::kSync;
      return is_sync && is_broken.exchange(false) ? std::optional(FileFault{EIO, 0}) : std::nullopt;
    }
  } hook;
  OpenOptions options = disk_options();
  options.file_hook = &hook;
  DiskStore store(directory.path(), options);
  REQUIRE(append_now(store.get(), append_of(document(1), 0, {change(1)})));
  for (std::uint64_t failure = 1; failure <= 3; ++failure) {
    hook.is_broken = true;
    const auto result = append_now(store.get(), append_of(document(10 + failure), 0, {change(2)}));
    REQUIRE_FALSE(result);
    CHECK(result.error().id == "store.outcome-unknown");
    CHECK(store.get().state() == StoreState::kFailed);
    for (int i = 0; i < 200 && store.get().state() != StoreState::kOpen; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK((store.get().state() == StoreState::kOpen) == (failure < 3));
  }
  const auto refused = append_now(store.get(), append_of(document(2), 0, {change(1)}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnavailable);
  CHECK(store.get().load(document(1)).has_value());
}

TEST_CASE("F31: a full disk makes the store read-only, and space brings it back", "[store]") {
  TempDir directory(TempDir::Place::kMemory);
  { DiskStore store(directory.path()); }
  struct FullDisk final : FileHook {
    std::atomic<bool> full{false};
    std::optional<FileFault> before(const FileEvent& event) override {
      const bool needs_space = event.op == FileOp::kWrite || event.op == FileOp::kOpenWrite;
      if (!full || !needs_space) return std::nullopt;
      return FileFault{ENOSPC, event.data.size() / 3};
    }
  } hook;
  OpenOptions options = disk_options();
  options.file_hook = &hook;
  DiskStore store(directory.path(), options);
  REQUIRE(append_now(store.get(), append_of(document(1), 0, {change(1)})).has_value());
  hook.full = true;

  const auto refused = append_now(store.get(), append_of(document(1), 1, {change(2)}));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kNoSpace);
  CHECK(refused.error().id == "store.no_space");
  const auto again = append_now(store.get(), append_of(document(1), 1, {change(2)}));
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == ErrorCode::kNoSpace);
  CHECK(store.get().state() == StoreState::kReadOnly);
  // Through at least one attempt to come back, reads answer from what is durable.
  for (int i = 0; i < 120; ++i) {
    const auto loaded = store.get().load(document(1));
    if (!loaded) FAIL(loaded.error().message);
    REQUIRE(loaded->tail.size() == 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  hook.full = false;
  for (int i = 0; i < 400 && store.get().state() != StoreState::kOpen; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  REQUIRE(store.get().state() == StoreState::kOpen);
  REQUIRE(store.get().load(document(1))->tail.size() == 1);
  CHECK(append_now(store.get(), append_of(document(1), 1, {change(2)})).has_value());
}
