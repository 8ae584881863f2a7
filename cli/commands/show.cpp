#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using nlohmann::json;

std::string stat_line(const json& stat) {
  return field(stat, "added") + " added, " + field(stat, "removed") + " removed, " +
         field(stat, "replaced") + " replaced\n";
}

std::string text_of(const Session& session, const json& change) {
  std::string out =
      painted(Paint::kYellow, "change " + field(change, "hash"), session.terminal().color_out) +
      "\n";
  if (const std::string name = name_or_id(change); !name.empty())
    out += "Document: " + printable(name) + "\n";
  out += "Actor:    " + field(change, "actor") + " (" + field(change, "seq") + ")\n";
  if (const std::string authored = field(change, "author_time"); !authored.empty())
    out += "Authored: " + authored + "\n";
  if (const std::string received = field(change, "received_at"); !received.empty())
    out += "Received: " + received + ", " + printable(field(change, "origin")) + "\n";
  for (const json& dep : change.value("deps", json::array()))
    out += "After:    " + dep.get<std::string>() + "\n";
  if (const std::string message = field(change, "message"); !message.empty())
    out += "\n    " + printable(message) + "\n";
  out += "\n";
  if (session.has("stat"))
    out += stat_line(change.value("stat", json::object()));
  else
    out += patch_text(session, change.value("patch", json::array()));
  if (session.has("ops")) {
    out += "\n";
    for (const json& operation : change.value("operations", json::array()))
      out += printable(control::to_compact(operation)) + "\n";
  }
  return out;
}

}  // namespace

Result<int> run_show(Session& session) {
  const std::string doc = session.document(session.arg(0));
  json params = {{"doc", doc}};
  if (session.has("ops")) params["ops"] = true;
  const auto change = session.ask_for(doc, "doc.show", params);
  if (!change) return change.error();
  const auto done = session.out().result(
      *change, {.text = [&] { return text_of(session, *change); },
                .names = [&] { return std::vector<std::string>{field(*change, "hash")}; },
                .pages = true});
  if (!done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
