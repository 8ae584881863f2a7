#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using nlohmann::json;

Result<int> print_name(Session& session, const json& name, const char* word) {
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    const char* gap = session.terminal().out_tty ? "  " : "\t";
    return (name.value("unchanged", false) ? std::string("unchanged") : std::string(word)) + gap +
           printable(field(name, "name")) + gap + field(name, "id") + "\n";
  };
  const auto names = [&] { return std::vector<std::string>{field(name, "name")}; };
  if (auto done = session.out().result(name, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

}  // namespace

Result<int> run_name_ls(Session& session) {
  json params = json::object();
  if (!session.args(0).empty()) params["pattern"] = session.arg(0);
  const auto list = session.ask("name.list", params);
  if (!list) return list.error();
  const json& items = list->at("items");
  const auto table = [&] {
    Table rows({{.header = "name", .importance = 2}, {.header = "id"}});
    for (const json& item : items)
      rows.add({{field(item, "name"), "", Paint::kNone}, {field(item, "id"), "", Paint::kCyan}});
    return rows;
  };
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& item : items) all.push_back(field(item, "name"));
    return all;
  };
  if (auto done = session.out().result(*list, {.table = table, .names = names}); !done)
    return done.error();
  if (items.empty()) session.out().note("no names");
  return control::exit_code::kOk;
}

Result<int> run_name_set(Session& session) {
  const auto answer = session.ask("name.set", {{"name", session.document(session.arg(0))},
                                               {"doc", session.document(session.arg(1))},
                                               {"dry_run", session.has("dry-run")},
                                               {"request_id", new_request_id()}});
  if (!answer) return answer.error();
  return print_name(session, *answer, session.has("dry-run") ? "would set" : "set");
}

Result<int> run_name_rm(Session& session) {
  const auto answer = session.ask("name.rm", {{"name", session.document(session.arg(0))},
                                              {"dry_run", session.has("dry-run")},
                                              {"request_id", new_request_id()}});
  if (!answer) return answer.error();
  return print_name(session, *answer, session.has("dry-run") ? "would remove" : "removed");
}

}  // namespace converge::cli
