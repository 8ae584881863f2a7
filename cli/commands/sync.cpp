#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

using nlohmann::json;

std::uint64_t nested(const json& object, const char* outer, const char* inner) {
  const auto found = object.find(outer);
  return found == object.end() || !found->is_object() ? 0 : count_field(*found, inner);
}

Table table_of(const json& items) {
  Table table({{.header = "peer", .importance = 5},
               {.header = "differed", .right = true},
               {.header = "sent", .right = true, .importance = 3},
               {.header = "received", .right = true, .importance = 3},
               {.header = "remaining", .right = true, .importance = 4},
               {.header = "elapsed", .right = true},
               {.header = "compared", .right = true, .wide_only = true},
               {.header = "messages", .right = true, .wide_only = true},
               {.header = "wire_bytes", .right = true, .wide_only = true}});
  for (const json& item : items)
    table.add(
        {{field(item, "peer"), "", Paint::kNone},
         {field(item, "differing_documents"), "", Paint::kNone},
         {std::to_string(nested(item, "sent", "changes")), "", Paint::kNone},
         {std::to_string(nested(item, "received", "changes")), "", Paint::kNone},
         {field(item, "remaining_documents"), "",
          count_field(item, "remaining_documents") > 0 ? Paint::kYellow : Paint::kNone},
         {field(item, "elapsed_ms"), human_duration(count_field(item, "elapsed_ms")), Paint::kNone},
         {field(item, "compared_documents"), "", Paint::kNone},
         {field(item, "messages"), "", Paint::kNone},
         {field(item, "wire_bytes"), "", Paint::kNone}});
  return table;
}

std::string explanation(const json& items) {
  std::string out;
  for (const json& item : items) {
    out += printable(field(item, "peer")) + ": compared " +
           counted(count_field(item, "compared_documents"), "document") + ", " +
           field(item, "differing_documents") + " differed\n";
    for (const auto& [side, word] : {std::pair{"sent", "sent"}, std::pair{"received", "received"}})
      out += std::string("  ") + word + " " + counted(nested(item, side, "changes"), "change") +
             ", " + human_bytes(nested(item, side, "bytes")) + "\n";
    out += "  " + counted(count_field(item, "messages"), "message") + ", " +
           counted(count_field(item, "round_trips"), "round trip") + ", " +
           human_bytes(count_field(item, "wire_bytes")) + " on the wire\n";
  }
  return out;
}

}  // namespace

Result<int> run_sync(Session& session) {
  json params = {{"wait", session.has("wait")}, {"request_id", new_request_id()}};
  if (!session.args(0).empty()) params["peers"] = session.args(0);
  if (session.has("dry-run")) params["dry_run"] = true;
  if (session.timeout().count() > 0) {
    // The agent gives up a little before we do, so that it can say what was still missing.
    const auto limit =
        session.timeout() - std::min(session.timeout() / 10, std::chrono::milliseconds(200));
    params["timeout_ms"] = limit.count();
  }
  const auto list = session.ask("sync.now", params);
  if (!list) return list.error();
  const json& items = list->at("items");
  Rendering rendering{.names = [&] {
    std::vector<std::string> peers;
    for (const json& item : items) peers.push_back(field(item, "peer"));
    return peers;
  }};
  const bool explain = session.has("explain") && session.out().format().kind == Format::Kind::kText;
  if (explain)
    rendering.text = [&] { return explanation(items); };
  else
    rendering.table = [&] { return table_of(items); };
  if (auto done = session.out().result(*list, rendering); !done) return done.error();
  if (items.empty()) session.out().note("no peers to sync with; add one with \"syncctl peer add\"");
  const bool is_plan = session.has("dry-run");
  for (const json& item : items) {
    if (is_plan || field(item, "state") == "up") continue;
    session.out().note(printable(field(item, "peer")) + " is not connected");
  }
  const bool owed = std::ranges::any_of(
      items, [](const json& item) { return count_field(item, "remaining_documents") > 0; });
  return session.has("exit-code") && owed ? control::exit_code::kNo : control::exit_code::kOk;
}

}  // namespace converge::cli
