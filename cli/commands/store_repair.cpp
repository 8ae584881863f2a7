#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/repo/compaction.h"
#include "core/store/report_json.h"

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::string plan_text(const json& plan) {
  std::string out;
  for (const json& step : plan["steps"]) {
    const std::string file = field(step, "file");
    out += field(step, "n") + "  " + field(step, "do") + "  " +
           printable(file.empty() ? field(step, "document") : file);
    if (count_field(step, "holes") > 0)
      out += "  " + counted(count_field(step, "holes"), "unreadable block");
    if (count_field(step, "changes") > 0)
      out += "  " + counted(count_field(step, "changes"), "missing change");
    out += "\n";
  }
  return out;
}

std::string degraded_text(const json& documents) {
  std::string out;
  for (const json& document : documents) {
    const std::string name = field(document, "name");
    out += "degraded  " + printable(name.empty() ? field(document, "id") : name) + "  " +
           counted(count_field(document, "changes"), "change") + " left, " +
           counted(document["missing"].size(), "change") + " missing\n";
  }
  return out;
}

/// What no record and no peer tells, and where to look whether it is still there.
std::string lacking_text(const json& report) {
  static const std::map<std::string, const char*> kLook{
      {"settings", "keys that were revoked, invitations: syncctl key ls"},
      {"peers", "syncctl peer ls"},
      {"quarantine entries", "their files are in quarantine/"},
      {"deletions", "the catalog tells those of named documents again"},
      {"answers to repeated requests", "a request sent again is carried out again"}};
  std::string out;
  for (const json& each : report.value("may_lack", json::array())) {
    const auto look = kLook.find(each.get<std::string>());
    out += "may lack  " + printable(each.get<std::string>());
    if (look != kLook.end()) out += "  " + std::string(look->second);
    out += "\n";
  }
  return out;
}

Result<int> print_plan(Session& session, const json& plan) {
  const json none = json::array();
  const json& degraded = plan.contains("degraded") ? plan["degraded"] : none;
  const bool is_sound = plan["steps"].empty() && degraded.empty();
  const auto text = [&]() -> std::string {
    if (is_sound) return session.out().quiet() ? "" : "nothing to repair\n";
    return (plan["steps"].empty() ? "" : "plan " + field(plan, "id") + "\n") + plan_text(plan) +
           lacking_text(plan) + degraded_text(degraded);
  };
  if (auto done = session.out().result(plan, {.text = text}); !done) return done.error();
  if (is_sound) return control::exit_code::kOk;
  if (plan["steps"].empty()) {
    session.out().note("a peer may still have it: --from-peer PEER");
  } else {
    session.out().note("nothing was changed; carry it out with --apply --plan " +
                       field(plan, "id"));
  }
  return control::exit_code::kNo;
}

Result<int> print_report(Session& session, const json& report) {
  const auto text = [&] {
    std::string lines = session.out().quiet() ? "" : plan_text(report["plan"]);
    if (count_field(report, "fetched") > 0)
      lines += "fetched  " + counted(count_field(report, "fetched"), "change") + "\n";
    for (const json& each : report.value("own_records", json::array()))
      lines += "made anew  the store's record " + printable(each.get<std::string>()) + "\n";
    if (const std::string id = field(report, "new_id"); !id.empty())
      lines += "new id  " + printable(id) + "\n";
    lines += lacking_text(report);
    lines += degraded_text(report["degraded"]);
    for (const json& file : report["set_aside"])
      lines += "set aside  " + printable(file.get<std::string>()) + "\n";
    return lines;
  };
  if (auto done = session.out().result(report, {.text = text}); !done) return done.error();
  if (report.contains("peers"))
    for (const auto& [peer, why] : report["peers"].items())
      session.out().warning(printable(peer + ": " + why.get<std::string>()));
  return report["degraded"].empty() ? control::exit_code::kOk : control::exit_code::kNo;
}

}  // namespace

Result<int> run_store_repair(Session& session) {
  const auto stopped = stopped_store(session);
  if (!stopped) return stopped.error();
  if (!*stopped) {
    json params = {{"apply", session.has("apply")},
                   {"from_peer", session.invocation().values("from-peer")}};
    if (const auto id = session.value("plan")) params["plan"] = *id;
    const auto answer = ask_patiently(session, "store.repair", params);
    if (!answer) return answer.error();
    return session.has("apply") ? print_report(session, *answer) : print_plan(session, *answer);
  }
  if (session.has("from-peer"))
    return make_error(ErrorId::kUsageFlag, "a stopped store cannot ask a peer",
                      "repair it, start the agent, then \"syncctl store repair --apply "
                      "--from-peer PEER\" without --store");
  store::RepairOptions options;
  options.inspect_snapshot = repo::snapshot_inspector();
  const auto plan = store::plan_repair(**stopped, options);
  if (!plan) return plan.error();
  if (!session.has("apply")) return print_plan(session, store::to_json(*plan));
  const std::string id = session.value("plan").value_or(plan->id);
  const auto report = store::apply_repair(**stopped, id, options, open_options(session));
  if (!report) return report.error();
  return print_report(session, store::to_json(*report));
}

}  // namespace converge::cli
