#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/repo/compaction.h"
#include "core/store/report_json.h"
#include "core/store/salvage.h"

#include <nlohmann/json.hpp>

#include <string>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::string text_of(const Session& session, const json& report, const std::string& into) {
  std::string out = findings_text(session, report["findings"]);
  for (const json& document : report["degraded"])
    out += std::string(document.value("lost", false) ? "lost" : "degraded") + "  " +
           printable(field(document, "id")) + "  " +
           counted(count_field(document, "changes"), "change") + " kept, " +
           counted(document["missing"].size(), "change") + " missing\n";
  return out + "salvaged  " + printable(into) + "  " +
         counted(count_field(report, "documents_complete"), "document") + " complete, " +
         std::to_string(report["degraded"].size()) + " degraded, " +
         counted(count_field(report, "names"), "name") + ", " +
         counted(count_field(report, "records_dropped"), "record") + " dropped\n";
}

}  // namespace

Result<int> run_store_salvage(Session& session) {
  const auto into = session.value("into");
  if (!into) return make_error(ErrorId::kUsageFlag, "store salvage needs --into DIR");
  store::SalvageOptions options;
  options.inspect_snapshot = repo::snapshot_inspector();
  const auto target = absolute_path(*into);
  const auto report =
      store::salvage_store(absolute_path(session.arg(0)), target, options, open_options(session));
  if (!report) return report.error();
  json out = store::to_json(*report);
  out["into"] = target.string();
  if (auto done = write_report(session, "report", out.dump(2) + "\n"); !done) return done.error();
  const auto text = [&] {
    return session.out().quiet() ? std::string() : text_of(session, out, target.string());
  };
  if (auto done = session.out().result(out, {.text = text}); !done) return done.error();
  return report->documents_degraded.empty() ? control::exit_code::kOk
                                            : control::exit_code::kPartial;
}

}  // namespace converge::cli
