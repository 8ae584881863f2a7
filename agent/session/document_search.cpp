#include "agent/session/document_peers.h"
#include "core/sync/state.h"

#include <algorithm>
#include <utility>

namespace converge::session {

namespace document = document_action;

void DocumentPeer::stop_supplying() {
  promised.clear();
  deliver_by.reset();
}

void DocumentPeer::forget_session() {
  stop_supplying();
  state.reset();
  split.reset();
  pieces_in_flight = 0;
  answer_by.reset();
  save_at.reset();
  wants = false;
  due = false;
}

engine::Document* DocumentSync::Impl::present() const {
  engine::Document* found = host.find(id);
  return found != nullptr && found->change_count() > 0 ? found : nullptr;
}

bool DocumentSync::Impl::is_arriving() const {
  return std::any_of(peers.begin(), peers.end(),
                     [](const auto& entry) { return entry.second.is_supplier(); });
}

bool DocumentSync::Impl::is_wanted() const {
  return locally_wanted || std::any_of(peers.begin(), peers.end(), [](const auto& entry) {
           return entry.second.policy.access && entry.second.interested;
         });
}

void DocumentSync::Impl::search(Time now) {
  // Wanters are answered when the supplier has delivered; nobody else is bothered meanwhile.
  if (is_arriving()) return;
  for (auto& [connection, peer] : peers) {
    const bool may_ask = peer.policy.announce || peer.policy.ask;
    const bool can_ask = may_ask && peer.policy.access && !peer.wants;
    if (can_ask && !peer.lacks && !peer.answer_by) ask(peer, now);
  }
  check_search();
}

void DocumentSync::Impl::ask(DocumentPeer& peer, Time now) {
  const engine::Document nothing{ActorId{}};
  auto question = sync::generate(nothing, state_of(peer, nothing));
  if (!question) {
    // The last question of this session was never answered: ask as if for the first time.
    peer.state.reset();
    question = sync::generate(nothing, state_of(peer, nothing));
  }
  if (!question) return;
  peer.asked = true;
  peer.answer_by = now + options.request_timeout;
  send_sync(peer, *question, /*is_request=*/true);
}

void DocumentSync::Impl::check_search() {
  const bool is_open = std::any_of(peers.begin(), peers.end(), [](const auto& entry) {
    return entry.second.answer_by || entry.second.is_supplier();
  });
  if (is_open) return;
  const bool anybody_waits =
      locally_wanted ||
      std::any_of(peers.begin(), peers.end(), [](const auto& entry) { return entry.second.wants; });
  if (anybody_waits) settle(present() != nullptr);
}

void DocumentSync::Impl::supplier_gone(Time now) {
  if (is_arriving()) return;  // there is another one
  if (present() != nullptr) return settle(true);
  if (is_wanted()) search(now);
}

void DocumentSync::Impl::check_arrival(DocumentPeer& peer, const engine::Document& target,
                                       Time now) {
  if (!peer.is_supplier()) return;
  const bool is_here = std::all_of(peer.promised.begin(), peer.promised.end(),
                                   [&](const ChangeHash& hash) { return target.has_change(hash); });
  if (!is_here) {
    peer.deliver_by = now + options.request_timeout;
    return;
  }
  settle(true);
}

void DocumentSync::Impl::settle(bool available) {
  for (auto& [connection, peer] : peers) {
    peer.stop_supplying();
    peer.answer_by.reset();
    const bool was_waiting = std::exchange(peer.wants, false);
    if (was_waiting && !available) send(peer, DocUnavailable{.document = id});
  }
  if (available) make_all_due();
  if (std::exchange(locally_wanted, false)) {
    actions.push_back(document::SearchSettled{available});
  }
}

}  // namespace converge::session
