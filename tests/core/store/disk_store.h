#pragma once

#include "tests/core/store/store_test_support.h"

#include <catch2/catch.hpp>

namespace converge::store::testing {

inline FakeClock& shared_clock() {
  static FakeClock clock;
  return clock;
}

inline SeededRandom& shared_random() {
  static SeededRandom random(11);
  return random;
}

/// Small buffers, so that short runs flush and compact; no look at the disk's free space.
inline OpenOptions disk_options() {
  OpenOptions options;
  options.mode = OpenMode::kCreateIfAbsent;
  options.clock = &shared_clock();
  options.random = &shared_random();
  options.write_buffer_bytes = 64 * 1024;
  options.reserve_bytes = 0;
  options.free_bytes_min = 0;
  return options;
}

inline Result<OpenedStore> try_open(const std::filesystem::path& path,
                                    const OpenOptions& options = disk_options()) {
  return open_store(path, options);
}

/// A store on disk; destroying it without close is like a kill.
class DiskStore {
 public:
  explicit DiskStore(const std::filesystem::path& path,
                     const OpenOptions& options = disk_options()) {
    auto opened = open_store(path, options);
    if (!opened) FAIL(opened.error().message);
    opened_ = std::move(*opened);
  }
  Store& get() { return *opened_.store; }
  const OpenReport& report() const { return opened_.report; }

 private:
  OpenedStore opened_;
};

}  // namespace converge::store::testing
