#include "agent/session/peer_registry.h"

#include "core/base/assert.h"

#include <algorithm>
#include <utility>

namespace converge::session {

PeerRegistry::PeerRegistry(std::string own_id, Options options)
    : own_id_(std::move(own_id)), options_(options) {}

PeerRegistry::Decision PeerRegistry::admit(const Candidate& candidate, Time now) {
  using Kind = Decision::Kind;
  if (candidate.peer_id == own_id_) return {Kind::kOwnId, std::nullopt};

  const auto found = by_peer_.find(candidate.peer_id);
  if (found == by_peer_.end()) {
    by_connection_[candidate.connection] = candidate.peer_id;
    by_peer_[candidate.peer_id] = candidate;
    return {Kind::kAdmit, std::nullopt};
  }

  Candidate& current = found->second;
  if (current.role != candidate.role) {
    // Both dialled each other. The one dialled by the smaller id stays, whichever came first.
    const bool we_are_smaller = own_id_ < candidate.peer_id;
    const Role kept = we_are_smaller ? Role::kClient : Role::kServer;
    if (candidate.role != kept) return {Kind::kDuplicate, std::nullopt};
  } else if (is_flapping(candidate, current, now)) {
    return {Kind::kFlapping, std::nullopt};
  }
  const ConnectionId displaced = current.connection;
  by_connection_.erase(displaced);
  by_connection_[candidate.connection] = candidate.peer_id;
  current = candidate;
  return {Kind::kAdmit, displaced};
}

void PeerRegistry::remove(ConnectionId connection) {
  const auto found = by_connection_.find(connection);
  if (found == by_connection_.end()) return;
  const auto peer = by_peer_.find(found->second);
  ASSERT(peer != by_peer_.end() && peer->second.connection == connection);
  by_peer_.erase(peer);
  by_connection_.erase(found);
}

std::optional<ConnectionId> PeerRegistry::find(const std::string& peer_id) const {
  const auto found = by_peer_.find(peer_id);
  if (found == by_peer_.end()) return std::nullopt;
  return found->second.connection;
}

bool PeerRegistry::is_flapping(const Candidate& candidate, const Candidate& current, Time now) {
  // One device that reconnects over a half-dead connection is no fight: same place, same storage.
  const bool same_origin =
      candidate.address == current.address && candidate.storage_id == current.storage_id;
  if (same_origin && !candidate.storage_id.empty()) return false;

  forget_old_history(now);
  History& history = history_[candidate.peer_id];
  history.last_used = now;
  if (history.refuse_until && now < *history.refuse_until) return true;
  std::erase_if(history.displacements, [&](Time at) { return at + options_.flap_window <= now; });
  if (history.displacements.size() >= options_.flap_displacements_max) {
    history.refuse_until = now + options_.flap_penalty;
    return true;
  }
  history.displacements.push_back(now);
  return false;
}

void PeerRegistry::forget_old_history(Time now) {
  if (history_.size() < options_.flap_records_max) return;
  const Duration lifetime = options_.flap_window + options_.flap_penalty;
  std::erase_if(history_,
                [&](const auto& entry) { return entry.second.last_used + lifetime <= now; });
  if (history_.size() < options_.flap_records_max) return;
  const auto oldest = std::min_element(
      history_.begin(), history_.end(),
      [](const auto& a, const auto& b) { return a.second.last_used < b.second.last_used; });
  history_.erase(oldest);
}

}  // namespace converge::session
