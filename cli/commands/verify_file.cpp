#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/progress.h"
#include "cli/commands/render.h"
#include "cli/commands/version.h"
#include "cli/output/test_report.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/verify/history_file.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using nlohmann::json;

json item_of(const std::string& file, std::size_t size, const verify::FileReport& report) {
  json findings = json::array();
  for (const verify::FileFinding& finding : report.findings)
    findings.push_back({{"code", finding.code}, {"message", finding.message}});
  return {{"file", file},
          {"ok", report.ok},
          {"size_bytes", size},
          {"changes", report.changes},
          {"actors", report.actors},
          {"heads", report.heads},
          {"findings", std::move(findings)}};
}

std::string text_of(const Session& session, const json& items) {
  const bool color = session.terminal().color_out;
  const char* gap = session.terminal().out_tty ? "  " : "\t";
  std::string out;
  for (const json& item : items) {
    const bool ok = item["ok"].get<bool>();
    if (ok && session.has("quiet")) continue;
    out += painted(ok ? Paint::kGreen : Paint::kRed, ok ? "ok" : "damaged", color) + gap +
           printable(field(item, "file")) + gap + counted(count_field(item, "changes"), "change") +
           "\n";
    for (const json& finding : item["findings"])
      out += gap + printable(field(finding, "code")) + ": " + printable(field(finding, "message")) +
             "\n";
  }
  return out;
}

TestCase case_of(const json& item) {
  TestCase test{field(item, "file"), "file"};
  if (item["ok"].get<bool>()) return test;
  test.result = TestCase::Result::kFailed;
  test.message = field(item["findings"].at(0), "message");
  for (const json& finding : item["findings"])
    test.detail += field(finding, "code") + ": " + field(finding, "message") + "\n";
  return test;
}

}  // namespace

Result<int> run_verify_file(Session& session) {
  json items = json::array();
  TestSuite suite{"syncctl.file", {{"version", kVersion}}, {}};
  Failures failures;
  bool all_ok = true;
  catch_signals(session);
  Progress progress(session, "verify file", "files", session.args(0).size());
  for (const std::string& file : session.args(0)) {
    if (stopping()) break;
    progress.update(items.size());
    const auto bytes = read_input(file);
    if (!bytes) {
      failures.add(bytes.error());
      suite.cases.push_back(
          {file, "file", TestCase::Result::kUnreadable, bytes.error().message, {}});
      continue;
    }
    const auto report = verify::check_file(as_bytes(*bytes));
    all_ok = all_ok && report.ok;
    items.push_back(item_of(file, bytes->size(), report));
    suite.cases.push_back(case_of(items.back()));
  }
  progress.erase();
  if (const auto junit = session.value("junit"))
    if (auto done = write_file(*junit, to_junit(suite), {.replace = session.has("force")}); !done)
      return done.error();
  if (items.empty() && !failures.empty()) return failures.finish(session, 0);
  const json report = {
      {"kind", "FileCheckReport"}, {"v", 1}, {"ok", all_ok && failures.empty()}, {"items", items}};
  const auto names = [&] {
    std::vector<std::string> damaged;
    for (const json& item : items)
      if (!item["ok"].get<bool>()) damaged.push_back(field(item, "file"));
    return damaged;
  };
  const auto done = session.out().result(
      report, {.text = [&] { return text_of(session, items); }, .names = names});
  if (!done) return done.error();
  if (!failures.empty()) return failures.finish(session, items.size());
  return all_ok ? control::exit_code::kOk : control::exit_code::kNo;
}

}  // namespace converge::cli
