#include "agent/control/handlers.h"
#include "agent/control/progress_notes.h"
#include "agent/control/resolve.h"
#include "core/repo/compaction.h"
#include "core/store/backup.h"
#include "core/store/check.h"
#include "core/store/directory.h"
#include "core/store/report_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>

namespace converge::handlers {
namespace {

namespace fs = std::filesystem;
using control::ErrorId;
using control::make_error;

/// A check beside writers reads no faster than this on average.
constexpr std::uint64_t kCheckBytesPerSecond = 64u << 20;
/// More findings than this are counted only: an answer is one message.
constexpr std::size_t kFindingsMax = 1000;
constexpr std::chrono::milliseconds kStep{5};
constexpr std::size_t kBackupReportMax = 64u << 20;
constexpr std::size_t kPageDocuments = 1000;
constexpr std::uint64_t kTopMax = 1000;

/// Documents of a list of DOC words.
Result<std::vector<DocumentId>> documents_param(store::Store& store, const Call& call) {
  const auto words = strings_param(call, "docs");
  if (!words) return words.error();
  std::vector<DocumentId> out;
  for (const std::string& word : *words) {
    const auto target = resolve_document(store, word);
    if (!target) return target.error();
    out.push_back(target->id);
  }
  return out;
}

/// Waits as long as reading went faster than it may, or until the agent stops.
class Throttle {
 public:
  Throttle(const Clock& clock, std::function<bool()> go_on, ProgressNotes notes)
      : clock_(clock),
        go_on_(std::move(go_on)),
        notes_(std::move(notes)),
        begin_(clock.steady_now()) {}

  bool operator()(const store::CheckProgress& progress) {
    notes_.update(progress.bytes_done, progress.bytes_total);
    const std::chrono::milliseconds due(progress.bytes_done * 1000 / kCheckBytesPerSecond);
    std::mutex mutex;
    std::condition_variable nobody;
    std::unique_lock lock(mutex);
    while (go_on_() && clock_.steady_now() - begin_ < due) nobody.wait_for(lock, kStep);
    return go_on_();
  }

 private:
  const Clock& clock_;
  std::function<bool()> go_on_;
  ProgressNotes notes_;
  std::chrono::steady_clock::time_point begin_;
};

/// The newest backup of this store in the folder that `target` will be in.
std::optional<fs::path> newest_backup(const fs::path& target, const store::StoreId& store_id) {
  std::optional<fs::path> newest;
  store::CommitNumber commit = 0;
  std::error_code error;
  for (fs::directory_iterator at(target.parent_path(), error), end; !error && at != end;
       at.increment(error)) {
    const auto text = store::read_small_file(at->path() / store::kBackupFile, kBackupReportMax);
    if (!text) continue;
    const auto manifest = store::parse_backup_manifest(*text);
    if (!manifest || manifest->store_id != store_id) continue;
    if (newest && manifest->commit < commit) continue;
    newest = at->path();
    commit = manifest->commit;
  }
  return newest;
}

Json top_documents(store::Store& store, std::uint64_t count, bool by_changes) {
  struct Entry {
    DocumentId id;
    std::uint64_t bytes;
    std::uint64_t changes;
  };
  std::vector<Entry> top;
  const auto larger = [by_changes](const Entry& a, const Entry& b) {
    return by_changes ? a.changes > b.changes : a.bytes > b.bytes;
  };
  store::PageRequest request;
  request.limit = kPageDocuments;
  do {
    const auto page = store.list_documents(request);
    if (!page) break;  // a listing that ends early is worth more than none
    for (const store::DocumentHeader& header : page->items) {
      top.push_back({header.id, header.snapshot.bytes + header.tail_bytes, header.change_count});
    }
    std::ranges::sort(top, larger);
    if (top.size() > count) top.resize(count);
    request.after = page->next;
  } while (!request.after.empty());
  Json items = Json::array();
  for (const Entry& entry : top) {
    const std::string name = name_of(store, entry.id);
    items.push_back({{"id", entry.id.to_url()},
                     {"name", name.empty() ? Json() : Json(name)},
                     {"size_bytes", entry.bytes},
                     {"changes", entry.changes}});
  }
  return items;
}

/// Documents to make into snapshots, one after the other.
struct CompactionCount {
  std::uint64_t documents = 0;
  std::uint64_t compacted = 0;
  std::uint64_t changes = 0;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  Json failed = Json::array();

  void add(store::Store& store, const DocumentId& document) {
    documents += 1;
    const auto done = repo::compact_document(store, document);
    // Compacted by the agent itself at this moment, or deleted: nothing is left to do.
    if (!done &&
        (done.error().code == ErrorCode::kConflict || done.error().code == ErrorCode::kNotFound)) {
      return;
    }
    if (!done) {
      failed.push_back({{"id", document.to_url()}, {"message", done.error().message}});
      return;
    }
    if (!*done) return;
    compacted += 1;
    changes += (*done)->changes;
    bytes_before += (*done)->bytes_before;
    bytes_after += (*done)->bytes_after;
  }
};

Result<void> compact_all(store::Store& store, const std::function<bool()>& go_on,
                         CompactionCount& count, ProgressNotes& notes) {
  const std::uint64_t total = store.counts().documents;
  store::PageRequest request;
  request.limit = kPageDocuments;
  do {
    const auto page = store.list_documents(request);
    if (!page) return page.error();
    for (const store::DocumentHeader& header : page->items) {
      if (!go_on()) return make_error(ErrorId::kAgentStopping, "the agent is going away");
      if (header.state == store::DocumentState::kActive) count.add(store, header.id);
      notes.update(count.documents, std::max(total, count.documents));
    }
    request.after = page->next;
  } while (!request.after.empty());
  return {};
}

}  // namespace

void store_check(Services& services, CallPtr call) {
  store::CheckOptions options;
  const auto mode = string_param(*call, "mode", "sample");
  const auto sample = number_param(*call, "sample", options.sample_percent);
  const auto documents = documents_param(services.store(), *call);
  const auto progress = bool_param(*call, "progress");
  if (!progress) return call->fail(progress.error());
  if (!mode) return call->fail(mode.error());
  if (!sample) return call->fail(sample.error());
  if (!documents) return call->fail(documents.error());
  if (*mode != "quick" && *mode != "sample" && *mode != "deep") {
    return call->fail(make_error(ErrorId::kUsageArgument,
                                 fmt::format("\"{}\" is not a mode of checking", *mode),
                                 "quick, sample and deep are"));
  }
  if (*sample < 1 || *sample > 100) {
    return call->fail(make_error(ErrorId::kUsageArgument, "a sample is 1 to 100 percent"));
  }
  options.depth = *mode == "deep"    ? store::CheckDepth::kDeep
                  : *mode == "quick" ? store::CheckDepth::kQuick
                                     : store::CheckDepth::kSample;
  options.sample_percent = static_cast<unsigned>(*sample);
  options.documents = *documents;
  options.findings_max = kFindingsMax;
  options.inspect_snapshot = repo::snapshot_inspector();
  ProgressNotes notes(services, call, *progress, "bytes");
  services.on_store([&services, call, options, notes](const std::function<bool()>& go_on) mutable {
    options.on_progress = Throttle(services.clock(), go_on, notes);
    const auto report = services.store().check(options);
    if (!report) return call->fail(report.error());
    call->reply(store::to_json(*report));
  });
}

void store_stats(Services& services, CallPtr call) {
  const auto top = number_param(*call, "top", 0);
  const auto by = string_param(*call, "by", "bytes");
  if (!top) return call->fail(top.error());
  if (!by) return call->fail(by.error());
  if (*by != "bytes" && *by != "changes") {
    return call->fail(make_error(ErrorId::kUsageArgument,
                                 fmt::format("\"{}\" is nothing to rank by", *by),
                                 "documents are ranked by bytes or by changes"));
  }
  services.on_store([&services, call, count = std::min(*top, kTopMax),
                     by_changes = *by == "changes"](const std::function<bool()>&) {
    Json stats = store::to_json(services.store().stats());
    const store::StoreIdentity identity = services.store().identity();
    stats["store_id"] = to_hex(identity.store_id);
    stats["incarnation"] = identity.incarnation;
    stats["created_at"] = format_time(identity.created_ms);
    stats["top"] = count == 0 ? Json::array() : top_documents(services.store(), count, by_changes);
    call->reply(std::move(stats));
  });
}

void store_backup(Services& services, CallPtr call) {
  const auto path = required_string(*call, "path");
  const auto incremental = bool_param(*call, "incremental");
  if (!path) return call->fail(path.error());
  if (!incremental) return call->fail(incremental.error());
  const auto progress = bool_param(*call, "progress");
  if (!progress) return call->fail(progress.error());
  const fs::path target = fs::path(*path).lexically_normal();
  if (!target.is_absolute()) {
    return call->fail(make_error(ErrorId::kUsageArgument, "the path of a backup is absolute"));
  }
  ProgressNotes notes(services, call, *progress, "bytes");
  services.on_store([&services, call, target, is_incremental = *incremental,
                     notes](const std::function<bool()>&) mutable {
    store::BackupOptions options;
    options.on_progress = [&notes](std::uint64_t done, std::uint64_t total) {
      notes.update(done, total);
    };
    if (is_incremental)
      options.previous = newest_backup(target, services.store().identity().store_id);
    const auto report = services.store().backup(target, options);
    if (!report) return call->fail(report.error());
    Json out = store::to_json(*report);
    out["based_on"] = options.previous ? Json(options.previous->string()) : Json();
    call->reply(std::move(out));
  });
}

void store_compact(Services& services, CallPtr call) {
  const auto tables = bool_param(*call, "tables");
  const auto all = bool_param(*call, "all");
  const auto documents = documents_param(services.store(), *call);
  const auto progress = bool_param(*call, "progress");
  if (!progress) return call->fail(progress.error());
  if (!tables) return call->fail(tables.error());
  if (!all) return call->fail(all.error());
  if (!documents) return call->fail(documents.error());
  ProgressNotes notes(services, call, *progress, "documents");
  services.on_store([&services, call, with_tables = *tables, with_all = *all,
                     documents = *documents, notes](const std::function<bool()>& go_on) mutable {
    store::Store& store = services.store();
    CompactionCount count;
    for (const DocumentId& document : documents) {
      count.add(store, document);
      notes.update(count.documents, documents.size());
    }
    if (with_all) {
      if (const auto done = compact_all(store, go_on, count, notes); !done)
        return call->fail(done.error());
    }
    if (with_tables) {
      if (const auto done = store.compact_tables(); !done) return call->fail(done.error());
    }
    call->reply(Json{{"kind", "CompactReport"},
                     {"v", 1},
                     {"documents", count.documents},
                     {"compacted", count.compacted},
                     {"changes", count.changes},
                     {"bytes_before", count.bytes_before},
                     {"bytes_after", count.bytes_after},
                     {"tables", with_tables},
                     {"failed", std::move(count.failed)}});
  });
}

}  // namespace converge::handlers
