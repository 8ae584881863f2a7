#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using nlohmann::json;

Table table_of(const Session& session, const json& items) {
  Table table({{.header = "name", .importance = 5},
               {.header = "id", .importance = 4},
               {.header = "changes", .right = true, .importance = 3},
               {.header = "conflicts", .right = true, .importance = 2},
               {.header = "size", .right = true, .importance = 2},
               {.header = "updated", .importance = 1},
               {.header = "state", .importance = 3},
               {.header = "actors", .right = true, .wide_only = true},
               {.header = "heads", .wide_only = true}});
  for (const json& item : items) {
    std::string heads;
    for (const json& head : item.value("heads", json::array()))
      heads += (heads.empty() ? "" : "+") + head.get<std::string>();
    const std::string state = field(item, "state");
    const std::string conflicts = field(item, "conflicts");
    table.add(
        {{field(item, "name"), "", Paint::kNone},
         id_cell(field(item, "id")),
         {field(item, "changes"), "", Paint::kNone},
         {conflicts, "", conflicts == "0" ? Paint::kNone : Paint::kYellow},
         {field(item, "size_bytes"), human_bytes(count_field(item, "size_bytes")), Paint::kNone},
         time_cell(session, field(item, "updated_at")),
         {state, "", state == "ok" ? Paint::kNone : Paint::kYellow},
         {field(item, "actors"), "", Paint::kNone},
         {heads, "", Paint::kCyan}});
  }
  return table;
}

json params_of(Session& session) {
  json params = json::object();
  params["patterns"] = session.args(0);
  for (const char* flag : {"after", "sort", "at"})
    if (const auto value = session.value(flag)) params[flag] = *value;
  for (const char* flag : {"reverse", "conflicted", "degraded", "deleted", "count"})
    if (session.has(flag)) params[flag] = true;
  if (const auto limit = session.invocation().number("limit")) params["limit"] = *limit;
  return params;
}

/// All pages as one list, when no limit was given.
Result<json> list_all(Session& session, json params) {
  const std::string& setting = session.settings().get("limit");
  if (!params.contains("limit") && !setting.empty() && !session.has("count"))
    params["limit"] = std::stol(setting);
  auto list = session.ask("doc.list", params);
  while (list && !params.contains("limit") && list->contains("next") &&
         (*list)["next"].is_string()) {
    params["after"] = (*list)["next"];
    auto more = session.ask("doc.list", params);
    if (!more) return more;
    for (json& item : (*more)["items"]) (*list)["items"].push_back(std::move(item));
    (*list)["next"] = more->value("next", json());
  }
  return list;
}

}  // namespace

Result<int> run_ls(Session& session) {
  const auto list = list_all(session, params_of(session));
  if (!list) return list.error();
  if (session.has("count")) {
    const auto text = [&] { return field(*list, "count") + "\n"; };
    if (auto done = session.out().result(*list, {.text = text}); !done) return done.error();
    return control::exit_code::kOk;
  }
  const json& items = list->at("items");
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& item : items) all.push_back(name_or_id(item));
    return all;
  };
  const auto done = session.out().result(
      *list, {.table = [&] { return table_of(session, items); }, .names = names});
  if (!done) return done.error();
  if (items.empty()) session.out().note("no documents");
  if (const std::string next = field(*list, "next"); !next.empty())
    session.out().note("there are more: --after " + next);
  return control::exit_code::kOk;
}

}  // namespace converge::cli
