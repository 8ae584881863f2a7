#include "agent/runtime/store_work.h"

#include "agent/runtime/context.h"
#include "core/repo/compaction.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace converge::runtime {
namespace {

using telemetry::Level;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kGatherDelay{500};
constexpr Milliseconds kBusyDelay{1000};

}  // namespace

StoreWork::StoreWork(Context& context) : context_(context) {}

StoreWork::~StoreWork() { stop(); }

void StoreWork::stop() {
  cancel();
  compaction_.stop();
  jobs_.stop();
}

void StoreWork::note(const DocumentId& document) {
  const std::lock_guard lock(mutex_);
  // A bound, not a promise: who is left out comes again with the next change.
  if (stopping_ || noted_.size() >= kNotedMax) return;
  noted_.insert(document);
  if (!is_scheduled_) schedule(kGatherDelay);
}

void StoreWork::run(handlers::StoreJob job) {
  jobs_.post([this, job = std::move(job)] { job([this] { return !stopping_; }); });
}

void StoreWork::schedule(Milliseconds delay) {
  is_scheduled_ = true;
  compaction_.after(delay, [this] { sweep(); });
}

void StoreWork::sweep() {
  std::optional<Milliseconds> pause;
  while (!stopping_ && !pause) {
    DocumentId document;
    {
      const std::lock_guard lock(mutex_);
      is_scheduled_ = false;
      if (noted_.empty()) return;
      document = *noted_.begin();
      noted_.erase(noted_.begin());
    }
    const auto header = context_.store->header(document);
    if (!header || !repo::needs_compaction(*header)) continue;
    pause = compact(document);
  }
  const std::lock_guard lock(mutex_);
  if (!stopping_ && !is_scheduled_) schedule(pause.value_or(kBusyDelay));
}

/// How long to leave the disk to others afterwards.
Milliseconds StoreWork::compact(const DocumentId& document) {
  const store::StoreStats stats = context_.store->stats();
  if (stats.state != store::StoreState::kOpen || stats.level0_files >= kLevel0FilesMax) {
    const std::lock_guard lock(mutex_);
    noted_.insert(document);
    return kBusyDelay;
  }
  const auto done = repo::compact_document(*context_.store, document);
  const char* result = done ? "ok" : "error";
  context_.metrics
      .counter("syncd_compactions_total", "Documents made into a snapshot", {{"result", result}})
      .add();
  if (!done) {
    const bool is_noise = done.error().code == ErrorCode::kConflict ||
                          done.error().code == ErrorCode::kNotFound ||
                          done.error().code == ErrorCode::kUnavailable;
    context_.log.write(is_noise ? Level::kDebug : Level::kWarn, "document.compaction-failed",
                       done.error().message, {{"document", document.to_url()}});
    return kGatherDelay;
  }
  if (!*done) return Milliseconds(0);
  context_.log.write(Level::kDebug, "document.compacted", "a snapshot took the changes' place",
                     {{"document", document.to_url()},
                      {"changes", std::to_string((*done)->changes)},
                      {"bytes", std::to_string((*done)->bytes_after)}});
  const std::uint64_t bytes = (*done)->bytes_before + (*done)->bytes_after;
  return Milliseconds(bytes * 1000 / kCompactionBytesPerSecond);
}

}  // namespace converge::runtime
