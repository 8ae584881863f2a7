#include "core/store/commit_queue.h"

#include "core/base/assert.h"
#include "core/store/keys.h"

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace converge::store {
namespace {

using EventSeverity = StoreEvent::Severity;

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

bool is_no_space(const Error& error) { return error.code == ErrorCode::kNoSpace; }

/// What a request is told whose group failed while being written.
Error outcome_unknown(const Error& cause) {
  Error error = cause;
  if (!is_no_space(cause)) error.id = "store.outcome-unknown";
  error.message =
      "the write may or may not be stored, the store failed while writing: " + cause.message;
  error.hint = "read it back or retry with the same request id once the store is open again";
  return error;
}

}  // namespace

CommitQueue::CommitQueue(Kv& kv, CommitQueueOptions options, const Ledger& ledger)
    : kv_(kv), options_(std::move(options)), ledger_(ledger), synced_(ledger.commit) {
  ASSERT(options_.clock != nullptr);
  if (options_.threaded) thread_ = std::thread([this] { run(); });
}

CommitQueue::~CommitQueue() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
}

void CommitQueue::submit(Request request) {
  std::optional<Error> refused;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = Error{ErrorCode::kUnavailable, "the store is closed", "store.closed"};
    } else if (queue_.size() >= kQueueRequestsMax ||
               (queue_bytes_ + request.bytes > kQueueBytesMax && !queue_.empty())) {
      refused =
          Error{ErrorCode::kLimitExceeded, "too many writes wait for the disk", "limit.exceeded"};
    } else {
      queue_bytes_ += request.bytes;
      queue_.push_back(std::move(request));
    }
  }
  if (refused) {
    if (request.done) request.done(*refused);
    return;
  }
  if (options_.threaded) {
    wake_.notify_one();
    return;
  }
  bool again = true;
  while (again) {
    Answers answers;
    {
      const std::lock_guard work(work_mutex_);
      auto group = take_group();
      again = !group.empty();
      if (again) commit(std::move(group), answers);
      run_background(answers);
      again = again || background_may_wait_;
    }
    for (const auto& answer : answers) answer();
  }
}

std::vector<Request> CommitQueue::take_group() {
  const std::lock_guard lock(mutex_);
  std::vector<Request> group;
  std::size_t bytes = 0;
  while (!queue_.empty() && group.size() < kGroupRequestsMax) {
    Request& next = queue_.front();
    if (!group.empty() && (next.alone || bytes + next.bytes > kGroupBytesMax)) break;
    bytes += next.bytes;
    queue_bytes_ -= next.bytes;
    group.push_back(std::move(next));
    queue_.pop_front();
    if (bytes >= kGroupBytesMax) break;
  }
  return group;
}

void CommitQueue::run() {
  pthread_setname_np(pthread_self(), "commit");
  bool finished = false;
  while (!finished) {
    SteadyTime until;
    bool background = false;
    {
      const std::lock_guard work(work_mutex_);
      until = next_wakeup();
      background = background_may_wait_;
    }
    if (!background) {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, until, [this] { return !queue_.empty() || stopping_; });
    }
    Answers answers;
    {
      const std::lock_guard work(work_mutex_);
      auto group = take_group();
      const bool is_quiet = group.empty();
      if (!is_quiet) {
        commit(std::move(group), answers);
      } else {
        const std::lock_guard lock(mutex_);
        finished = stopping_ && queue_.empty();
      }
      if (!finished) on_idle(is_quiet, answers);
      if (finished && farewell_) {
        std::vector<Request> last;
        last.push_back(std::move(*farewell_));
        commit(std::move(last), answers);
      }
    }
    for (const auto& answer : answers) answer();
  }
  const std::lock_guard lock(mutex_);
  state_ = StoreState::kClosed;
  finished_ = true;
  stopped_.notify_all();
}

CommitQueue::SteadyTime CommitQueue::next_wakeup() const {
  SteadyTime until = now() + std::chrono::seconds(options_.free_bytes_min > 0 ? 1 : 3600);
  if (sync_due_) until = std::min(until, *sync_due_);
  if (recovery_due_) until = std::min(until, *recovery_due_);
  if (rotation_retry_ > now()) until = std::min(until, rotation_retry_);
  return until;
}

void CommitQueue::on_idle(bool is_quiet, Answers& answers) {
  notice_failure();
  if (recovery_due_ && *recovery_due_ <= now()) try_recovery();
  check_space();
  if (sync_due_ && *sync_due_ <= now() && state() == StoreState::kOpen) sync_pending(answers);
  run_background(answers);
  if (!rotation_is_due()) return;
  // At once, but not in front of answers; under load that never ends, before it grows for ever.
  if (is_quiet || kv_.manifest_bytes() > 2 * options_.manifest_bytes_max)
    rotate_manifest(answers);
  else
    background_may_wait_ = true;
}

bool CommitQueue::rotation_is_due() const {
  if (state() != StoreState::kOpen || now() < rotation_retry_) return false;
  // A new MANIFEST names every table once: with very many of them it is no small one either.
  return kv_.manifest_bytes() > std::max(options_.manifest_bytes_max, 2 * manifest_bytes_fresh_);
}

/// Closing and opening again is what LevelDB offers to start a new MANIFEST.
void CommitQueue::rotate_manifest(Answers& answers) {
  sync_pending(answers);
  if (state() != StoreState::kOpen) return;
  const std::uint64_t before = kv_.manifest_bytes();
  step("rotate.before");
  const auto rotated = kv_.rotate_manifest(before > 2 * options_.manifest_bytes_max);
  if (!rotated) return write_failed(rotated.error());
  if (!*rotated) rotation_retry_ = now() + kRotationDelay;
  if (!*rotated || !confirm_ledger()) return;
  manifest_bytes_fresh_ = kv_.manifest_bytes();
  step("rotate.after");
  note(EventSeverity::kInfo, "store.manifest-rotated",
       "the MANIFEST of " + std::to_string(before) + " bytes was replaced by one of " +
           std::to_string(manifest_bytes_fresh_));
}

void CommitQueue::run_background(Answers& answers) {
  background_may_wait_ = false;
  if (!options_.next_background || state() != StoreState::kOpen) return;
  auto piece = options_.next_background();
  if (!piece) return;
  background_may_wait_ = true;
  std::vector<Request> group;
  group.push_back(std::move(*piece));
  commit(std::move(group), answers);
}

std::optional<Error> CommitQueue::refusal() const {
  const std::lock_guard lock(mutex_);
  if (state_ == StoreState::kOpen) return std::nullopt;
  return state_error_;
}

void CommitQueue::answer_refused(std::vector<Request>& requests, const Error& error,
                                 Answers& answers) {
  for (Request& request : requests) {
    if (!request.done) continue;
    answers.emplace_back([done = std::move(request.done), error] { done(error); });
  }
}

void CommitQueue::commit(std::vector<Request> requests, Answers& answers) {
  check_space();
  notice_failure();
  if (const auto error = refusal()) {
    answer_refused(requests, *error, answers);
    return;
  }
  Group group(kv_, headers_, ledger(), options_.clock->wall_now_ms());
  std::vector<Request> built;
  bool sync = false;
  for (Request& request : requests) {
    const Result<void> result = request.build ? request.build(group) : Result<void>();
    if (!result) {
      if (request.done) {
        answers.emplace_back(
            [done = std::move(request.done), error = result.error()] { done(error); });
      }
      continue;
    }
    sync = sync || request.sync;
    built.push_back(std::move(request));
  }
  const bool owes_sync = sync && !unsynced_.empty();
  if (group.empty() && group.ledger() == ledger() && !owes_sync) {
    const CommitNumber last = group.ledger().commit;
    for (Request& request : built) {
      answers.emplace_back(
          [done = std::move(request.done), durable = std::move(request.durable), last] {
            if (done) done(last);
            if (durable) durable();
          });
    }
    return;
  }
  if (sync_due_ && *sync_due_ <= now()) sync = true;
  write_group(group, built, sync, answers);
}

void CommitQueue::write_group(Group& group, std::vector<Request>& built, bool sync,
                              Answers& answers) {
  Ledger& next = group.ledger();
  next.commit += 1;
  next.synced = synced();
  step("commit.before-write");
  const Result<void> written = kv_.write(group.seal(), sync);
  if (!written) {
    write_failed(written.error());
    answer_refused(built, outcome_unknown(written.error()), answers);
    return;
  }
  step(sync ? "commit.after-sync" : "commit.after-write");
  group.publish_headers();
  {
    const std::lock_guard lock(mutex_);
    ledger_ = next;
    groups_ += 1;
    requests_ += built.size();
    if (sync) {
      syncs_ += 1;
      synced_ = next.commit;
    }
  }
  if (sync) {
    for (Unsynced& waiting : unsynced_) {
      if (waiting.durable) answers.push_back(std::move(waiting.durable));
    }
    unsynced_.clear();
    sync_due_.reset();
  } else {
    if (!sync_due_) sync_due_ = now() + options_.relaxed_sync;
    unsynced_.push_back({next.commit, {}});
  }
  for (Request& request : built) {
    if (request.done) {
      answers.emplace_back(
          [done = std::move(request.done), commit = next.commit] { done(commit); });
    }
    if (!request.durable) continue;
    if (sync) {
      answers.push_back(std::move(request.durable));
    } else {
      unsynced_.push_back({next.commit, std::move(request.durable)});
    }
  }
}

void CommitQueue::sync_pending(Answers& answers) {
  if (unsynced_.empty()) return;
  Group group(kv_, headers_, ledger(), options_.clock->wall_now_ms());
  std::vector<Request> nobody;
  write_group(group, nobody, true, answers);
}

void CommitQueue::write_failed(const Error& error) {
  headers_.clear();
  sync_due_.reset();
  needs_reopen_ = true;
  waits_for_space_ = is_no_space(error);
  if (waits_for_space_) {
    kv_.release_reserve();
    recovery_due_ = now();
    enter(StoreState::kReadOnly, error.message, EventSeverity::kError, "store.no-space");
    return;
  }
  std::erase_if(failures_, [](SteadyTime at) { return at < now() - kFailureWindow; });
  failures_.push_back(now());
  if (failures_.size() < kFailuresMax) {
    recovery_due_ = now() + kReopenDelay;
  } else {
    recovery_due_.reset();
  }
  enter(StoreState::kFailed, error.message, EventSeverity::kError, "store.failed");
}

void CommitQueue::notice_failure() {
  if (needs_reopen_ || state() != StoreState::kOpen) return;
  if (const auto failure = kv_.write_failure()) write_failed(*failure);
}

bool CommitQueue::reopen_files() {
  const Result<void> opened = kv_.reopen();
  if (!opened) {
    note(EventSeverity::kWarning, "store.reopen-failed",
         "opening again failed: " + opened.error().message);
    return false;
  }
  if (!confirm_ledger()) return false;
  if (!unsynced_.empty()) sync_due_ = now();
  needs_reopen_ = false;
  return true;
}

/// What the files say after they were opened again; false also when something promised is gone.
bool CommitQueue::confirm_ledger() {
  const std::string key = meta_key(kLedgerName);
  const auto value = kv_.get(key);
  if (!value || !*value) return false;
  const auto found = decode_ledger(key, **value);
  if (!found) return false;
  const Ledger known = ledger();
  if (found->commit < known.commit) {
    lost_acknowledged_ = true;
    enter(StoreState::kReadOnly,
          "commits " + std::to_string(found->commit + 1) + " to " + std::to_string(known.commit) +
              " were acknowledged and are gone",
          EventSeverity::kError, "store.acknowledged-lost");
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    ledger_ = *found;
  }
  return true;
}

void CommitQueue::try_recovery() {
  recovery_due_.reset();
  if (lost_acknowledged_) return;
  if (needs_reopen_ && waits_for_space_ && !kv_.probe_room()) {
    recovery_due_ = now() + std::chrono::seconds(1);
    return;
  }
  if (needs_reopen_ && !reopen_files()) {
    if (!lost_acknowledged_) recovery_due_ = now() + std::chrono::seconds(1);
    return;
  }
  const auto free = kv_.free_bytes();
  const bool room = !free || *free >= options_.free_bytes_min;
  if (!room || !kv_.restore_reserve()) {
    recovery_due_ = now() + std::chrono::seconds(1);
    if (state() == StoreState::kFailed) {
      enter(StoreState::kReadOnly, "the disk is nearly full", EventSeverity::kWarning,
            "store.low-space");
    }
    return;
  }
  bool by_operator = false;
  {
    const std::lock_guard lock(mutex_);
    by_operator = operator_read_only_;
  }
  if (by_operator) {
    enter(StoreState::kReadOnly, "set read-only by the operator", EventSeverity::kInfo,
          "store.read-only");
    return;
  }
  enter(StoreState::kOpen, {}, EventSeverity::kInfo, "store.open");
  background_may_wait_ = true;
}

void CommitQueue::check_space() {
  if (options_.free_bytes_min == 0 || state() != StoreState::kOpen) return;
  if (now() - space_checked_ < std::chrono::seconds(1)) return;
  space_checked_ = now();
  const auto free = kv_.free_bytes();
  if (!free || *free >= options_.free_bytes_min) return;
  enter(StoreState::kReadOnly,
        "only " + std::to_string(*free >> 20) + " MiB are free, the least is " +
            std::to_string(options_.free_bytes_min >> 20) + " MiB",
        EventSeverity::kError, "store.low-space");
  recovery_due_ = now() + std::chrono::seconds(1);
}

void CommitQueue::enter(StoreState state, std::string reason, EventSeverity severity,
                        std::string_view code) {
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
    state_reason_ = reason;
    const bool space = code == "store.no-space" || code == "store.low-space";
    if (state == StoreState::kReadOnly) {
      state_error_ = {space ? ErrorCode::kNoSpace : ErrorCode::kUnavailable,
                      "the store is read-only: " + reason,
                      space ? "store.no_space" : "store.read_only"};
    } else if (state == StoreState::kFailed && code == "store.failed") {
      state_error_ = {ErrorCode::kUnavailable, "the store failed: " + reason, "store.failed"};
    }
  }
  note(severity, code,
       std::string("store is ") + to_string(state) + (reason.empty() ? "" : ": " + reason));
}

void CommitQueue::note(StoreEvent::Severity severity, std::string_view code,
                       std::string message) const {
  if (options_.on_event) options_.on_event({severity, std::string(code), std::move(message)});
}

void CommitQueue::step(std::string_view name) const {
  if (options_.on_step) options_.on_step(name);
}

StoreState CommitQueue::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::string CommitQueue::state_reason() const {
  const std::lock_guard lock(mutex_);
  return state_reason_;
}

Ledger CommitQueue::ledger() const {
  const std::lock_guard lock(mutex_);
  return ledger_;
}

CommitNumber CommitQueue::synced() const {
  const std::lock_guard lock(mutex_);
  return synced_;
}

void CommitQueue::fill_stats(StoreStats& stats) const {
  const std::lock_guard lock(mutex_);
  stats.state = state_;
  stats.state_reason = state_reason_;
  stats.synced_commit = synced_;
  stats.groups = groups_;
  stats.requests = requests_;
  stats.syncs = syncs_;
  stats.queue_length = queue_.size();
  stats.queue_bytes = queue_bytes_;
}

void CommitQueue::set_read_only(bool read_only) {
  const std::lock_guard work(work_mutex_);
  {
    const std::lock_guard lock(mutex_);
    operator_read_only_ = read_only;
  }
  const StoreState now_in = state();
  if (read_only && now_in == StoreState::kOpen) {
    enter(StoreState::kReadOnly, "set read-only by the operator", EventSeverity::kInfo,
          "store.read-only");
  } else if (!read_only && now_in == StoreState::kReadOnly && !needs_reopen_) {
    recovery_due_ = now();
    try_recovery();
  }
}

Result<void> CommitQueue::with_pause(const std::function<Result<void>()>& work) {
  Answers answers;
  Result<void> result;
  {
    const std::lock_guard lock(work_mutex_);
    const bool was_open = state() == StoreState::kOpen;
    if (was_open) sync_pending(answers);
    const auto error = was_open ? refusal() : std::nullopt;
    result = error ? Result<void>(*error) : work();
  }
  for (const auto& answer : answers) answer();
  return result;
}

Result<void> CommitQueue::repair_files(const std::function<Result<void>()>& work) {
  Answers answers;
  Result<void> result;
  {
    const std::lock_guard lock(work_mutex_);
    if (state() == StoreState::kOpen) sync_pending(answers);
    result = work();
    headers_.clear();
    if (!result) {
      write_failed(result.error());
    } else {
      failures_.clear();
      if (needs_reopen_) try_recovery();
    }
  }
  for (const auto& answer : answers) answer();
  return result;
}

Result<void> CommitQueue::stop(std::chrono::milliseconds deadline, Request farewell) {
  if (!options_.threaded) {
    submit(std::move(farewell));
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    state_ = StoreState::kClosed;
    return {};
  }
  std::unique_lock lock(mutex_);
  if (!stopping_) {
    farewell_ = std::move(farewell);
    stopping_ = true;
  }
  wake_.notify_one();
  if (!stopped_.wait_for(lock, deadline, [this] { return finished_; })) {
    return Error{ErrorCode::kTimeout, "the store did not finish its writes in time", "timeout"};
  }
  return {};
}

}  // namespace converge::store
