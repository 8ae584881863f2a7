#pragma once

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/store/store.h"

#include <atomic>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace converge::store::testing {

/// Stands still unless told.
class FakeClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(wall_now_ms()));
  }
  std::int64_t wall_now_ms() const override { return now_ms_; }
  void advance_ms(std::int64_t by) { now_ms_ += by; }

 private:
  std::atomic<std::int64_t> now_ms_{1'700'000'000'000};
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> out) override {
    for (std::byte& b : out) b = static_cast<std::byte>(engine_() & 0xff);
  }

 private:
  std::mt19937_64 engine_;
};

/// A directory that goes with its owner.
class TempDir {
 public:
  /// In memory (where the system has /dev/shm) a sync costs nothing, which tests want that sync
  /// thousands of times and model the disk themselves.
  enum class Place { kDisk, kMemory };
  explicit TempDir(Place place = Place::kDisk);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

DocumentId document(std::uint64_t number);
PeerKey peer_key(std::uint8_t fill);

/// A type-1 chunk with the given body (not a change that an engine would take), and its hash.
NewChange change(std::string_view body);
/// Chunk whose body is `bytes` long and unlike any other number's.
NewChange change(std::uint64_t number, std::size_t bytes = 64);

/// An append of changes to one document whose last change is its only head.
Append append_of(const DocumentId& document, std::uint64_t expected_seq,
                 std::vector<NewChange> changes);

/// Waiting forms of the store's writes.
Result<AppendResult> append_now(Store& store, Append append,
                                Durability durability = Durability::kDurable);
Result<CommitNumber> wait_for(const std::function<void(Done)>& write);

/// A snapshot draft of a document whose stored changes are `covered`; verify accepts equal bytes.
SnapshotDraft draft_of(const DocumentHeader& header, const StoredDocument& stored, Bytes bytes);

}  // namespace converge::store::testing
