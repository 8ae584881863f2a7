#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/progress.h"
#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/repo/compaction.h"
#include "core/store/backup.h"
#include "core/store/check.h"
#include "core/store/cut.h"
#include "core/store/report_json.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <optional>
#include <string>

namespace converge::cli {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Result<int> run_store_backup(Session& session) {
  const std::string path = absolute_path(session.arg(0)).string();
  const auto report = ask_patiently(session, "store.backup",
                                    {{"path", path}, {"incremental", session.has("incremental")}});
  if (!report) return report.error();
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    const auto reused = count_field(*report, "bytes_reused");
    return "backed up  " + printable(path) + "  " + counted(count_field(*report, "files"), "file") +
           ", " + human_bytes(count_field(*report, "bytes")) +
           (reused > 0 ? " (" + human_bytes(reused) + " of them shared)" : "") + ", up to #" +
           field(*report, "seq") + "\n";
  };
  if (auto done = session.out().result(*report, {.text = text}); !done) return done.error();
  return control::exit_code::kOk;
}

namespace {

/// "#12", and in braces a time or how long ago.
Result<store::CutPoint> cut_point(const Session& session, const std::string& at_word) {
  store::CutPoint point;
  const bool braced = at_word.size() > 2 && at_word.front() == '{' && at_word.back() == '}';
  const std::string word = braced ? at_word.substr(1, at_word.size() - 2) : at_word;
  if (word.starts_with("#")) {
    std::uint64_t number = 0;
    const char* const end = word.data() + word.size();
    const auto [at, error] = std::from_chars(word.data() + 1, end, number);
    if (error == std::errc{} && at == end) {
      point.receipt = number;
      return point;
    }
  } else if (const auto moment = parse_time(word)) {
    point.time_ms = *moment;
    return point;
  } else if (const auto ago = parse_duration(word)) {
    point.time_ms = session.clock().wall_now_ms() - ago->count();
    return point;
  }
  return make_error(ErrorId::kUsageFlag, "--at \"" + word + "\" is no place to restore to",
                    "write #12, {2h} or {2026-11-20T09:00:00Z}");
}

/// Cuts the restored store and proves what is left.
Result<store::CutReport> cut_restored(Session& session, const std::filesystem::path& target,
                                      const store::CutPoint& point, store::CheckDepth depth,
                                      store::RestoreReport& report) {
  const auto cut = store::cut_store(target, point, open_options(session));
  if (!cut) return cut;
  store::CheckOptions options;
  options.depth = depth;
  options.inspect_snapshot = repo::snapshot_inspector();
  auto check = store::check_store(target, options);
  if (!check) return check.error();
  report.check = std::move(*check);
  return cut;
}

}  // namespace

Result<int> run_store_restore(Session& session) {
  const auto into = session.value("into");
  if (!into) return make_error(ErrorId::kUsageFlag, "store restore needs --into DIR");
  store::RestoreOptions options;
  options.dry_run = session.has("dry-run");
  options.inspect_snapshot = repo::snapshot_inspector();
  const std::string depth = session.value("check").value_or("quick");
  options.check = depth == "deep" ? store::CheckDepth::kDeep : store::CheckDepth::kQuick;
  const auto target = absolute_path(*into);
  std::optional<store::CutPoint> point;
  if (const auto at = session.value("at")) {
    const auto parsed = cut_point(session, *at);
    if (!parsed) return parsed.error();
    point = *parsed;
  }
  Progress shown(session, "store.restore", "bytes");
  options.on_progress = [&shown](std::uint64_t done, std::uint64_t total) {
    shown.expect(total, "bytes");
    shown.update(done);
  };
  auto report =
      store::restore_store(absolute_path(session.arg(0)), target, options, open_options(session));
  shown.erase();
  if (!report) return report.error();
  std::uint64_t last = report->source.receipt;
  std::uint64_t removed = 0;
  if (point && !options.dry_run) {
    const auto cut = cut_restored(session, target, *point, options.check, *report);
    if (!cut) return cut.error();
    last = cut->receipt;
    removed = cut->changes_removed;
  }
  json out = store::to_json(*report);
  out["seq"] = last;
  out["changes_cut"] = removed;
  out["into"] = target.string();
  out["dry_run"] = options.dry_run;
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    return findings_text(session, out["check"]["findings"]) +
           (options.dry_run ? "would restore  " : "restored  ") + printable(target.string()) +
           "  " + counted(report->files, "file") + ", " + human_bytes(report->bytes) + ", up to #" +
           std::to_string(last) + "\n";
  };
  if (auto done = session.out().result(out, {.text = text}); !done) return done.error();
  if (!report->check.ok())
    return make_error(ErrorId::kStoreCorrupt,
                      "the restored store has findings: " + report->check.findings.front().what,
                      "syncctl --store " + target.string() + " store check --deep");
  return control::exit_code::kOk;
}

}  // namespace converge::cli
