#include "core/store/keys.h"
#include "core/store/kv_store.h"
#include "core/store/own_records.h"
#include "core/store/rebuild.h"
#include "core/store/repair.h"
#include "core/store/repair_index.h"
#include "core/store/repair_tables.h"
#include "core/store/values.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <utility>

/// The store's way of living with damage while it is open (store.md 13.2, 13.3).
namespace converge::store {
namespace {

Error no_entry(std::uint64_t id) {
  return {ErrorCode::kNotFound, "there is no quarantine entry " + std::to_string(id),
          "entry.not_found", "syncctl quarantine ls"};
}

}  // namespace

Result<Page<QuarantineEntry>> KvStore::list_quarantine(const PageRequest& request) {
  Page<QuarantineEntry> page;
  const std::size_t limit = std::clamp<std::size_t>(request.limit, 1, 10'000);
  std::uint64_t after = 0;
  std::from_chars(request.after.data(), request.after.data() + request.after.size(), after);
  const auto ok = walk("q", quarantine_key(after + 1),
                       [&](std::string_view key, std::string_view value) -> Result<bool> {
                         if (page.items.size() == limit) {
                           page.next = std::to_string(page.items.back().id);
                           return false;
                         }
                         auto entry = decode_quarantine(key, value);
                         if (!entry) return entry.error();
                         page.items.push_back(std::move(*entry));
                         return true;
                       });
  if (!ok) return ok.error();
  return page;
}

Result<std::optional<QuarantineEntry>> KvStore::quarantine_entry(std::uint64_t id) {
  const std::string key = quarantine_key(id);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<QuarantineEntry>();
  auto entry = decode_quarantine(key, **value);
  if (!entry) return entry.error();
  return std::optional(std::move(*entry));
}

Result<void> KvStore::drop_quarantine(const std::vector<std::uint64_t>& ids) {
  std::set<std::string> files;
  std::set<std::string> needed;
  const std::set<std::uint64_t> wanted(ids.begin(), ids.end());
  std::set<std::uint64_t> found;
  PageRequest request;
  do {
    const auto page = list_quarantine(request);
    if (!page) return page.error();
    for (const QuarantineEntry& entry : page->items) {
      auto& list = wanted.contains(entry.id) ? files : needed;
      list.insert(entry.files.begin(), entry.files.end());
      if (wanted.contains(entry.id)) found.insert(entry.id);
    }
    request.after = page->next;
  } while (!request.after.empty());
  for (const std::uint64_t id : wanted) {
    if (!found.contains(id)) return no_entry(id);
  }
  const auto written = write_alone([&](Group& group) -> Result<void> {
    for (const std::uint64_t id : wanted) group.erase(quarantine_key(id));
    return {};
  });
  if (!written) return written;
  for (const std::string& file : files) {
    if (needed.contains(file)) continue;
    if (auto ok = kv_->drop_aside(file); !ok) return ok;
  }
  return {};
}

Result<void> KvStore::write_alone(const std::function<Result<void>(Group&)>& fill) {
  Request request;
  request.build = fill;
  request.sync = true;
  request.alone = true;
  request.bytes = 4096;
  const auto done = submit_and_wait(std::move(request));
  if (!done) return done.error();
  return {};
}

Result<RepairPlan> KvStore::plan_repair(const std::vector<DocumentId>& only) {
  if (const auto ok = begin_file_work(); !ok) return ok.error();
  auto plan = kv_->plan_repair(
      only, [this](const std::function<Result<void>()>& work) { return queue_->with_pause(work); });
  end_file_work();
  return plan;
}

Result<void> KvStore::rebuild_one(const DocumentId& document, const RepairOptions& options,
                                  RepairReport& report) {
  const RebuildContext context = rebuild_context(options.inspect_snapshot, report, *kv_);
  std::optional<RebuiltDocument> done;
  const auto written = write_alone([&](Group& group) -> Result<void> {
    auto rebuilt = rebuild_document(group, document, context);
    if (!rebuilt) return rebuilt.error();
    done = std::move(*rebuilt);
    if (!done) return {};
    group.ledger().documents += done->had_header ? 0 : 1;
    group.ledger().changes += done->changes;
    group.ledger().changes -= std::min(group.ledger().changes, done->changes_before);
    return {};
  });
  if (!written) return written;
  if (done) note_rebuilt(document, std::move(*done), report);
  return {};
}

Result<RepairReport> KvStore::repair(const RepairPlan& plan, const RepairOptions& options) {
  if (const auto ok = check_open(); !ok) return ok.error();
  RepairReport report;
  report.plan = plan;
  if (!plan.tables.empty()) {
    if (const auto ok = begin_file_work(); !ok) return ok.error();
    const auto rewritten = queue_->repair_files([&] { return kv_->repair_tables(report); });
    end_file_work();
    if (!rewritten) return rewritten.error();
  }
  const auto concerned = concerned_documents(*kv_, plan);
  if (!concerned) return concerned.error();
  for (const DocumentId& document : *concerned) {
    if (auto ok = rebuild_one(document, options, report); !ok) return ok.error();
  }
  if (plan.tables.empty() && !plan.has_bad_index && !plan.has_bad_own) return report;
  const GroupWriter writer = [this](const auto& fill) { return write_alone(fill); };
  if (may_have_held_any(plan, "m") || plan.has_bad_own) {
    // Whatever the files say now: what is in memory is right.
    auto ok = write_alone([this](Group& group) { return add_own_records(group); });
    if (!ok) return ok.error();
  }
  auto doubted = write_alone([&plan](Group& group) -> Result<void> {
    doubt_conflict_index(group, plan);
    return {};
  });
  if (!doubted) return doubted.error();
  report.may_lack = may_lack(plan);
  if (touches_indexes(plan)) {
    const auto indexes = repair_indexes(*kv_, options.inspect_snapshot, writer);
    if (!indexes) return indexes.error();
    report.indexes = *indexes;
  }
  if (auto ok = recount(*kv_, writer); !ok) return ok.error();
  return report;
}

Result<RepairReport> KvStore::heal(const DocumentId& document, const RepairOptions& options) {
  if (const auto ok = check_open(); !ok) return ok.error();
  auto plan = plan_repair({document});
  if (!plan) return plan.error();
  if (!is_automatic(*plan)) {
    return Error{ErrorCode::kCorrupt,
                 "more is damaged than is repaired without being asked: " +
                     std::to_string(plan->tables.size()) + " tables",
                 "store.corrupt", "syncctl store repair"};
  }
  plan->documents = {document};
  return repair(*plan, options);
}

}  // namespace converge::store
