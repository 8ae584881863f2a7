#include "core/store/env_stats.h"

namespace converge::store {
namespace {

constexpr std::array kKindWords{"log", "table", "manifest", "current", "lock", "other"};
constexpr std::array kOpWords{"open_read", "open_write", "read",           "write", "sync", "close",
                              "rename",    "remove",     "sync_directory", "lock",  "list", "stat"};

}  // namespace

const char* to_string(FileKind kind) { return kKindWords[static_cast<std::size_t>(kind)]; }
const char* to_string(FileOp op) { return kOpWords[static_cast<std::size_t>(op)]; }

FileKind file_kind(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".log")) return FileKind::kLog;
  if (name.ends_with(".sst") || name.ends_with(".ldb")) return FileKind::kTable;
  if (name.starts_with("MANIFEST-")) return FileKind::kManifest;
  if (name == "CURRENT" || name.ends_with(".dbtmp")) return FileKind::kCurrent;
  if (name == "LOCK") return FileKind::kLock;
  return FileKind::kOther;
}

void EnvStats::record(FileKind kind, FileOp op, std::size_t bytes, bool failed,
                      std::chrono::steady_clock::duration took) {
  Counters& counters = counters_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(op)];
  const auto us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  counters.count.fetch_add(1, std::memory_order_relaxed);
  counters.failures.fetch_add(failed ? 1 : 0, std::memory_order_relaxed);
  counters.bytes.fetch_add(bytes, std::memory_order_relaxed);
  counters.total_us.fetch_add(us, std::memory_order_relaxed);
  std::uint64_t seen = counters.max_us.load(std::memory_order_relaxed);
  while (us > seen && !counters.max_us.compare_exchange_weak(seen, us, std::memory_order_relaxed)) {
  }
}

std::map<std::string, OperationStats> EnvStats::snapshot() const {
  std::map<std::string, OperationStats> out;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    for (std::size_t op = 0; op < kOps; ++op) {
      const Counters& from = counters_[kind][op];
      OperationStats stats{from.count, from.failures, from.bytes, from.total_us, from.max_us};
      if (stats.count == 0) continue;
      out.emplace(std::string(kKindWords[kind]) + "." + kOpWords[op], stats);
    }
  }
  return out;
}

}  // namespace converge::store
