#include "cli/app/kinds.h"
#include "cli/commands/child.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Result<int> print_report(Session& session, const json& items, const Failures& failures) {
  if (items.empty() && failures.empty()) session.out().note("no conflicts");
  return print_acks(session, "ResolveReport", items, failures);
}

Result<json> value_by_command(const std::string& command, const json& conflict) {
  const auto run =
      run_child({"sh", "-c", command}, control::to_compact(conflict) + "\n", {.capture = true});
  if (!run) return run.error();
  if (run->exit != 0)
    return make_error(ErrorId::kIo, "the command for " + field(conflict, "id") + " exited " +
                                        std::to_string(run->exit));
  return control::parse_json(run->output, "the output of the command");
}

/// Every conflict gets its own value from the command.
Result<int> resolve_with(Session& session, const std::string& command, json conflicts) {
  json items = json::array();
  Failures failures;
  for (const json& conflict : conflicts) {
    auto value = value_by_command(command, conflict);
    if (!value) {
      failures.add(value.error());
      continue;
    }
    auto report = session.ask("conflict.resolve", {{"ids", json::array({conflict["id"]})},
                                                   {"value", std::move(*value)},
                                                   {"dry_run", session.has("dry-run")},
                                                   {"request_id", new_request_id()}});
    if (!report) {
      failures.add(report.error());
      continue;
    }
    for (json& ack : (*report)["items"]) items.push_back(std::move(ack));
  }
  return print_report(session, items, failures);
}

Result<json> conflicts_named(Session& session) {
  if (const auto pattern = session.value("all")) {
    auto list = session.ask("conflict.list", {{"pattern", *pattern}, {"state", "open"}});
    if (!list) return list;
    return list->at("items");
  }
  json items = json::array();
  for (const std::string& id : session.args(0)) {
    auto conflict = session.ask("conflict.show", {{"id", id}});
    if (!conflict) return conflict;
    items.push_back(std::move(*conflict));
  }
  return items;
}

Result<json> params_of(Session& session) {
  json params = {{"request_id", new_request_id()}};
  const auto all = session.value("all");
  if (all.has_value() == !session.args(0).empty())
    return make_error(ErrorId::kUsageArgument,
                      all ? "IDs and --all exclude each other" : "no conflict is named",
                      "give conflict ids, or --all PATTERN");
  if (all)
    params["pattern"] = *all;
  else
    params["ids"] = session.args(0);
  if (const auto pick = session.invocation().number("pick")) params["pick"] = *pick;
  if (const auto rule = session.value("rule")) params["rule"] = *rule;
  if (const auto value = session.value("value")) {
    auto parsed = control::parse_json(*value, "the value");
    if (!parsed) return parsed.error();
    params["value"] = std::move(*parsed);
  }
  if (session.has("dry-run")) params["dry_run"] = true;
  const bool chosen =
      session.has("pick") || session.has("rule") || session.has("value") || session.has("with");
  if (!chosen)
    return make_error(ErrorId::kUsageFlag, "nothing says which value wins",
                      "add one of --pick N, --value VALUE, --with CMD, --rule RULE");
  return params;
}

}  // namespace

Result<int> run_conflict_resolve(Session& session) {
  const auto params = params_of(session);
  if (!params) return params.error();
  if (const auto command = session.value("with")) {
    auto conflicts = conflicts_named(session);
    if (!conflicts) return conflicts.error();
    return resolve_with(session, *command, std::move(*conflicts));
  }
  const auto report =
      session.ask_for(session.value("all").value_or(""), "conflict.resolve", *params);
  if (!report) return report.error();
  return print_report(session, report->at("items"), {});
}

}  // namespace converge::cli
