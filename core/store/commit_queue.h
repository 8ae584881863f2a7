#pragma once

#include "core/base/clock.h"
#include "core/store/group.h"
#include "core/store/store.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace converge::store {

/// One write on its way.
struct Request {
  /// Checks, then adds to the group. An error refuses this request alone. Commit thread.
  std::function<Result<void>(Group&)> build;
  /// Called exactly once, without any lock held.
  Done done;
  /// Called once the commit is synced; may be empty.
  Durable durable;
  bool sync = false;
  /// Scans the stored records, so nothing unwritten may stand before it: starts a group.
  bool alone = false;
  std::size_t bytes = 0;  ///< rough, for the bounds
};

struct CommitQueueOptions {
  const Clock* clock = nullptr;
  std::chrono::milliseconds relaxed_sync{200};
  std::uint64_t free_bytes_min = 0;
  std::uint64_t manifest_bytes_max = 64u << 20;
  /// False: requests are carried out inside submit(), on the caller's thread.
  bool threaded = true;
  std::function<void(const StoreEvent&)> on_event;
  std::function<void(std::string_view)> on_step;
  /// Work to do when nothing waits: one piece, or nothing. Commit thread.
  std::function<std::optional<Request>()> next_background;
};

/// Makes one log record, and at most one sync, of all the requests that waited while the last one
/// was written (store.md 9). Order of submission is order in the log.
///
/// Invariants: `ledger_` is what the last written batch says; nothing is answered with success
/// before its batch was written, nor, if it asked for sync, before the sync returned; after a
/// failed write nothing is written until the files were opened again.
///
/// submit, state, stats: any thread. Everything else is said at the function.
class CommitQueue {
 public:
  static constexpr std::size_t kGroupBytesMax = 1u << 20;
  static constexpr std::size_t kGroupRequestsMax = 1024;
  static constexpr std::size_t kQueueBytesMax = 256u << 20;
  static constexpr std::size_t kQueueRequestsMax = 1u << 20;
  /// So many failures of the write path inside kFailureWindow and it stays failed.
  static constexpr std::size_t kFailuresMax = 3;
  static constexpr std::chrono::minutes kFailureWindow{10};
  static constexpr std::chrono::milliseconds kReopenDelay{500};
  static constexpr std::chrono::seconds kRotationDelay{1};

  CommitQueue(Kv& kv, CommitQueueOptions options, const Ledger& ledger);
  ~CommitQueue();

  void submit(Request request);

  StoreState state() const;
  std::string state_reason() const;
  Ledger ledger() const;
  CommitNumber synced() const;
  void fill_stats(StoreStats& stats) const;
  void set_read_only(bool read_only);

  /// Runs `work` between two groups, with everything written so far synced; of a store that takes
  /// no writes, with everything durable in the files as they are. Any thread but the commit thread;
  /// waits.
  Result<void> with_pause(const std::function<Result<void>()>& work);

  /// As with_pause, for work that closes the files and opens them again: a failed store is open
  /// afterwards if the work succeeded, and the failures before it are forgotten.
  Result<void> repair_files(const std::function<Result<void>()>& work);

  /// Finishes what is queued, then `farewell` as the last request. kTimeout after the deadline.
  Result<void> stop(std::chrono::milliseconds deadline, Request farewell);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Unsynced {
    CommitNumber commit;
    Durable durable;
  };
  /// Answers collected under the lock and given without it.
  using Answers = std::vector<std::function<void()>>;

  void run();
  std::vector<Request> take_group();
  bool has_work_soon() const;
  SteadyTime next_wakeup() const;
  void on_idle(bool is_quiet, Answers& answers);
  void commit(std::vector<Request> requests, Answers& answers);
  void write_group(Group& group, std::vector<Request>& built, bool sync, Answers& answers);
  void sync_pending(Answers& answers);
  void answer_refused(std::vector<Request>& requests, const Error& error, Answers& answers);
  void run_background(Answers& answers);
  std::optional<Error> refusal() const;

  void write_failed(const Error& error);
  /// A failure in the background, of a flush or compaction, before a write meets it.
  void notice_failure();
  void try_recovery();
  bool reopen_files();
  bool confirm_ledger();
  bool rotation_is_due() const;
  void rotate_manifest(Answers& answers);
  void check_space();
  void enter(StoreState state, std::string reason, StoreEvent::Severity severity,
             std::string_view code);
  void note(StoreEvent::Severity severity, std::string_view code, std::string message) const;
  void step(std::string_view name) const;

  Kv& kv_;
  CommitQueueOptions options_;

  mutable std::mutex mutex_;  ///< queue and everything that other threads ask for
  std::condition_variable wake_;
  std::condition_variable stopped_;
  std::deque<Request> queue_;
  std::size_t queue_bytes_ = 0;
  bool stopping_ = false;
  bool finished_ = false;
  std::optional<Request> farewell_;
  StoreState state_ = StoreState::kOpen;
  std::string state_reason_;
  Error state_error_{ErrorCode::kUnavailable, {}};
  bool operator_read_only_ = false;
  Ledger ledger_;
  CommitNumber synced_ = 0;
  std::uint64_t groups_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t syncs_ = 0;

  // Commit thread only.
  std::mutex work_mutex_;  ///< held while a group is built and written
  HeaderCache headers_;
  std::vector<Unsynced> unsynced_;
  std::optional<SteadyTime> sync_due_;
  std::vector<SteadyTime> failures_;
  std::optional<SteadyTime> recovery_due_;
  SteadyTime space_checked_{};
  SteadyTime rotation_retry_{};             ///< not before: somebody was reading
  std::uint64_t manifest_bytes_fresh_ = 0;  ///< of the one that the last rotation made
  bool needs_reopen_ = false;
  bool waits_for_space_ = false;  ///< of needs_reopen_: the files failed for lack of space
  bool lost_acknowledged_ = false;
  bool background_may_wait_ = false;

  std::thread thread_;
};

}  // namespace converge::store
