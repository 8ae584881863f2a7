#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/store_shared.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/store/identity.h"

#include <nlohmann/json.hpp>

#include <string>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::string row(const std::string& title, const std::string& text) {
  std::string out = title;
  out.resize(std::max<std::size_t>(title.size() + 1, 14), ' ');
  return out + printable(text) + "\n";
}

std::string text_of(const json& stats) {
  std::string out =
      row("state", field(stats, "state") +
                       (field(stats, "reason").empty() ? "" : ": " + field(stats, "reason")));
  out += row("store id", field(stats, "store_id"));
  out += row("holds", counted(count_field(stats, "documents"), "document") + ", " +
                          counted(count_field(stats, "changes"), "change") + ", " +
                          counted(count_field(stats, "tombstones"), "tombstone"));
  out += row("on disk", human_bytes(count_field(stats, "size_bytes")) + ", " +
                            human_bytes(count_field(stats, "free_bytes")) + " free");
  out += row("last", "#" + field(stats, "seq") + ", commit " + field(stats, "commit") +
                         ", synced up to " + field(stats, "synced_commit"));
  out += row("this run", counted(count_field(stats, "requests"), "request") + " in " +
                             counted(count_field(stats, "groups"), "group") + ", " +
                             counted(count_field(stats, "syncs"), "sync"));
  for (const auto& [name, each] : stats["operations"].items()) {
    if (count_field(each, "count") == 0) continue;
    out += row("  " + name, counted(count_field(each, "count"), "time") + ", " +
                                human_bytes(count_field(each, "bytes")) + ", longest " +
                                std::to_string(count_field(each, "max_us") / 1000) + " ms" +
                                (count_field(each, "failures") > 0
                                     ? ", " + counted(count_field(each, "failures"), "failure")
                                     : ""));
  }
  for (const json& document : stats["top"])
    out += row("", human_bytes(count_field(document, "size_bytes")) + "  " +
                       counted(count_field(document, "changes"), "change") + "  " +
                       name_or_id(document));
  return out;
}

}  // namespace

Result<int> run_store_stats(Session& session) {
  json params = {{"by", session.value("by").value_or("bytes")}};
  if (const auto top = session.invocation().number("top")) params["top"] = *top;
  const auto stats = ask_patiently(session, "store.stats", params);
  if (!stats) return stats.error();
  if (auto done = session.out().result(*stats, {.text = [&] { return text_of(*stats); }}); !done)
    return done.error();
  return control::exit_code::kOk;
}

Result<int> run_store_id(Session& session) {
  json out = {{"kind", "StoreId"}, {"v", 1}};
  if (session.has("new")) {
    const auto stopped = stopped_store(session);
    if (!stopped) return stopped.error();
    if (!*stopped)
      return make_error(ErrorId::kUsageFlag, "store id --new is for a stopped store",
                        "stop the agent and name its store with --store DIR");
    const auto id = store::renew_identity(**stopped, open_options(session));
    if (!id) return id.error();
    out["store_id"] = to_hex(*id);
  } else {
    const auto hello = session.ask("agent.hello", {{"client", "syncctl"}});
    if (!hello) return hello.error();
    out["store_id"] = field(*hello, "store_id");
  }
  const std::string id = field(out, "store_id");
  const auto text = [&] { return id + "\n"; };
  const auto names = [&] { return std::vector<std::string>{id}; };
  if (auto done = session.out().result(out, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

Result<int> run_store_compact(Session& session) {
  const bool some = session.has("doc");
  const auto report =
      ask_patiently(session, "store.compact",
                    {{"docs", session.invocation().values("doc")},
                     {"all", session.has("docs") || (!some && !session.has("tables"))},
                     {"tables", session.has("tables")}});
  if (!report) return report.error();
  const json& failed = (*report)["failed"];
  const auto text = [&]() -> std::string {
    std::string out;
    for (const json& each : failed)
      out += "failed  " + printable(field(each, "id")) + "  " + printable(field(each, "message")) +
             "\n";
    if (session.out().quiet()) return out;
    return out + "compacted  " + counted(count_field(*report, "compacted"), "document") + " of " +
           field(*report, "documents") + ", " + human_bytes(count_field(*report, "bytes_before")) +
           " became " + human_bytes(count_field(*report, "bytes_after")) + "\n";
  };
  if (auto done = session.out().result(*report, {.text = text}); !done) return done.error();
  return failed.empty() ? control::exit_code::kOk : control::exit_code::kPartial;
}

}  // namespace converge::cli
