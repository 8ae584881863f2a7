#include "agent/control/conflict_index.h"
#include "agent/control/document_page.h"
#include "agent/control/handlers.h"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <string>
#include <unistd.h>

namespace converge::handlers {
namespace {

/// Resident set of this process, 0 when the system does not say.
std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(statm >> total >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

Json problem(const char* code, const char* severity, std::string message, const char* next) {
  return Json{
      {"code", code}, {"severity", severity}, {"message", std::move(message)}, {"next", next}};
}

void add_problems(const PeerView& peer, Json& problems) {
  if (!peer.configured) return;
  if (peer.is_foreign) {
    problems.push_back(
        problem("peer.workspace", "warning",
                fmt::format("{} belongs to another workspace: names are not shared", peer.name),
                "syncctl join, on a replica without names"));
  }
  if (peer.is_untrusted) {
    problems.push_back(problem("peer.untrusted", "error",
                               fmt::format("{}: {}", peer.name, peer.last_error),
                               "syncctl peer set NAME --key FILE, if its key was replaced"));
  } else if (peer.state == "connecting" && !peer.last_error.empty()) {
    problems.push_back(problem("peer.unreachable", "warning",
                               fmt::format("{} does not answer: {}", peer.name, peer.last_error),
                               "syncctl peer ls"));
  }
}

/// Counted up to a page: more is "many" to anybody.
std::uint64_t quarantine_entries(store::Store& store, Json& problems) {
  const auto page = store.list_quarantine({});
  if (!page) {
    problems.push_back(
        problem("store.corrupt", "error", page.error().message, "syncctl store check"));
    return 0;
  }
  if (!page->items.empty()) {
    problems.push_back(problem("quarantine.not_empty", "warning",
                               fmt::format("{} {} in quarantine", page->items.size(),
                                           page->items.size() == 1 ? "entry" : "entries"),
                               "syncctl quarantine ls"));
  }
  return page->items.size();
}

Json store_status(const store::StoreStats& stats, std::uint64_t documents) {
  return Json{{"state", stats.state == store::StoreState::kOpen ? "ok" : to_string(stats.state)},
              {"format", 1},
              {"documents", documents},
              {"changes", stats.counts.changes},
              {"size_bytes", stats.disk_bytes},
              {"read_only", stats.state == store::StoreState::kReadOnly}};
}

}  // namespace

void agent_hello(Services& services, CallPtr call) {
  const AgentFacts& facts = services.facts();
  call->reply(Json{{"kind", "Hello"},
                   {"v", 1},
                   {"version", facts.version},
                   {"pid", facts.pid},
                   {"store_id", facts.store_id},
                   {"peer_id", facts.peer_id},
                   {"catalog", services.catalog().to_url()}});
}

void agent_status(Services& services, CallPtr call) {
  services.peers([&services, call](const std::vector<PeerView>& peers) {
    const AgentFacts& facts = services.facts();
    const Json key = facts.fingerprint.empty() ? Json() : Json("SHA256:" + facts.fingerprint);
    const store::StoreStats stats = services.store().stats();
    const auto uptime = std::chrono::duration_cast<std::chrono::milliseconds>(
        services.clock().steady_now() - facts.started);
    Json problems = Json::array();
    if (stats.state != store::StoreState::kOpen) {
      problems.push_back(
          problem("store.state", "error",
                  fmt::format("the store is {}: {}", to_string(stats.state), stats.state_reason),
                  "syncctl store check"));
    }
    const auto open = count_open_conflicts(services.store());
    if (!open) {
      problems.push_back(
          problem("store.corrupt", "error", open.error().message, "syncctl store check"));
    }
    const Json conflicts = open && *open ? Json(**open) : Json();
    const std::uint64_t quarantine = quarantine_entries(services.store(), problems);
    Json peer_list = Json::array();
    for (const PeerView& peer : peers) {
      peer_list.push_back(to_json(peer));
      add_problems(peer, problems);
    }
    call->reply(Json{{"kind", "Status"},
                     {"v", 1},
                     {"agent",
                      {{"state", "running"},
                       {"pid", facts.pid},
                       {"version", facts.version},
                       {"uptime_ms", uptime.count()},
                       {"memory_bytes", resident_bytes()},
                       {"peer_id", facts.peer_id},
                       {"key", key}}},
                     {"store", store_status(stats, count_documents(services))},
                     {"peers", std::move(peer_list)},
                     {"outbox", {{"entries", 0}, {"oldest_ms", nullptr}}},
                     {"conflicts", {{"open", conflicts}}},
                     {"quarantine", {{"entries", quarantine}}},
                     {"problems", std::move(problems)}});
  });
}

void agent_stop(Services& services, CallPtr call) {
  constexpr std::uint64_t kDefaultDeadlineMs = 10'000;
  const auto deadline = number_param(*call, "deadline_ms", kDefaultDeadlineMs);
  if (!deadline) return call->fail(deadline.error());
  call->reply(Json::object());
  services.stop(std::chrono::milliseconds(*deadline));
}

}  // namespace converge::handlers
