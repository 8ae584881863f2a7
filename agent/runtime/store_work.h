#pragma once

#include "agent/control/services.h"
#include "agent/runtime/worker.h"
#include "core/model/document_id.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <set>

namespace converge::runtime {

struct Context;

/// Blocking work on the store that no shard and no client should wait for, on two threads of its
/// own: documents whose tail grew become snapshots, and what operators ask for (check, backup).
///
/// Compaction is bounded: one document at a time, at most kCompactionBytesPerSecond on average,
/// never while LevelDB is behind with its own. A document is looked at some time after it changed,
/// however often it changed meanwhile. What is not done when the process ends is found again with
/// the document's next change.
class StoreWork {
 public:
  static constexpr std::uint64_t kCompactionBytesPerSecond = 20u << 20;
  static constexpr std::size_t kNotedMax = 100'000;
  static constexpr std::uint64_t kLevel0FilesMax = 8;

  explicit StoreWork(Context& context);
  ~StoreWork();

  /// The document changed. Any thread.
  void note(const DocumentId& document);
  /// Runs the job behind those that were given before. Any thread.
  void run(handlers::StoreJob job);

  /// Jobs and compaction end at their next step. Any thread.
  void cancel() { stopping_ = true; }
  /// Cancels and joins. Not from a job.
  void stop();

 private:
  void schedule(std::chrono::milliseconds delay);
  /// Looks at what was noted until one document was compacted; compaction thread.
  void sweep();
  std::chrono::milliseconds compact(const DocumentId& document);

  Context& context_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::set<DocumentId> noted_;
  bool is_scheduled_ = false;
  Worker compaction_{"compaction"};
  Worker jobs_{"store-jobs"};
};

}  // namespace converge::runtime
