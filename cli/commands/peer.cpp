#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/params.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

std::string list_text(const json& object, const char* key) {
  std::string out;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return out;
  for (const json& item : *found)
    out += (out.empty() ? "" : ",") + (item.is_string() ? item.get<std::string>() : "");
  return out;
}

Paint paint_of(const std::string& state) {
  return state == "up" ? Paint::kGreen : state == "paused" ? Paint::kDim : Paint::kYellow;
}

Table table_of(const json& items) {
  Table table({{.header = "name", .importance = 5},
               {.header = "state", .importance = 4},
               {.header = "url", .importance = 2},
               {.header = "policy"},
               {.header = "behind", .right = true, .importance = 3},
               {.header = "collections", .wide_only = true},
               {.header = "key", .wide_only = true}});
  for (const json& peer : items)
    table.add({{field(peer, "name"), "", Paint::kNone},
               {field(peer, "state"), "", paint_of(field(peer, "state"))},
               {field(peer, "url"), "", Paint::kNone},
               {field(peer, "policy"), "", Paint::kNone},
               {field(peer, "documents_behind"), "", Paint::kNone},
               {list_text(peer, "collections"), "", Paint::kNone},
               {field(peer, "key"), "", Paint::kNone}});
  return table;
}

Result<int> print_peer(Session& session, const json& peer, const std::string& word) {
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    const char* gap = session.terminal().out_tty ? "  " : "\t";
    return (peer.value("unchanged", false) ? "unchanged" : word) + gap +
           printable(field(peer, "name")) + gap + printable(field(peer, "state")) + "\n";
  };
  const auto names = [&] { return std::vector<std::string>{field(peer, "name")}; };
  if (auto done = session.out().result(peer, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

/// --key FILE: the key itself, its first line.
Result<void> add_settings(Session& session, json& params) {
  if (const auto file = session.value("key")) {
    auto content = read_input(*file, 64 * 1024);
    if (!content) return content.error();
    params["key"] = content->substr(0, content->find('\n'));
  }
  if (const auto text = session.value("collections")) params["collections"] = comma_list(*text);
  for (const char* flag : {"policy", "rate", "url"})
    if (const auto value = session.value(flag)) params[flag] = *value;
  if (session.has("paused")) params["paused"] = true;
  if (session.has("dry-run")) params["dry_run"] = true;
  params["request_id"] = new_request_id();
  return {};
}

Result<int> simple(Session& session, const char* method, const char* word) {
  const auto peer = session.ask(method, {{"peer", session.arg(0)},
                                         {"dry_run", session.has("dry-run")},
                                         {"request_id", new_request_id()}});
  if (!peer) return peer.error();
  return print_peer(session, *peer, word);
}

}  // namespace

Result<int> run_peer_ls(Session& session) {
  const auto list = session.ask("peer.list", json::object());
  if (!list) return list.error();
  const json& items = list->at("items");
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& peer : items) all.push_back(field(peer, "name"));
    return all;
  };
  if (auto done =
          session.out().result(*list, {.table = [&] { return table_of(items); }, .names = names});
      !done)
    return done.error();
  if (items.empty()) session.out().note("no peers; add one with \"syncctl peer add NAME URL\"");
  return control::exit_code::kOk;
}

Result<int> run_peer_show(Session& session) {
  const auto peer = session.ask("peer.show", {{"peer", session.arg(0)}});
  if (!peer) return peer.error();
  const auto text = [&] {
    std::string out;
    for (const auto& [key, value] : peer->items()) {
      if (key == "kind" || key == "v" || value.is_null()) continue;
      std::string title = key + ":";
      title.resize(std::max<std::size_t>(title.size() + 1, 20), ' ');
      out += title +
             printable(value.is_array() ? list_text(*peer, key.c_str()) : field(*peer, key)) + "\n";
    }
    return out;
  };
  const auto names = [&] { return std::vector<std::string>{field(*peer, "name")}; };
  if (auto done = session.out().result(*peer, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

Result<int> run_peer_add(Session& session) {
  json params = {{"name", session.arg(0)}, {"url", session.arg(1)}};
  if (auto done = add_settings(session, params); !done) return done.error();
  const auto peer = session.ask("peer.add", params);
  if (!peer) return peer.error();
  return print_peer(session, *peer, session.has("dry-run") ? "would add" : "added");
}

Result<int> run_peer_set(Session& session) {
  json params = {{"name", session.arg(0)}, {"peer", session.arg(0)}};
  if (auto done = add_settings(session, params); !done) return done.error();
  bool any = false;
  for (const char* flag : {"url", "key", "collections", "policy", "rate", "paused"})
    any = any || session.has(flag);
  if (!any)
    return make_error(ErrorId::kUsageFlag, "nothing says what to change",
                      "\"syncctl help peer set\" lists the settings");
  const auto peer = session.ask("peer.set", params);
  if (!peer) return peer.error();
  return print_peer(session, *peer, session.has("dry-run") ? "would change" : "changed");
}

Result<int> run_peer_rm(Session& session) { return simple(session, "peer.rm", "removed"); }
Result<int> run_peer_pause(Session& session) { return simple(session, "peer.pause", "paused"); }
Result<int> run_peer_resume(Session& session) { return simple(session, "peer.resume", "resumed"); }

Result<int> run_peer_ping(Session& session) {
  const auto ping = session.ask("peer.ping", {{"peer", session.arg(0)}});
  if (!ping) return ping.error();
  const auto text = [&] {
    return printable(field(*ping, "peer")) + (session.terminal().out_tty ? " " : "\t") +
           field(*ping, "rtt_ms") + " ms\n";
  };
  if (auto done = session.out().result(*ping, {.text = text}); !done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
