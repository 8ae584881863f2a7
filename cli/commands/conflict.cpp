#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using nlohmann::json;

std::string values_text(const json& conflict) {
  std::string out;
  for (const json& value : conflict.value("values", json::array()))
    out += (out.empty() ? "" : " | ") +
           control::to_compact(plain_value(value.value("value", json()))).substr(0, 60);
  return out;
}

Table table_of(const Session& session, const json& items) {
  Table table({{.header = "id", .importance = 5},
               {.header = "document", .importance = 4},
               {.header = "path", .importance = 3},
               {.header = "type", .importance = 2},
               {.header = "values", .importance = 1},
               {.header = "since", .wide_only = true},
               {.header = "state", .wide_only = true}});
  for (const json& item : items)
    table.add(
        {{field(item, "id"), "", Paint::kCyan},
         {field(item, "name").empty() ? field(item, "doc") : field(item, "name"), "", Paint::kNone},
         {field(item, "path"), "", Paint::kNone},
         {field(item, "type"), "", Paint::kNone},
         {values_text(item), "", Paint::kNone},
         time_cell(session, field(item, "since")),
         {field(item, "state"), "", Paint::kNone}});
  return table;
}

Result<void> print_list(Session& session, const json& list) {
  const json& items = list.at("items");
  return session.out().result(list, {.table = [&] { return table_of(session, items); },
                                     .names =
                                         [&] {
                                           std::vector<std::string> ids;
                                           for (const json& item : items)
                                             ids.push_back(field(item, "id"));
                                           return ids;
                                         }});
}

std::string conflict_text(const Session& session, const json& conflict) {
  const bool color = session.terminal().color_out;
  std::string out = painted(Paint::kYellow, "conflict " + field(conflict, "id"), color) + "\n";
  const std::string name = field(conflict, "name");
  out += "Document: " + printable(name.empty() ? field(conflict, "doc") : name) + "\n";
  out += "Path:     " + printable(field(conflict, "path")) + "\n";
  out += "State:    " + field(conflict, "state") + "\n\n";
  for (const json& value : conflict.value("values", json::array())) {
    const bool wins = field(value, "n") == field(conflict, "winner");
    const std::string actor = field(value, "actor");
    std::string line = std::string(wins ? "*" : " ") + " " + field(value, "n") + "  " +
                       control::to_compact(plain_value(value.value("value", json())));
    const std::string label = field(value, "label");
    line += "  by " + (label.empty() ? actor.substr(0, 8) : label);
    line += "  in " + short_hash(field(value, "change"));
    out += painted(wins ? Paint::kGreen : Paint::kNone, printable(line), color) + "\n";
  }
  return out;
}

}  // namespace

Result<int> run_conflict_ls(Session& session) {
  json params = json::object();
  const std::string pattern = session.args(0).empty() ? "" : session.arg(0);
  if (!pattern.empty()) params["pattern"] = pattern;
  if (const auto kind = session.value("kind")) params["type"] = *kind;
  params["state"] = session.value("state").value_or("open");
  auto list = session.ask_for(pattern, "conflict.list", params);
  if (!list) return list.error();
  if (auto done = print_list(session, *list); !done) return done.error();
  const bool none = list->at("items").empty();
  if (none) session.out().note("no conflicts");
  return session.has("exit-code") && !none ? control::exit_code::kNo : control::exit_code::kOk;
}

Result<int> run_conflict_show(Session& session) {
  const auto conflict = session.ask("conflict.show", {{"id", session.arg(0)}});
  if (!conflict) return conflict.error();
  const auto done = session.out().result(
      *conflict, {.text = [&] { return conflict_text(session, *conflict); },
                  .names = [&] { return std::vector<std::string>{field(*conflict, "id")}; }});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

Result<int> run_conflict_ignore(Session& session) {
  const auto list = session.ask("conflict.ignore", {{"ids", session.args(0)},
                                                    {"dry_run", session.has("dry-run")},
                                                    {"request_id", new_request_id()}});
  if (!list) return list.error();
  if (auto done = print_list(session, *list); !done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
