#include "agent/control/methods.h"

#include "agent/control/handlers.h"
#include "core/base/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

/// What every request may carry.
constexpr std::string_view kCommon = "request_id";

/// WRITE FLAGS of the contract.
constexpr std::string_view kWriteFlags =
    "message base if_heads if_value if_absent ack durability dry_run timeout_ms";

constexpr std::array kTable{
    Method{"agent.hello", agent_hello, "client version"},
    Method{"agent.level", agent_level, "level for_ms"},
    Method{"agent.logs", agent_logs, "level since follow"},
    Method{"agent.metrics", agent_metrics, "text"},
    Method{"agent.reload", agent_reload, ""},
    Method{"agent.settings", agent_settings, ""},
    Method{"agent.status", agent_status, ""},
    Method{"agent.stop", agent_stop, "deadline_ms"},
    Method{"conflict.ignore", conflict_ignore, "ids dry_run"},
    Method{"conflict.list", conflict_list, "pattern patterns type state"},
    Method{"conflict.resolve", conflict_resolve,
           "ids pattern patterns pick value rule message dry_run ack durability timeout_ms"},
    Method{"conflict.show", conflict_show, "id"},
    Method{"doc.apply", doc_edit, "doc value list_key", kWriteFlags},
    Method{"doc.blame", doc_blame, "doc pointer depth at"},
    Method{"doc.diff", doc_diff, "doc other from to path"},
    Method{"doc.digest", doc_digest, "patterns root state at"},
    Method{"doc.export", doc_export, "doc format changes at"},
    Method{"doc.fork", doc_fork, "doc name id dry_run"},
    Method{"doc.get", doc_get, "doc pointer typed meta at"},
    Method{"doc.heads", doc_heads, "doc at"},
    Method{"doc.import", doc_import, "format name id update data value dry_run"},
    Method{"doc.incr", doc_edit, "doc pointer amount", kWriteFlags},
    Method{"doc.insert", doc_edit, "doc pointer values", kWriteFlags},
    Method{"doc.list", doc_list,
           "patterns limit after sort reverse conflicted degraded deleted count at"},
    Method{"doc.log", doc_log, "doc path actor since until limit at"},
    Method{"doc.merge", doc_merge, "doc sources fail_on_conflict dry_run"},
    Method{"doc.new", doc_new, "value name id message dry_run"},
    Method{"doc.patch", doc_edit, "doc type patch", kWriteFlags},
    Method{"doc.query", doc_query, "patterns path at typed count after"},
    Method{"doc.rm", doc_rm, "docs purge dry_run"},
    Method{"doc.set", doc_edit, "doc edits", kWriteFlags},
    Method{"doc.show", doc_show, "doc change ops"},
    Method{"doc.splice", doc_edit, "doc pointer index delete text", kWriteFlags},
    Method{"doc.unset", doc_edit, "doc pointers", kWriteFlags},
    Method{"invite.create", invite_create, "collections read expires_ms"},
    Method{"invite.join", invite_join, "invite name dry_run"},
    Method{"key.list", key_list, ""},
    Method{"key.new", key_new, "name dry_run"},
    Method{"key.revoke", key_revoke, "key dry_run"},
    Method{"key.rotate", key_rotate, "dry_run"},
    Method{"key.show", key_show, "key"},
    Method{"key.trust", key_trust, "peer key dry_run"},
    Method{"name.list", name_list, "pattern limit after"},
    Method{"name.rm", name_rm, "name dry_run"},
    Method{"name.set", name_set, "name doc dry_run"},
    Method{"peer.add", peer_add, "name url key collections policy rate paused dry_run"},
    Method{"peer.digest", peer_digest, "peer"},
    Method{"peer.list", peer_list, ""},
    Method{"peer.pause", peer_pause, "peer dry_run"},
    Method{"peer.ping", peer_ping, "peer"},
    Method{"peer.resume", peer_resume, "peer dry_run"},
    Method{"peer.rm", peer_rm, "peer dry_run"},
    Method{"peer.set", peer_set, "peer name url key collections policy rate paused dry_run"},
    Method{"peer.show", peer_show, "peer"},
    Method{"quarantine.drop", quarantine_drop, "entries"},
    Method{"quarantine.list", quarantine_list, ""},
    Method{"quarantine.retry", quarantine_retry, "entries"},
    Method{"quarantine.show", quarantine_show, "entries"},
    Method{"store.backup", store_backup, "path incremental progress"},
    Method{"store.check", store_check, "mode sample docs progress"},
    Method{"store.compact", store_compact, "docs all tables progress"},
    Method{"store.repair", store_repair, "apply plan from_peer progress"},
    Method{"store.stats", store_stats, "top by"},
    Method{"sync.now", sync_now, "peers wait timeout_ms dry_run"},
    Method{"sync.wait", sync_wait, "doc for peer timeout_ms"},
    Method{"watch.start", watch_start, "patterns since initial names path"},
};
static_assert(std::is_sorted(kTable.begin(), kTable.end(),
                             [](const Method& a, const Method& b) { return a.name < b.name; }));

bool is_among(std::string_view words, std::string_view name) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (word == name) return true;
    words.remove_prefix(std::min(words.size(), word.size() + 1));
  }
  return false;
}

}  // namespace

bool Method::takes(std::string_view parameter) const {
  return is_among(parameters, parameter) || is_among(more, parameter) ||
         is_among(kCommon, parameter);
}

std::vector<std::string> Method::parameter_names() const {
  std::vector<std::string> names;
  for (std::string_view rest : {parameters, more, kCommon}) {
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      names.emplace_back(word);
      rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
  }
  return names;
}

const Method* find_method(std::string_view name) {
  const auto row = std::lower_bound(kTable.begin(), kTable.end(), name,
                                    [](const Method& a, std::string_view b) { return a.name < b; });
  return row != kTable.end() && row->name == name ? &*row : nullptr;
}

std::span<const Method> methods() { return kTable; }

Result<void> check_parameters(const Method& method, const Json& params) {
  for (const auto& [name, value] : params.items()) {
    if (method.takes(name)) continue;
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("{} has no parameter \"{}\"", method.name, name),
                      did_you_mean(name, method.parameter_names()));
  }
  return {};
}

}  // namespace converge::handlers
