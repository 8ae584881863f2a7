#include "agent/session/document_sync.h"

#include "agent/session/document_peers.h"
#include "core/base/assert.h"

#include <algorithm>
#include <utility>

namespace converge::session {

namespace document = document_action;

DocumentSync::DocumentSync(DocumentId id, DocumentHost& host, Options options)
    : id_(id), impl_(std::make_unique<Impl>(id, host, options)) {}

DocumentSync::~DocumentSync() = default;

void DocumentSync::connection_up(const Link& link, const Policy& policy, Time now) {
  ASSERT(!knows(link.connection));
  DocumentPeer& peer = impl_->peers[link.connection];
  peer.link = link;
  peer.policy = policy;
  if (!policy.access || (!policy.announce && !policy.ask)) return;
  peer.due = policy.announce;
  // A new source for what is missed.
  if (!impl_->is_loading && impl_->is_wanted() && !impl_->present()) impl_->search(now);
}

void DocumentSync::connection_down(ConnectionId connection, Time now) {
  const auto found = impl_->peers.find(connection);
  if (found == impl_->peers.end()) return;
  const bool was_supplier = found->second.is_supplier();
  impl_->save_shared_heads(found->second);
  impl_->peers.erase(found);
  std::erase_if(impl_->waiting, [&](const auto& entry) { return entry.first == connection; });
  if (impl_->is_loading) return;
  if (was_supplier) {
    impl_->supplier_gone(now);
  } else {
    impl_->check_search();
  }
}

bool DocumentSync::knows(ConnectionId connection) const {
  return impl_->peers.contains(connection);
}

void DocumentSync::set_policy(ConnectionId connection, const Policy& policy, Time now) {
  const auto found = impl_->peers.find(connection);
  if (found == impl_->peers.end() || found->second.policy == policy) return;
  DocumentPeer& peer = found->second;
  const bool was_supplier = peer.is_supplier();
  const bool was_active = peer.is_active();
  peer.policy = policy;
  if (!policy.access) {
    if (was_active && peer.interested) impl_->send(peer, DocUnavailable{.document = id_});
    peer.forget_session();
    if (was_supplier) impl_->supplier_gone(now);
    return impl_->check_search();
  }
  if (peer.state) {
    peer.state->set_read_only(!policy.write);
    peer.state->withhold = !policy.read;
  }
  peer.due = peer.is_active();
}

void DocumentSync::set_congested(ConnectionId connection, bool congested) {
  const auto found = impl_->peers.find(connection);
  if (found != impl_->peers.end()) found->second.congested = congested;
}

void DocumentSync::receive(ConnectionId connection, DocumentMessage message, Time now) {
  const auto found = impl_->peers.find(connection);
  ASSERT(found != impl_->peers.end());
  if (impl_->is_loading) return impl_->keep_waiting(connection, std::move(message));
  impl_->dispatch(found->second, std::move(message), now);
}

void DocumentSync::begin_loading() { impl_->is_loading = true; }

void DocumentSync::finish_loading(Time now) {
  ASSERT(impl_->is_loading);
  impl_->is_loading = false;
  impl_->waiting_bytes = 0;
  for (auto& [connection, message] : std::exchange(impl_->waiting, {})) {
    const auto peer = impl_->peers.find(connection);
    if (peer != impl_->peers.end()) impl_->dispatch(peer->second, std::move(message), now);
  }
  if (impl_->locally_wanted) find_locally(now);
}

void DocumentSync::document_changed(Time /*now*/) {
  if (impl_->is_loading || !impl_->present()) return;
  impl_->settle(true);
}

void DocumentSync::document_lost(const std::string& reason) {
  impl_->actions.clear();
  for (auto& [connection, peer] : impl_->peers) {
    if (!peer.is_active()) continue;
    peer.forget_session();
    impl_->actions.push_back(
        document::CloseConnection{connection, CloseCode::kTryAgainLater, reason});
  }
  if (std::exchange(impl_->locally_wanted, false)) {
    impl_->actions.push_back(document::SearchSettled{false});
  }
}

void DocumentSync::find_locally(Time now) {
  impl_->locally_wanted = true;
  if (impl_->is_loading || impl_->is_arriving()) return;
  if (impl_->present()) return impl_->settle(true);
  // Who lacked it then may have it now.
  for (auto& [connection, peer] : impl_->peers) peer.lacks = false;
  impl_->search(now);
}

void DocumentSync::send_ephemeral(const Ephemeral& message) {
  impl_->relay(message, /*from=*/ConnectionId{});
}

void DocumentSync::pump(Time now) {
  if (impl_->is_loading) return;
  for (auto& [connection, peer] : impl_->peers) impl_->serve(peer, now);
}

bool DocumentSync::has_work() const {
  if (impl_->is_loading) return false;
  return std::any_of(impl_->peers.begin(), impl_->peers.end(),
                     [this](const auto& entry) { return impl_->can_serve(entry.second); });
}

void DocumentSync::tick(Time now) {
  bool lost_supplier = false;
  for (auto& [connection, peer] : impl_->peers) {
    if (peer.save_at && *peer.save_at <= now) impl_->save_shared_heads(peer);
    if (peer.answer_by && *peer.answer_by <= now) peer.answer_by.reset();
    if (peer.deliver_by && *peer.deliver_by <= now) {
      peer.stop_supplying();
      lost_supplier = true;
    }
  }
  if (impl_->is_loading) return;
  if (lost_supplier) return impl_->supplier_gone(now);
  impl_->check_search();
}

std::optional<Time> DocumentSync::next_deadline() const {
  std::optional<Time> out;
  const auto consider = [&](const std::optional<Time>& time) {
    if (time && (!out || *time < *out)) out = time;
  };
  for (const auto& [connection, peer] : impl_->peers) {
    consider(peer.save_at);
    consider(peer.answer_by);
    consider(peer.deliver_by);
  }
  return out;
}

std::vector<DocumentAction> DocumentSync::take_actions() {
  return std::exchange(impl_->actions, {});
}

bool DocumentSync::is_idle() const {
  if (impl_->is_loading || impl_->locally_wanted || !impl_->actions.empty()) return false;
  return std::none_of(impl_->peers.begin(), impl_->peers.end(), [](const auto& entry) {
    return entry.second.is_active() || entry.second.answer_by || entry.second.save_at;
  });
}

bool DocumentSync::is_settled() const {
  if (impl_->is_loading || impl_->locally_wanted || !impl_->actions.empty()) return false;
  const engine::Document* held = impl_->present();
  return std::all_of(impl_->peers.begin(), impl_->peers.end(), [&](const auto& entry) {
    const DocumentPeer& peer = entry.second;
    if (peer.answer_by || peer.save_at || peer.split || peer.wants || peer.is_supplier()) {
      return false;
    }
    if (!peer.is_active()) return true;
    if (!peer.policy.announce || peer.due) return false;
    return held == nullptr || impl_->is_settled_with(peer, held);
  });
}

bool DocumentSync::Impl::is_settled_with(const DocumentPeer& peer,
                                         const engine::Document* held) const {
  if (!peer.policy.access) return true;
  // What nobody here has is owed to nobody.
  if (held == nullptr) return !peer.wants && !peer.answer_by && !peer.is_supplier();
  if (!peer.state) return false;
  // Of a peer whose changes are not taken, shared heads may be ancestors of others among them.
  const Heads& shared = peer.state->shared_heads;
  const Heads heads = held->heads();
  const bool has_ours = std::all_of(heads.begin(), heads.end(), [&shared](const ChangeHash& head) {
    return std::find(shared.begin(), shared.end(), head) != shared.end();
  });
  if (has_ours) return true;
  const bool gives_only = !peer.policy.read || peer.state->peer_read_only;
  if (!gives_only) return false;
  if (peer.lacks) return true;
  const auto& theirs = peer.state->their_heads;
  return theirs && std::all_of(theirs->begin(), theirs->end(),
                               [held](const ChangeHash& head) { return held->has_change(head); });
}

/// Exact for a few changes, else from the first of them: a figure for people is not worth more.
std::uint64_t DocumentSync::owed_bytes(ConnectionId connection) const {
  constexpr std::size_t kLookedAt = 64;
  const engine::Document* held = impl_->is_loading ? nullptr : impl_->present();
  const auto found = impl_->peers.find(connection);
  if (held == nullptr || found == impl_->peers.end()) return 0;
  const DocumentPeer& peer = found->second;
  if (!peer.policy.access || !peer.policy.read) return 0;
  const auto changes = held->changes_since(peer.state ? peer.state->shared_heads : Heads{});
  const std::size_t looked_at = std::min(changes.size(), kLookedAt);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < looked_at; ++i) {
    const auto change = held->change_bytes(changes[i]);
    if (change) bytes += change->size();
  }
  return looked_at == changes.size() ? bytes : bytes * changes.size() / looked_at;
}

std::optional<Heads> DocumentSync::heads_of(ConnectionId connection) const {
  const auto found = impl_->peers.find(connection);
  if (found == impl_->peers.end() || !found->second.policy.access) return std::nullopt;
  const DocumentPeer& peer = found->second;
  if (peer.lacks) return Heads{};
  if (!peer.state || !peer.state->their_heads) return std::nullopt;
  const Heads& said = *peer.state->their_heads;
  const engine::Document* held = impl_->is_loading ? nullptr : impl_->present();
  if (held == nullptr || !sync::peer_has_everything(*held, *peer.state)) return said;
  // It has since confirmed all of ours, and what it said before is part of that.
  const bool is_ours = std::all_of(
      said.begin(), said.end(), [held](const ChangeHash& head) { return held->has_change(head); });
  return is_ours ? held->heads() : said;
}

std::vector<LinkStatus> DocumentSync::status() const {
  std::vector<LinkStatus> out;
  const engine::Document* held = impl_->is_loading ? nullptr : impl_->present();
  for (const auto& [connection, peer] : impl_->peers) {
    LinkStatus status{.connection = connection, .active = peer.is_active()};
    if (peer.state) status.shared_heads = peer.state->shared_heads;
    status.has_everything =
        held != nullptr && peer.state && sync::peer_has_everything(*held, *peer.state);
    status.is_settled = impl_->is_settled_with(peer, held);
    out.push_back(std::move(status));
  }
  return out;
}

}  // namespace converge::session
