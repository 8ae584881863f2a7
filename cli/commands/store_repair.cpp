#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/repo/compaction.h"
#include "core/store/report_json.h"

#include <nlohmann/json.hpp>

#include <string>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::string plan_text(const json& plan) {
  std::string out;
  for (const json& step : plan["steps"])
    out += field(step, "n") + "  " + field(step, "do") + "  " + printable(field(step, "file")) +
           (count_field(step, "holes") > 0
                ? "  " + counted(count_field(step, "holes"), "unreadable block")
                : "") +
           "\n";
  return out;
}

Result<int> print_plan(Session& session, const store::RepairPlan& plan) {
  const json out = store::to_json(plan);
  const auto text = [&]() -> std::string {
    if (plan.empty()) return session.out().quiet() ? "" : "nothing to repair\n";
    return "plan " + plan.id + "\n" + plan_text(out);
  };
  if (auto done = session.out().result(out, {.text = text}); !done) return done.error();
  if (plan.empty()) return control::exit_code::kOk;
  session.out().note("nothing was changed; carry it out with --apply --plan " + plan.id);
  return control::exit_code::kNo;
}

}  // namespace

Result<int> run_store_repair(Session& session) {
  const auto stopped = stopped_store(session);
  if (!stopped) return stopped.error();
  if (!*stopped)
    return make_error(ErrorId::kUsageFlag, "store repair works on a stopped store",
                      "stop the agent and name its store with --store DIR");
  const auto plan = store::plan_repair(**stopped);
  if (!plan) return plan.error();
  if (!session.has("apply")) return print_plan(session, *plan);
  const std::string id = session.value("plan").value_or(plan->id);
  store::RepairOptions options;
  options.inspect_snapshot = repo::snapshot_inspector();
  const auto report = store::apply_repair(**stopped, id, options, open_options(session));
  if (!report) return report.error();
  const json out = store::to_json(*report);
  const auto text = [&] {
    std::string lines = session.out().quiet() ? "" : plan_text(out["plan"]);
    for (const json& document : out["degraded"])
      lines += "degraded  " + printable(field(document, "id")) + "  " +
               counted(count_field(document, "changes"), "change") + " left, " +
               counted(document["missing"].size(), "change") + " missing\n";
    for (const json& file : out["set_aside"])
      lines += "set aside  " + printable(file.get<std::string>()) + "\n";
    return lines;
  };
  if (auto done = session.out().result(out, {.text = text}); !done) return done.error();
  return report->degraded.empty() ? control::exit_code::kOk : control::exit_code::kNo;
}

}  // namespace converge::cli
