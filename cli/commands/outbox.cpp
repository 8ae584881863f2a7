#include "core/client/outbox.h"

#include "cli/app/kinds.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_json.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

using client::Outbox;
using client::OutboxEntry;
using control::ErrorId;
using control::make_error;
using nlohmann::json;

Outbox outbox_of(const Session& session) {
  return Outbox(session.outbox_directory(), session.clock());
}

/// What the words and flags select, by number. Entries wait for agents only, so none is for a peer.
Result<std::vector<OutboxEntry>> selected(const Session& session, const Outbox& outbox,
                                          const std::vector<std::string>& words) {
  std::vector<OutboxEntry> entries;
  if (words.empty()) {
    auto all = outbox.list();
    if (!all) return all.error();
    entries = std::move(*all);
  }
  for (const std::string& word : words) {
    auto entry = outbox.find(word);
    if (!entry) return entry.error();
    entries.push_back(std::move(*entry));
  }
  if (session.has("peer")) entries.clear();
  if (const auto text = session.value("older")) {
    const auto age = parse_duration(*text);
    if (!age) return age.error();
    const std::int64_t limit = session.clock().wall_now_ms() - age->count();
    std::erase_if(entries, [limit](const OutboxEntry& entry) { return entry.created_ms > limit; });
  }
  return entries;
}

json list_of(const std::vector<OutboxEntry>& entries) {
  json items = json::array();
  for (const OutboxEntry& entry : entries) items.push_back(client::to_json(entry));
  return json{{"kind", "OutboxList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}};
}

std::string words_of(const OutboxEntry& entry) {
  std::string text;
  for (const std::string& word : entry.command) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string error_of(const OutboxEntry& entry) {
  const json error = json::parse(entry.last_error, nullptr, false);
  return error.is_object() ? field(error, "message") : "";
}

Result<void> print_list(Session& session, const std::vector<OutboxEntry>& entries) {
  const auto table = [&] {
    Table rows({{.header = "id", .importance = 5},
                {.header = "state", .importance = 4},
                {.header = "request", .importance = 3},
                {.header = "queued", .importance = 2},
                {.header = "error", .importance = 1},
                {.header = "agent", .wide_only = true}});
    for (const OutboxEntry& entry : entries) {
      const bool failed = entry.state == OutboxEntry::State::kFailed;
      const json object = client::to_json(entry);
      rows.add({{entry.id(), "", Paint::kCyan},
                {field(object, "state"), "", failed ? Paint::kRed : Paint::kNone},
                {words_of(entry), "", Paint::kNone},
                time_cell(session, field(object, "created_at")),
                {error_of(entry), "", Paint::kNone},
                {entry.socket, "", Paint::kDim}});
    }
    return rows;
  };
  const auto names = [&] {
    std::vector<std::string> ids;
    for (const OutboxEntry& entry : entries) ids.push_back(entry.id());
    return ids;
  };
  return session.out().result(list_of(entries), {.table = table, .names = names});
}

}  // namespace

Result<int> run_outbox_ls(Session& session) {
  const auto entries = selected(session, outbox_of(session), {});
  if (!entries) return entries.error();
  if (auto done = print_list(session, *entries); !done) return done.error();
  if (entries->empty()) session.out().note("nothing waits");
  return control::exit_code::kOk;
}

Result<int> run_outbox_show(Session& session) {
  const auto entry = outbox_of(session).find(session.arg(0));
  if (!entry) return entry.error();
  json object = client::to_json(*entry);
  object["method"] = entry->method;
  object["params"] = json::parse(entry->params, nullptr, false);
  const auto text = [&] {
    std::string out = "entry " + entry->id() + "\n";
    out += "Request:  " + printable(words_of(*entry)) + "\n";
    out += "State:    " + field(object, "state") + "\n";
    out += "Queued:   " + field(object, "created_at") + "\n";
    out += "Agent:    " + printable(entry->socket) + "\n";
    if (const std::string error = error_of(*entry); !error.empty())
      out += "Error:    " + printable(error) + "\n";
    return out + "\n    " + printable(entry->method + " " + entry->params) + "\n";
  };
  const auto names = [&] { return std::vector<std::string>{entry->id()}; };
  if (auto done = session.out().result(object, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

Result<int> run_outbox_retry(Session& session) {
  const Outbox outbox = outbox_of(session);
  auto entries = selected(session, outbox, session.args(0));
  if (!entries) return entries.error();
  if (session.has("dry-run")) {
    if (auto done = print_list(session, *entries); !done) return done.error();
    return control::exit_code::kOk;
  }
  for (OutboxEntry& entry : *entries) {
    entry.state = OutboxEntry::State::kWaiting;
    if (auto done = outbox.update(entry); !done) return done.error();
  }
  // Whoever reaches the agent first sends what waits for it.
  const auto hello = session.ask("agent.hello", {{"client", "syncctl"}});
  if (!hello) return hello.error();
  std::vector<OutboxEntry> left;
  std::optional<Error> refused;
  for (const OutboxEntry& entry : *entries) {
    auto now = outbox.find(entry.id());
    if (!now) continue;
    if (now->state == OutboxEntry::State::kFailed)
      refused = control::from_json(json::parse(now->last_error, nullptr, false));
    left.push_back(std::move(*now));
  }
  if (left.size() < entries->size())
    session.out().note(counted(entries->size() - left.size(), "write") + " delivered");
  if (auto done = print_list(session, left); !done) return done.error();
  if (!refused) return control::exit_code::kOk;
  if (entries->size() == 1) return *refused;
  return make_error(ErrorId::kPartial, counted(left.size(), "write") + " could not be delivered",
                    "\"syncctl outbox ls\" says why");
}

Result<int> run_outbox_drop(Session& session) {
  const Outbox outbox = outbox_of(session);
  const auto entries = selected(session, outbox, session.args(0));
  if (!entries) return entries.error();
  if (!entries->empty() && !session.has("dry-run")) {
    const auto sure =
        session.confirm("forget " + counted(entries->size(), "write") + " that no agent has seen");
    if (!sure) return sure.error();
    for (const OutboxEntry& entry : *entries)
      if (auto done = outbox.remove(entry.number); !done) return done.error();
  }
  if (auto done = print_list(session, *entries); !done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
