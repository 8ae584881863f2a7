#include "cli/app/kinds.h"
#include "cli/commands/graph.h"
#include "cli/commands/handlers.h"
#include "cli/commands/log_follow.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/revision.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

json params_of(Session& session) {
  json params = json::object();
  for (const char* flag : {"path", "actor", "since", "until"})
    if (const auto value = session.value(flag)) params[flag] = *value;
  if (const auto limit = session.invocation().number("limit"))
    params["limit"] = *limit;
  else if (const std::string& setting = session.settings().get("limit"); !setting.empty())
    params["limit"] = std::stol(setting);
  return params;
}

/// The changes of all documents, the last received first.
Result<json> log_of_all(Session& session, const json& params) {
  json all = json::array();
  json list_params = {{"patterns", json::array()}};
  while (true) {
    auto list = session.ask("doc.list", list_params);
    if (!list) return list;
    for (const json& document : list->at("items")) {
      json one = params;
      one["doc"] = field(document, "id");
      auto log = session.ask("doc.log", one);
      if (!log) return log;
      for (json& change : (*log)["items"]) {
        change["id"] = document.value("id", json());
        change["name"] = document.value("name", json());
        all.push_back(std::move(change));
      }
    }
    if (field(*list, "next").empty()) break;
    list_params["after"] = (*list)["next"];
  }
  std::stable_sort(all.begin(), all.end(), [](const json& a, const json& b) {
    return count_field(a, "received_seq") > count_field(b, "received_seq");
  });
  const std::size_t limit = params.value("limit", std::size_t{0});
  if (limit > 0 && all.size() > limit) all.erase(all.begin() + static_cast<long>(limit), all.end());
  return json{{"kind", "ChangeList"}, {"v", 1}, {"items", std::move(all)}, {"next", nullptr}};
}

std::string when_of(const json& change) {
  const std::string received = field(change, "received_at");
  return received.empty() ? field(change, "author_time") : received;
}

std::string one_line(const Session& session, const json& change) {
  const std::string hash = field(change, "hash");
  std::string line = painted(Paint::kCyan, session.terminal().out_tty ? short_hash(hash) : hash,
                             session.terminal().color_out);
  const std::string message = printable(field(change, "message"));
  return message.empty() ? line : line + "  " + message;
}

std::string long_form(const Session& session, const json& change) {
  const bool color = session.terminal().color_out;
  const bool tty = session.terminal().out_tty;
  const std::string hash = field(change, "hash");
  std::string out = painted(Paint::kYellow, "change " + hash, color) + "\n";
  if (const std::string name = name_or_id(change); !name.empty())
    out += "Document: " + printable(name) + "\n";
  out += "Actor:    " + field(change, "actor") + " (" + field(change, "seq") + ")\n";
  const std::string time = when_of(change);
  out += (field(change, "received_at").empty() ? "Authored: " : "Received: ") +
         (tty ? relative_time(time, session.clock().wall_now_ms()) + "  " + time : time);
  if (const std::string origin = field(change, "origin"); !origin.empty())
    out += ", " + printable(origin);
  out += "\n";
  out += "Ops:      " + field(change, "ops") + "\n";
  const std::string message = field(change, "message");
  if (!message.empty()) out += "\n    " + printable(message) + "\n";
  return out + "\n";
}

std::string text_of(const Session& session, const json& items) {
  std::string out;
  if (session.has("graph")) {
    std::vector<GraphNode> nodes;
    for (const json& change : items)
      nodes.push_back({field(change, "hash"), change.value("deps", std::vector<std::string>()),
                       one_line(session, change)});
    return draw_graph(nodes, session.terminal().utf8);
  }
  for (const json& change : items)
    out += session.has("oneline") ? one_line(session, change) + "\n" : long_form(session, change);
  return out;
}

/// One record a line, as it is received: when, which document, which change.
Result<void> print_followed(Session& session, const json& change) {
  Printer& out = session.out();
  switch (out.format().kind) {
    case Format::Kind::kJson:
    case Format::Kind::kNdjson:
      return out.data(control::to_compact(change) + "\n");
    case Format::Kind::kJsonPath:
      return out.result(change, {});
    case Format::Kind::kName:
      return out.data(field(change, "hash") + "\n");
    default:
      const char* gap = session.terminal().out_tty ? "  " : "\t";
      return out.data(when_of(change) + gap + printable(name_or_id(change)) + gap +
                      one_line(session, change) + "\n");
  }
}

Table table_of(const Session& session, const json& items) {
  Table table({{.header = "hash"},
               {.header = "document"},
               {.header = "received"},
               {.header = "actor"},
               {.header = "seq", .right = true},
               {.header = "ops", .right = true},
               {.header = "message"}});
  for (const json& change : items)
    table.add({hash_cell(field(change, "hash")),
               {name_or_id(change), "", Paint::kNone},
               time_cell(session, when_of(change)),
               {field(change, "actor"), "", Paint::kNone},
               {field(change, "seq"), "", Paint::kNone},
               {field(change, "ops"), "", Paint::kNone},
               {field(change, "message"), "", Paint::kNone}});
  return table;
}

}  // namespace

Result<int> run_log(Session& session) {
  if (session.has("follow")) {
    const std::string doc =
        session.args(0).empty() ? std::string() : session.document(session.arg(0));
    if (is_file_word(doc) || !verbs::split_doc_rev(doc).rev.empty())
      return make_error(ErrorId::kUsageArgument,
                        "\"" + doc + "\" cannot be followed: nothing comes to " +
                            (is_file_word(doc) ? "a file" : "the past"),
                        "name a document of the agent");
    return follow_log(session, doc,
                      [&](const json& change) { return print_followed(session, change); });
  }
  json params = params_of(session);
  Result<json> list = json();
  if (session.args(0).empty()) {
    // Of all documents, what had been received by then.
    if (const auto at = session.value("at")) params["until"] = *at;
    list = log_of_all(session, params);
  } else {
    const std::string doc = session.document(session.arg(0));
    params["doc"] = doc;
    if (const auto at = session.at()) params["at"] = *at;
    list = session.ask_for(doc, "doc.log", params);
  }
  if (!list) return list.error();
  const json& items = list->at("items");
  Rendering rendering{.names =
                          [&] {
                            std::vector<std::string> all;
                            for (const json& change : items) all.push_back(field(change, "hash"));
                            return all;
                          },
                      .pages = true};
  if (session.out().format().kind == Format::Kind::kCsv || session.out().wide())
    rendering.table = [&] { return table_of(session, items); };
  else
    rendering.text = [&] { return text_of(session, items); };
  if (auto done = session.out().result(*list, rendering); !done) return done.error();
  if (items.empty()) session.out().note("no changes");
  return control::exit_code::kOk;
}

}  // namespace converge::cli
