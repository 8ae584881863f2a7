#pragma once

#include "core/store/file_hook.h"
#include "core/store/store.h"

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <string>

namespace converge::store {

/// Counters per kind of file and operation. Any thread; a reader may see an operation half counted.
class EnvStats {
 public:
  void record(FileKind kind, FileOp op, std::size_t bytes, bool failed,
              std::chrono::steady_clock::duration took);
  /// Those that happened, by "kind.operation".
  std::map<std::string, OperationStats> snapshot() const;

 private:
  static constexpr std::size_t kKinds = 6;
  static constexpr std::size_t kOps = 12;
  struct Counters {
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> failures{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> total_us{0};
    std::atomic<std::uint64_t> max_us{0};
  };
  std::array<std::array<Counters, kOps>, kKinds> counters_;
};

}  // namespace converge::store
