#include "core/store/report_json.h"

#include "core/store/directory.h"
#include "core/store/keys.h"
#include "core/store/own_records.h"

#include <nlohmann/json.hpp>

namespace converge::store {
namespace {

using nlohmann::json;

json nullable(const std::string& text) { return text.empty() ? json() : json(text); }

json where_of(const FindingPlace& place) {
  json where = {{"file", nullable(place.file)}};
  if (place.offset != 0) where["offset"] = place.offset;
  if (!place.key.empty()) where["key"] = place.key;
  return where;
}

json findings_of(const std::vector<Finding>& findings) {
  json out = json::array();
  for (const Finding& finding : findings) out.push_back(to_json(finding));
  return out;
}

}  // namespace

const char* to_string(CheckDepth depth) {
  switch (depth) {
    case CheckDepth::kQuick:
      return "quick";
    case CheckDepth::kSample:
      return "sample";
    case CheckDepth::kDeep:
      return "deep";
  }
  return "unknown";
}

json to_json(const Finding& finding) {
  json documents = json::array();
  for (const DocumentId& document : finding.documents) documents.push_back(document.to_url());
  return {{"code", finding.code},
          {"severity", to_string(finding.severity)},
          {"what", finding.what},
          {"where", where_of(finding.where)},
          {"documents", std::move(documents)},
          {"changes_lost", finding.changes_lost},
          {"next", nullable(finding.next)}};
}

json to_json(const CheckReport& report) {
  json out = {{"kind", "StoreCheckReport"},
              {"v", 1},
              {"ok", report.ok()},
              {"mode", to_string(report.depth)},
              {"documents", report.documents},
              {"changes", report.changes},
              {"records", report.records},
              {"tables", report.tables},
              {"blocks", report.blocks},
              {"bytes_read", report.bytes_read},
              {"last_commit", report.last_commit},
              {"elapsed_ms", report.elapsed.count()},
              {"complete", !report.cancelled},
              {"findings", findings_of(report.findings)},
              {"findings_omitted", report.findings_omitted}};
  out["digest"] = report.digest == Sha256{} ? json() : json(to_hex(report.digest));
  return out;
}

json to_json(const BackupReport& report) {
  return {{"kind", "BackupReport"},          {"v", 1},
          {"path", report.path.string()},    {"files", report.files},
          {"bytes", report.bytes},           {"bytes_reused", report.bytes_reused},
          {"commit", report.commit},         {"seq", report.receipt},
          {"pause_us", report.pause.count()}};
}

json to_json(const RestoreReport& report) {
  return {{"kind", "RestoreReport"},
          {"v", 1},
          {"files", report.files},
          {"bytes", report.bytes},
          {"commit", report.source.commit},
          {"seq", report.source.receipt},
          {"from_store_id", to_hex(report.source.store_id)},
          {"check", to_json(report.check)}};
}

json to_json(const SalvageReport& report) {
  json degraded = json::array();
  std::uint64_t lost = 0;
  for (const SalvagedDocument& document : report.documents_degraded) {
    json missing = json::array();
    for (const ChangeHash& hash : document.missing) missing.push_back(hash.to_hex());
    if (document.is_lost) ++lost;
    degraded.push_back({{"id", document.id.to_url()},
                        {"changes", document.changes},
                        {"missing", std::move(missing)},
                        {"lost", document.is_lost}});
  }
  return {{"kind", "SalvageReport"},
          {"v", 1},
          {"ok", report.findings.empty() && report.documents_degraded.empty()},
          {"store_id", to_hex(report.store_id)},
          {"used_manifest", report.used_manifest},
          {"tables", report.tables},
          {"log_records", report.log_records},
          {"records", report.records},
          {"records_dropped", report.records_dropped},
          {"documents_complete", report.documents_complete},
          {"documents_lost", lost},
          {"degraded", std::move(degraded)},
          {"names", report.names},
          {"tombstones", report.tombstones},
          {"last_commit", report.last_commit},
          {"findings", findings_of(report.findings)}};
}

json to_json(const StoreStats& stats) {
  json operations = json::object();
  for (const auto& [name, each] : stats.operations) {
    operations[name] = {{"count", each.count},
                        {"failures", each.failures},
                        {"bytes", each.bytes},
                        {"total_us", each.total_us},
                        {"max_us", each.max_us}};
  }
  return {{"kind", "StoreStats"},
          {"v", 1},
          {"state", to_string(stats.state)},
          {"reason", nullable(stats.state_reason)},
          {"documents", stats.counts.documents},
          {"changes", stats.counts.changes},
          {"tombstones", stats.counts.tombstones},
          {"seq", stats.counts.last_receipt},
          {"commit", stats.counts.last_commit},
          {"synced_commit", stats.synced_commit},
          {"size_bytes", stats.disk_bytes},
          {"free_bytes", stats.free_bytes},
          {"memory_bytes", stats.memory_bytes},
          {"manifest_bytes", stats.manifest_bytes},
          {"level0_files", stats.level0_files},
          {"groups", stats.groups},
          {"requests", stats.requests},
          {"syncs", stats.syncs},
          {"queue_length", stats.queue_length},
          {"queue_bytes", stats.queue_bytes},
          {"operations", std::move(operations)}};
}

json to_json(const QuarantineEntry& entry) {
  json missing = json::array();
  for (const ChangeHash& hash : entry.missing) missing.push_back(hash.to_hex());
  return {{"kind", "QuarantineEntry"},
          {"v", 1},
          {"entry", entry.id},
          {"code", entry.code},
          {"message", entry.what},
          {"id", entry.document ? json(entry.document->to_url()) : json()},
          {"missing", std::move(missing)},
          {"records", entry.records},
          {"files", entry.files}};
}

json to_json(const RepairPlan& plan) {
  json steps = json::array();
  json loses = json::array();
  for (const DamagedTable& table : plan.tables) {
    steps.push_back({{"n", steps.size() + 1},
                     {"do", "rewrite"},
                     {"file", table.file},
                     {"holes", table.holes.size()},
                     {"missing", table.is_missing},
                     {"bad_index", table.has_bad_index}});
    for (const auto& [before, after] : table.lost) {
      loses.push_back({{"file", table.file},
                       {"after", before.empty() ? json() : json(describe_key(before))},
                       {"before", after.empty() ? json() : json(describe_key(after))}});
    }
  }
  for (const DocumentId& document : plan.documents) {
    steps.push_back({{"n", steps.size() + 1}, {"do", "rebuild"}, {"document", document.to_url()}});
  }
  if (plan.has_bad_own || may_have_held_any(plan, "m"))
    steps.push_back({{"n", steps.size() + 1}, {"do", "own-records"}});
  if (plan.has_bad_index) steps.push_back({{"n", steps.size() + 1}, {"do", "reindex"}});
  if (plan.lacks_guard) {
    steps.push_back({{"n", steps.size() + 1}, {"do", "guard"}, {"file", kGuardMarker}});
  }
  return {{"kind", "RepairPlan"},
          {"v", 1},
          {"id", plan.id},
          {"steps", std::move(steps)},
          {"loses", std::move(loses)},
          {"may_lack", may_lack(plan)}};
}

json to_json(const RepairReport& report) {
  json degraded = json::array();
  for (const RepairedDocument& document : report.degraded) {
    json missing = json::array();
    for (const ChangeHash& hash : document.missing) missing.push_back(hash.to_hex());
    degraded.push_back({{"id", document.id.to_url()},
                        {"changes", document.changes},
                        {"missing", std::move(missing)}});
  }
  json aside = json::array();
  for (const auto& file : report.set_aside) aside.push_back(file.string());
  return {{"kind", "RepairReport"},
          {"v", 1},
          {"ok", report.degraded.empty()},
          {"plan", to_json(report.plan)},
          {"records_kept", report.records_kept},
          {"headers_rebuilt", report.headers_rebuilt},
          {"quarantined", report.quarantined},
          {"receipts_rebuilt", report.indexes.receipts},
          {"receipts_lost", report.indexes.receipts_lost},
          {"names_rebuilt", report.indexes.names},
          {"own_records", report.own_records},
          {"new_id", report.new_id ? json(to_hex(*report.new_id)) : json()},
          {"may_lack", report.may_lack},
          {"degraded", std::move(degraded)},
          {"set_aside", std::move(aside)}};
}

}  // namespace converge::store
