#include "core/store/repair.h"

#include "core/store/check.h"
#include "core/store/directory.h"
#include "core/store/group.h"
#include "core/store/keys.h"
#include "core/store/leveldb_kv.h"
#include "core/store/lock_probe.h"
#include "core/store/own_records.h"
#include "core/store/rebuild.h"
#include "core/store/repair_index.h"
#include "core/store/repair_tables.h"
#include "core/store/running_hash.h"

#include <algorithm>
#include <functional>
#include <set>

namespace converge::store {
namespace {

namespace fs = std::filesystem;

/// Spaces that an opening reads: the store's own records, jobs, peers.
constexpr const char* kReadFirst = "mjp";

Result<RepairPlan> plan_of(const fs::path& directory, const RepairOptions& options) {
  const fs::path database = directory / kDatabaseFolder;
  if (auto ok = expect_store(directory); !ok) return ok.error();
  if (auto ok = check_rights(directory); !ok) return ok.error();
  std::error_code error;
  if (!fs::exists(directory / kFormatFile, error)) {
    return Error{ErrorCode::kCorrupt,
                 "store.format: " + directory.string() + " has lost its file FORMAT",
                 "store.corrupt", "syncctl store salvage " + directory.string() + " --into DIR"};
  }
  if (auto ok = check_database_files(database); !ok) return ok.error();
  CheckOptions deep;
  deep.depth = CheckDepth::kDeep;
  deep.inspect_snapshot = options.inspect_snapshot;
  const auto report = check_store(directory, deep);
  if (!report) return report.error();
  const auto lock = LockProbe::take(directory);
  if (!lock) return lock.error();
  auto plan = plan_tables(database, {});
  if (plan) complete_plan(*plan, *report);
  return plan;
}

/// Opens what was repaired and makes headers and contents agree again.
class Rebuilding {
 public:
  Rebuilding(const fs::path& directory, const RepairOptions& options, const OpenOptions& open,
             const std::set<std::string>& certain, RepairReport& report)
      : directory_(directory), options_(options), open_(open), certain_(certain), report_(report) {}

  Result<void> run() {
    OpenOptions existing = open_;
    existing.mode = OpenMode::kExisting;
    auto directory = StoreDirectory::open(directory_, existing);
    if (!directory) return directory.error();
    auto opened = open_leveldb_kv(std::move(*directory), existing);
    if (!opened) return opened.error();
    kv_ = opened->kv.get();
    OwnRecords own(*kv_, report_.plan, certain_, open_);
    auto ledger = own.read();
    if (!ledger) return ledger.error();
    ledger_ = std::move(*ledger);
    const GroupWriter writer = [this](const auto& fill) { return write(fill); };
    if (auto ok = own.write(writer, report_); !ok) return ok;
    const auto concerned = concerned_documents(*kv_, report_.plan);
    if (!concerned) return concerned.error();
    for (const DocumentId& document : *concerned) {
      if (auto ok = rebuild(document); !ok) return ok;
    }
    if (may_have_held_any(report_.plan, "j")) {
      if (auto ok = finish_lost_removals(*kv_, writer); !ok) return ok;
    }
    if (touches_indexes(report_.plan)) {
      const auto indexes = repair_indexes(*kv_, options_.inspect_snapshot, writer);
      if (!indexes) return indexes.error();
      report_.indexes = *indexes;
    }
    if (auto ok = recount(*kv_, writer); !ok) return ok;
    if (open_.on_step) open_.on_step("repair.5");
    return opened->kv->close();
  }

 private:
  Result<void> rebuild(const DocumentId& document) {
    const RebuildContext context = rebuild_context(options_.inspect_snapshot, report_, *kv_);
    std::optional<RebuiltDocument> done;
    const auto written = write([&](Group& group) -> Result<void> {
      auto rebuilt = rebuild_document(group, document, context);
      if (!rebuilt) return rebuilt.error();
      done = std::move(*rebuilt);
      return {};
    });
    if (!written) return written;
    if (done) note_rebuilt(document, std::move(*done), report_);
    return {};
  }

  Result<void> write(const std::function<Result<void>(Group&)>& fill) {
    Group group(*kv_, cache_, ledger_, open_.clock->wall_now_ms());
    if (auto ok = fill(group); !ok) return ok;
    if (group.empty() && group.ledger() == ledger_) return {};
    group.ledger().synced = ledger_.commit;
    group.ledger().commit += 1;
    if (auto ok = kv_->write(group.seal(), true); !ok) return ok;
    ledger_ = group.ledger();
    cache_.clear();
    return {};
  }

  const fs::path& directory_;
  const RepairOptions& options_;
  const OpenOptions& open_;
  const std::set<std::string>& certain_;  ///< keys that the logs hold
  RepairReport& report_;
  Kv* kv_ = nullptr;
  HeaderCache cache_;
  Ledger ledger_;
};

}  // namespace

RebuildContext rebuild_context(const SnapshotInspector& inspector, const RepairReport& report,
                               Kv& kv) {
  RebuildContext context;
  context.inspector = inspector;
  if (!report.set_aside.empty()) {
    context.code = "table.block";
    context.what = "blocks of a table could not be read";
  }
  for (const fs::path& file : report.set_aside) context.files.push_back(file.filename().string());
  context.keep = [&kv](const std::string& name, std::string_view bytes) {
    return kv.keep_aside(name, bytes);
  };
  return context;
}

void note_rebuilt(const DocumentId& document, RebuiltDocument rebuilt, RepairReport& report) {
  if (rebuilt.header_changed) {
    report.headers_rebuilt += 1;
    report.changed.push_back(document);
  }
  if (rebuilt.quarantine_id != 0) report.quarantined += 1;
  if (!rebuilt.is_degraded) return;
  report.degraded.push_back({document, rebuilt.changes, std::move(rebuilt.missing)});
}

/// Damage that rebuilding a document, or the indexes, puts right.
void complete_plan(RepairPlan& plan, const CheckReport& report) {
  std::set<DocumentId> documents;
  for (const Finding& finding : report.findings) {
    if (finding.severity == Severity::kInfo) continue;
    const bool is_of_documents =
        finding.code.starts_with("record.") || finding.code.starts_with("change.") ||
        finding.code.starts_with("snapshot.") || finding.code == "document.heads" ||
        finding.code == "document.missing-dep" || finding.code == "document.counts" ||
        finding.code == "document.no-header";
    if (is_of_documents) documents.insert(finding.documents.begin(), finding.documents.end());
    if (finding.code.starts_with("index.")) plan.has_bad_index = true;
    const bool is_own = finding.code == "store.metadata" || finding.where.key.starts_with("m/");
    if (is_own && !finding.code.starts_with("table.")) plan.has_bad_own = true;
  }
  plan.documents.assign(documents.begin(), documents.end());
  RunningHash hash;
  hash.add(plan.id);
  if (plan.has_bad_index) hash.add("/index");
  if (plan.has_bad_own) hash.add("/own");
  for (const DocumentId& document : plan.documents) hash.add("/" + document.to_base58());
  plan.id = to_hex(hash.finish()).substr(0, 8);
}

Result<RepairPlan> plan_repair(const fs::path& directory, const RepairOptions& options) {
  return plan_of(directory, options);
}

namespace {

Result<RepairReport> carry_out(const fs::path& directory, RepairPlan plan,
                               const RepairOptions& options, const OpenOptions& open) {
  RepairReport report;
  report.plan = std::move(plan);
  std::set<std::string> certain;
  {
    const auto lock = LockProbe::take(directory);
    if (!lock) return lock.error();
    auto in_logs = own_keys_in_logs(directory / kDatabaseFolder);
    if (!in_logs) return in_logs.error();
    certain = std::move(*in_logs);
    auto rewritten = rewrite_tables(directory, report.plan, open.on_step);
    if (!rewritten) return rewritten.error();
    report.records_kept = rewritten->records_kept;
    report.set_aside = std::move(rewritten->set_aside);
    if (report.plan.lacks_guard) {
      const auto guard = write_file_synced(directory / kDatabaseFolder / kGuardMarker, {});
      if (!guard) return guard.error();
    }
  }
  const bool is_done = report.plan.tables.empty() && report.plan.documents.empty() &&
                       !report.plan.has_bad_index && !report.plan.has_bad_own;
  if (is_done) return report;
  if (auto ok = Rebuilding(directory, options, open, certain, report).run(); !ok) return ok.error();
  return report;
}

}  // namespace

Result<RepairReport> apply_repair(const fs::path& directory, const std::string& plan_id,
                                  const RepairOptions& options, const OpenOptions& open) {
  auto plan = plan_of(directory, options);
  if (!plan) return plan.error();
  if (plan->id != plan_id) {
    return Error{ErrorCode::kConflict, "the plan " + plan_id + " is not that of the store now",
                 "plan.stale", "syncctl store repair"};
  }
  return carry_out(directory, std::move(*plan), options, open);
}

Result<RepairReport> repair_to_open(const fs::path& directory, const RepairOptions& options,
                                    const OpenOptions& open) {
  PlanOptions first;
  first.spaces = kReadFirst;
  auto plan = plan_tables(directory / kDatabaseFolder, first);
  if (!plan) return plan.error();
  if (plan->tables.empty() || !is_automatic(*plan)) {
    return Error{ErrorCode::kCorrupt,
                 "the store's own records cannot be read, and more is damaged than is repaired "
                 "without being asked: " +
                     std::to_string(plan->tables.size()) + " tables",
                 "store.corrupt", "syncctl --store " + directory.string() + " store repair"};
  }
  return carry_out(directory, std::move(*plan), options, open);
}

}  // namespace converge::store
