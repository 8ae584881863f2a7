#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/client/outbox.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

using nlohmann::json;

json part(const json& object, const char* key, json fallback = json::object()) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? fallback : *found;
}

std::string line(const Session& session, const std::string& title, const std::string& state,
                 const std::string& rest) {
  const bool good = state == "running" || state == "ok" || state == "up";
  const bool color = session.terminal().color_out;
  std::string out = title;
  out.resize(std::max<std::size_t>(title.size() + 1, 11), ' ');
  return out + painted(good ? Paint::kGreen : Paint::kYellow, printable(state), color) +
         (rest.empty() ? "" : "  " + printable(rest)) + "\n";
}

std::string peer_rest(const Session& session, const json& peer) {
  std::string rest;
  if (field(peer, "state") == "up" && !field(peer, "rtt_ms").empty())
    rest = field(peer, "rtt_ms") + " ms";
  if (const auto behind = count_field(peer, "documents_behind"); behind > 0)
    rest += (rest.empty() ? "" : ", ") + counted(behind, "document") + " behind";
  if (const std::string last = field(peer, "last_sync_at"); !last.empty())
    rest +=
        (rest.empty() ? "" : ", ") + std::string("last sync ") +
        (session.terminal().out_tty ? relative_time(last, session.clock().wall_now_ms()) : last);
  return rest;
}

std::string text_of(const Session& session, const json& status) {
  const json agent = part(status, "agent");
  const json store = part(status, "store");
  std::string out = line(session, "agent", field(agent, "state"),
                         "syncd " + field(agent, "version") + ", process " + field(agent, "pid") +
                             ", up " + human_duration(count_field(agent, "uptime_ms")));
  out += line(session, "store", field(store, "state"),
              counted(count_field(store, "documents"), "document") + ", " +
                  counted(count_field(store, "changes"), "change") + ", " +
                  human_bytes(count_field(store, "size_bytes")));
  for (const json& peer : part(status, "peers", json::array()))
    out += line(session, "peer", field(peer, "state"),
                field(peer, "name") + (peer_rest(session, peer).empty() ? "" : "  ") +
                    peer_rest(session, peer));
  const auto conflicts = count_field(part(status, "conflicts"), "open");
  out +=
      line(session, "conflicts", conflicts == 0 ? "ok" : std::to_string(conflicts) + " open", "");
  if (const auto waiting = count_field(part(status, "outbox"), "entries"); waiting > 0)
    out += line(session, "outbox", std::to_string(waiting) + " waiting", "");
  for (const json& problem : part(status, "problems", json::array())) {
    out += painted(Paint::kYellow, field(problem, "severity") + ":", session.terminal().color_out) +
           " " + printable(field(problem, "message")) + "\n";
    if (const std::string next = field(problem, "next"); !next.empty())
      out += "  next: " + printable(next) + "\n";
  }
  return out;
}

/// What waits in this user's outbox belongs to the whole picture, though the agent does not see it.
void add_outbox(const Session& session, json& status) {
  const client::Outbox outbox(session.outbox_directory(), session.clock());
  const auto problem = [&status](const char* code, const std::string& message) {
    status["problems"].push_back({{"code", code},
                                  {"severity", "warning"},
                                  {"message", message},
                                  {"next", "syncctl outbox ls"}});
  };
  const auto entries = outbox.list();
  if (!entries) return problem("outbox.unreadable", entries.error().message);
  if (entries->empty()) return;
  status["outbox"] = {{"entries", entries->size()},
                      {"oldest_ms", session.clock().wall_now_ms() - entries->front().created_ms}};
  const auto failed = std::count_if(entries->begin(), entries->end(), [](const auto& entry) {
    return entry.state == client::OutboxEntry::State::kFailed;
  });
  if (failed > 0)
    problem("outbox.failed", counted(static_cast<std::uint64_t>(failed), "queued write") +
                                 " could not be delivered");
}

}  // namespace

Result<int> run_status(Session& session) {
  auto status = session.ask("agent.status", json::object());
  if (!status) return status.error();
  if (session.asks_agent()) add_outbox(session, *status);
  const auto text = [&] {
    return session.out().quiet() ? std::string() : text_of(session, *status);
  };
  if (auto done = session.out().result(*status, {.text = text}); !done) return done.error();
  const bool sound = part(*status, "problems", json::array()).empty() &&
                     field(part(*status, "agent"), "state") == "running" &&
                     (field(part(*status, "store"), "state") == "ok" ||
                      field(part(*status, "store"), "state").empty());
  return session.has("check") && !sound ? control::exit_code::kNo : control::exit_code::kOk;
}

}  // namespace converge::cli
