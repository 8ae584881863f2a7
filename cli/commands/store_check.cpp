#include "cli/commands/handlers.h"
#include "cli/commands/progress.h"
#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "cli/commands/version.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/repo/compaction.h"
#include "core/store/backup.h"
#include "core/store/check.h"
#include "core/store/report_json.h"

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

/// A stopped store has no index of names that could be asked: whole ids only.
Result<std::vector<DocumentId>> whole_ids(const std::vector<std::string>& words) {
  std::vector<DocumentId> out;
  for (const std::string& word : words) {
    const auto id = DocumentId::parse(word);
    if (!id)
      return make_error(ErrorId::kUsageFlag, "--doc needs a whole id on a stopped store: " + word,
                        "syncctl --store DIR ls -o name prints them");
    out.push_back(*id);
  }
  return out;
}

const char* mode_of(const Session& session) {
  if (session.has("deep") || session.has("doc")) return "deep";
  return session.has("quick") ? "quick" : "sample";
}

Result<json> check_files(Session& session, const fs::path& directory) {
  store::CheckOptions options;
  const std::string mode = mode_of(session);
  options.depth = mode == "deep"    ? store::CheckDepth::kDeep
                  : mode == "quick" ? store::CheckDepth::kQuick
                                    : store::CheckDepth::kSample;
  if (const auto percent = session.invocation().number("sample"))
    options.sample_percent = static_cast<unsigned>(*percent);
  const auto documents = whole_ids(session.invocation().values("doc"));
  if (!documents) return documents.error();
  options.documents = *documents;
  options.inspect_snapshot = repo::snapshot_inspector();
  Progress shown(session, "store.check", "bytes");
  options.on_progress = [&session, &shown](const store::CheckProgress& progress) {
    shown.expect(progress.bytes_total, "bytes");
    shown.update(progress.bytes_done);
    return !session.has_timeout() || session.clock().steady_now() < session.deadline();
  };
  auto report = store::check_store(directory, options);
  shown.erase();
  if (!report) return report.error();
  if (report->cancelled)
    return make_error(ErrorId::kTimeout, "the check of " + directory.string() + " took too long");
  if (session.has("backup")) {
    auto findings = store::verify_backup(directory);
    if (!findings) return findings.error();
    report->findings.insert(report->findings.begin(), findings->begin(), findings->end());
  }
  return store::to_json(*report);
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// One case for each sort of finding that can be made, one for each that was.
std::string junit_of(const json& report) {
  const json& findings = report["findings"];
  static constexpr const char* kGroups[] = {"store",  "manifest", "table",    "log",  "record",
                                            "change", "snapshot", "document", "index"};
  std::string cases;
  std::size_t count = 0;
  std::size_t failures = 0;
  std::set<std::string> seen;
  for (const json& finding : findings) {
    const std::string code = field(finding, "code");
    seen.insert(code.substr(0, code.find('.')));
    const json where = finding.value("where", json::object());
    const std::string place = field(where, "file") + ":" + field(where, "offset");
    cases += "  <testcase classname=\"store\" name=\"" + escaped(code + " " + place) + "\">";
    if (field(finding, "severity") != "info") {
      cases += "<failure type=\"" + escaped(code) + "\" message=\"" +
               escaped(field(finding, "what")) + "\">" + escaped(field(finding, "next")) +
               "</failure>";
      ++failures;
    }
    cases += "</testcase>\n";
    ++count;
  }
  for (const char* group : kGroups) {
    if (seen.contains(group)) continue;
    cases += std::string("  <testcase classname=\"store\" name=\"") + group + "\"/>\n";
    ++count;
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"syncctl.store\" tests=\"" +
         std::to_string(count) + "\" failures=\"" + std::to_string(failures) +
         "\">\n  <properties><property name=\"mode\" value=\"" + field(report, "mode") +
         "\"/><property name=\"version\" value=\"" + kVersion + "\"/></properties>\n" + cases +
         "</testsuite>\n";
}

std::string text_of(const Session& session, const json& report) {
  std::string out = findings_text(session, report["findings"]);
  const bool ok = report.value("ok", false);
  const std::string verdict = ok ? "sound" : "damaged";
  out += painted(ok ? Paint::kGreen : Paint::kRed, verdict, session.terminal().color_out) + "  " +
         field(report, "mode") + " check, " + counted(count_field(report, "tables"), "table") +
         ", ";
  if (count_field(report, "documents") > 0)
    out += counted(count_field(report, "documents"), "document") + ", " +
           counted(count_field(report, "changes"), "change") + ", ";
  out += human_bytes(count_field(report, "bytes_read")) + " read in " +
         human_duration(count_field(report, "elapsed_ms")) + "\n";
  if (const auto more = count_field(report, "findings_omitted"); more > 0)
    out += counted(more, "finding") + " more\n";
  return out;
}

}  // namespace

Result<int> run_store_check(Session& session) {
  const auto backup = session.value("backup");
  const auto stopped =
      backup ? Result<std::optional<fs::path>>(absolute_path(*backup)) : stopped_store(session);
  if (!stopped) return stopped.error();
  json params = {{"mode", mode_of(session)}, {"docs", session.invocation().values("doc")}};
  if (const auto percent = session.invocation().number("sample")) params["sample"] = *percent;
  const auto report =
      *stopped ? check_files(session, **stopped) : ask_patiently(session, "store.check", params);
  if (!report) return report.error();
  if (auto done = write_report(session, "junit", junit_of(*report)); !done) return done.error();
  const auto text = [&] {
    return session.out().quiet() ? findings_text(session, (*report)["findings"])
                                 : text_of(session, *report);
  };
  if (auto done = session.out().result(*report, {.text = text}); !done) return done.error();
  return report->value("ok", false) ? control::exit_code::kOk : control::exit_code::kNo;
}

}  // namespace converge::cli
