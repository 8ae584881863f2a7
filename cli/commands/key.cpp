#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

using nlohmann::json;

std::string peers_of(const json& key) {
  std::string out;
  for (const json& name : key.value("peers", json::array()))
    out += (out.empty() ? "" : ", ") + field(json{{"name", name}}, "name");
  return out;
}

Paint paint_of_key(const std::string& state) {
  return state == "revoked" ? Paint::kRed : state == "own" ? Paint::kGreen : Paint::kNone;
}

/// The key first: its line is what "peer add --key FILE" and "key trust -f FILE" read.
Result<int> print_key(Session& session, const json& key, const std::string& word) {
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    return word.empty() ? printable(field(key, "key")) + "\n"
                        : word + (session.terminal().out_tty ? "  " : "\t") +
                              printable(field(key, "key")) + "\n";
  };
  const auto names = [&] { return std::vector<std::string>{field(key, "key")}; };
  if (auto done = session.out().result(key, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

json key_params(const Session& session) {
  return {{"dry_run", session.has("dry-run")}, {"request_id", new_request_id()}};
}

/// key.new and key.rotate: the key, and where it lies.
Result<int> make_key(Session& session, const char* method, json params) {
  const auto made = session.ask(method, params);
  if (!made) return made.error();
  if (session.has("dry-run")) {
    session.out().note("would make a key");
    if (!session.out().format().is_json()) return control::exit_code::kOk;
  }
  const auto printed = print_key(session, *made, "");
  if (!printed || session.has("dry-run")) return printed;
  session.out().note((made->value("unchanged", false) ? "it was there already: " : "it is in ") +
                     field(*made, "path"));
  if (made->value("needs_restart", false))
    session.out().warning(
        "the agent shows it after a restart; until a peer trusts it, the peer refuses this device");
  return printed;
}

}  // namespace

Result<int> run_key_ls(Session& session) {
  const auto list = session.ask("key.list", json::object());
  if (!list) return list.error();
  const json& items = list->at("items");
  const auto table = [&] {
    Table rows({{.header = "key", .importance = 3},
                {.header = "state", .importance = 4},
                {.header = "peers", .importance = 2}});
    for (const json& key : items)
      rows.add({{field(key, "key"), field(key, "key").substr(0, 7 + 16), Paint::kCyan},
                {field(key, "state"), "", paint_of_key(field(key, "state"))},
                {peers_of(key), "", Paint::kNone}});
    return rows;
  };
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& key : items) all.push_back(field(key, "key"));
    return all;
  };
  if (auto done = session.out().result(*list, {.table = table, .names = names}); !done)
    return done.error();
  if (items.empty()) session.out().note("no keys; this agent neither listens nor dials over TLS");
  return control::exit_code::kOk;
}

Result<int> run_key_show(Session& session) {
  const std::string word = session.args(0).empty() ? "self" : session.arg(0);
  const auto key = session.ask("key.show", {{"key", word}});
  if (!key) return key.error();
  const auto printed = print_key(session, *key, "");
  if (printed && field(*key, "state") == "revoked") session.out().warning("this key is revoked");
  return printed;
}

Result<int> run_key_new(Session& session) {
  json params = key_params(session);
  if (const auto name = session.value("name")) params["name"] = *name;
  return make_key(session, "key.new", std::move(params));
}

Result<int> run_key_rotate(Session& session) {
  if (!session.has("dry-run"))
    if (auto sure = session.confirm("make a new key for this device, which no peer trusts yet");
        !sure)
      return sure.error();
  return make_key(session, "key.rotate", key_params(session));
}

Result<int> run_key_trust(Session& session) {
  const auto file = session.value("file");
  if (!file)
    return control::make_error(control::ErrorId::kUsageFlag, "-f FILE is missing",
                               "the file holds what \"syncctl key show\" prints on the peer");
  const auto content = read_input(*file, 64 * 1024);
  if (!content) return content.error();
  json params = key_params(session);
  params["peer"] = session.arg(0);
  params["key"] = content->substr(0, content->find('\n'));
  const auto peer = session.ask("key.trust", params);
  if (!peer) return peer.error();
  const auto text = [&]() -> std::string {
    if (session.out().quiet()) return "";
    const char* gap = session.terminal().out_tty ? "  " : "\t";
    return (peer->value("unchanged", false) ? "unchanged" : "trusted") + std::string(gap) +
           printable(field(*peer, "name")) + gap + printable(field(*peer, "key")) + "\n";
  };
  const auto names = [&] { return std::vector<std::string>{field(*peer, "name")}; };
  if (auto done = session.out().result(*peer, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

Result<int> run_key_revoke(Session& session) {
  json params = key_params(session);
  params["key"] = session.arg(0);
  const auto key = session.ask("key.revoke", params);
  if (!key) return key.error();
  return print_key(session, *key, "revoked");
}

}  // namespace converge::cli
