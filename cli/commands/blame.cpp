#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using nlohmann::json;

Result<json> ask_blame(Session& session, const std::string& doc, const std::string& pointer) {
  json params = {{"doc", doc}, {"pointer", pointer}};
  if (const auto depth = session.invocation().number("depth")) params["depth"] = *depth;
  if (const auto at = session.at()) params["at"] = *at;
  return session.ask_for(doc, "doc.blame", params);
}

Table table_of(const Session& session, const json& items) {
  Table table({{.header = "change"},
               {.header = "actor", .wide_only = true},
               {.header = "authored"},
               {.header = "path", .importance = 2},
               {.header = "value", .importance = 1},
               {.header = "message", .importance = 0}});
  for (const json& item : items) {
    std::string path = field(item, "path");
    if (item.contains("start")) path += " +" + field(item, "start");
    table.add({hash_cell(field(item, "change")),
               {field(item, "actor"), "", Paint::kNone},
               time_cell(session, field(item, "author_time")),
               {path, "", Paint::kNone},
               {item.contains("value") ? control::to_compact(item["value"]) : "", "", Paint::kNone},
               {field(item, "message"), "", Paint::kNone}});
  }
  return table;
}

std::string change_line(const Session& session, const json& change, const char* key) {
  const std::string hash = field(change, key);
  const std::string message = field(change, "message");
  const std::string authored = field(change, "author_time");
  return painted(Paint::kCyan, session.terminal().out_tty ? short_hash(hash) : hash,
                 session.terminal().color_out) +
         " by " + field(change, "actor") + (authored.empty() ? "" : ", " + authored) +
         (message.empty() ? "" : ": " + printable(message)) + "\n";
}

std::string explanation_text(const Session& session, const json& report) {
  std::string out = printable(field(report, "path")) + " is " +
                    printable(control::to_compact(report["value"])) + "\nset by " +
                    change_line(session, report["set_by"], "change");
  for (const json& value : report["competing"])
    out += "competing: " + printable(control::to_compact(plain_value(value["value"]))) +
           ", set by " + change_line(session, value, "change");
  out += "touched by:\n";
  for (const json& change : report["history"]) out += "  " + change_line(session, change, "hash");
  return out;
}

}  // namespace

Result<int> run_blame(Session& session) {
  const std::string doc = session.document(session.arg(0));
  const auto report =
      ask_blame(session, doc, session.invocation().has_arg(1) ? session.arg(1) : "");
  if (!report) return report.error();
  const json& items = report->at("items");
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& item : items) all.push_back(field(item, "change"));
    return all;
  };
  const auto done = session.out().result(
      *report, {.table = [&] { return table_of(session, items); }, .names = names, .pages = true});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

Result<int> run_explain(Session& session) {
  const std::string doc = session.document(session.arg(0));
  const std::string& pointer = session.arg(1);
  const auto value = session.ask_for(doc, "doc.get", {{"doc", doc}, {"pointer", pointer}});
  if (!value) return value.error();
  const auto blame = ask_blame(session, doc, pointer);
  if (!blame) return blame.error();
  const auto conflicts = session.ask_for(doc, "conflict.list", {{"pattern", doc}});
  if (!conflicts) return conflicts.error();
  const auto log = session.ask_for(doc, "doc.log", {{"doc", doc}, {"path", pointer}});
  if (!log) return log.error();
  json competing = json::array();
  for (const json& conflict : conflicts->at("items"))
    if (field(conflict, "path") == pointer)
      for (const json& one : conflict.at("values"))
        if (one.value("n", 0) != conflict.value("winner", 1)) competing.push_back(one);
  json set_by = blame->at("items").at(0);
  set_by.erase("value");
  const json report = {{"kind", "Explanation"},
                       {"v", 1},
                       {"id", blame->value("id", json())},
                       {"name", blame->value("name", json())},
                       {"path", pointer},
                       {"value", value->at("value")},
                       {"set_by", std::move(set_by)},
                       {"competing", std::move(competing)},
                       {"history", log->at("items")}};
  const auto done = session.out().result(
      report, {.text = [&] { return explanation_text(session, report); }, .pages = true});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
