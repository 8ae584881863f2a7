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
  if (!policy.announce || !policy.access) return;
  peer.due = true;
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
  if (peer.state) peer.state->set_read_only(!policy.write);
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

std::vector<LinkStatus> DocumentSync::status() const {
  std::vector<LinkStatus> out;
  const engine::Document* held = impl_->is_loading ? nullptr : impl_->present();
  for (const auto& [connection, peer] : impl_->peers) {
    LinkStatus status{.connection = connection, .active = peer.is_active()};
    if (peer.state) status.shared_heads = peer.state->shared_heads;
    status.has_everything =
        held != nullptr && peer.state && sync::peer_has_everything(*held, *peer.state);
    out.push_back(std::move(status));
  }
  return out;
}

}  // namespace converge::session
