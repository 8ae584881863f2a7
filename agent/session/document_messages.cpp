#include "agent/session/document_peers.h"
#include "core/base/assert.h"
#include "core/sync/message.h"

#include <algorithm>
#include <utility>

namespace converge::session {

namespace document = document_action;

void DocumentSync::Impl::keep_waiting(ConnectionId connection, DocumentMessage message) {
  const std::size_t bytes = size_of(message);
  const bool fits = waiting.size() < options.loading_messages_max &&
                    waiting_bytes + bytes <= options.loading_bytes_max;
  if (!fits) {
    // A gap would wedge the session, so both sides start over.
    actions.push_back(document::CloseConnection{connection, CloseCode::kTryAgainLater,
                                                "too much sent while the document is loading"});
    return;
  }
  waiting_bytes += bytes;
  waiting.emplace_back(connection, std::move(message));
}

void DocumentSync::Impl::dispatch(DocumentPeer& peer, DocumentMessage message, Time now) {
  if (const auto* s = std::get_if<Sync>(&message)) {
    take(peer, *s, now);
  } else if (const auto* unavailable = std::get_if<DocUnavailable>(&message)) {
    take(peer, *unavailable);
  } else if (const auto* ephemeral = std::get_if<Ephemeral>(&message)) {
    take(peer, *ephemeral);
  }  // a Fetch is answered by whoever drives this object
}

void DocumentSync::Impl::take(DocumentPeer& peer, const Sync& message, Time now) {
  // Marked even when access is denied, so that a later grant starts the sync.
  peer.interested = true;
  if (!peer.policy.access) return send(peer, DocUnavailable{.document = id});
  const auto decoded = sync::decode_message(message.data);
  if (!decoded) return close(peer, "sync message: " + decoded.error().message);

  engine::Document* held = present();
  // Who gets nothing and has nothing may as well hear that there is nothing.
  if (!peer.policy.read && decoded->heads.empty())
    return send(peer, DocUnavailable{.document = id});
  if (held != nullptr && !is_arriving()) {
    feed(peer, *held, *decoded, now);
  } else if (!decoded->heads.empty()) {
    take_offer(peer, *decoded, now);
  } else {
    take_question(peer, *decoded, message.request, now);
  }
}

/// It has something and we do not: fill an empty document from it.
void DocumentSync::Impl::take_offer(DocumentPeer& peer, const sync::Message& message, Time now) {
  peer.wants = false;
  peer.lacks = false;
  peer.answer_by.reset();
  if (!peer.policy.write) return send(peer, DocUnavailable{.document = id});
  const auto target = host.create(id);
  if (!target) {
    send(peer, DocUnavailable{.document = id});
    return check_search();
  }
  peer.promised = message.heads;
  peer.deliver_by = now + options.request_timeout;
  if (feed(peer, **target, message, now)) check_arrival(peer, **target, now);
}

/// It has nothing either. Only `request` is certain to be a question: stock servers say "I have
/// nothing" with an empty `sync`, before or after doc-unavailable.
void DocumentSync::Impl::take_question(DocumentPeer& peer, const sync::Message& message,
                                       bool is_request, Time now) {
  if (peer.asked && !is_request) return;
  // The state has to know what the peer said, for the day the document is here.
  sync::Message said = message;
  said.changes.clear();
  engine::Document nothing{ActorId{}};
  if (!feed(peer, nothing, said, now)) return;
  peer.due = false;
  peer.stop_supplying();
  peer.answer_by.reset();  // who asks us does not have it
  peer.wants = true;
  search(now);
}

bool DocumentSync::Impl::feed(DocumentPeer& peer, engine::Document& target,
                              const sync::Message& message, Time now) {
  sync::State& state = state_of(peer, target);
  const auto report = sync::receive(target, state, message);
  if (!report) {
    close(peer, "changes: " + report.error().message);
    return false;
  }
  if (peer.pieces_in_flight > 0) --peer.pieces_in_flight;
  if (!report->applied.empty() || !report->queued.empty()) {
    actions.push_back(document::Persist{peer.link.connection, *report});
    make_all_due();
  }
  peer.wants = false;
  peer.lacks = false;
  peer.due = true;
  note_shared_heads(peer, now);
  return true;
}

void DocumentSync::Impl::take(DocumentPeer& peer, const DocUnavailable& /*message*/) {
  if (present() != nullptr && !is_arriving()) {
    peer.lacks = !peer.policy.read;  // it has nothing for us, which settles it
    return;
  }
  peer.lacks = true;
  peer.answer_by.reset();
  peer.stop_supplying();
  check_search();
}

void DocumentSync::Impl::take(DocumentPeer& peer, const Ephemeral& message) {
  if (!peer.policy.access || present() == nullptr) return;
  if (!std::exchange(peer.interested, true)) peer.due = true;
  relay(message, peer.link.connection);
  actions.push_back(document::LocalEphemeral{message});
}

void DocumentSync::Impl::relay(const Ephemeral& message, ConnectionId from) {
  for (auto& [connection, peer] : peers) {
    const bool is_source = connection == from || peer.link.peer_id == message.sender;
    const bool may_have = peer.is_active() && peer.policy.read;
    if (!is_source && may_have && !peer.congested) send(peer, message);
  }
}

bool DocumentSync::Impl::can_serve(const DocumentPeer& peer) const {
  if (!peer.is_active() || peer.congested) return false;
  if (is_arriving() && !peer.is_supplier()) return false;
  if (peer.split) return peer.pieces_in_flight < options.split_window;
  return peer.due;
}

void DocumentSync::Impl::serve(DocumentPeer& peer, Time now) {
  if (!can_serve(peer)) return;
  engine::Document* source = present();
  if (source == nullptr && peer.is_supplier()) {
    const auto target = host.create(id);
    if (target) source = *target;
  }
  if (source == nullptr) {
    // Its arrival makes everybody due again.
    peer.due = false;
    return;
  }
  if (peer.split) {
    serve_split(peer, *source);
    if (!can_serve(peer)) return;
  }
  peer.due = false;
  sync::State& state = state_of(peer, *source);
  const std::size_t sent_before = state.sent_hashes.size();
  auto message = sync::generate(*source, state);
  peer.changes_to_count += state.sent_hashes.size() - sent_before;
  note_shared_heads(peer, now);
  if (!message) return;
  peer.split = TransferSplit::make(*message, *source, options.split_above_bytes);
  // Somebody who seems to have nothing asks; otherwise a stock peer would take it for an answer.
  const bool is_request = !peer.policy.read && message->heads.empty();
  if (!peer.split) return send_sync(peer, *message, is_request);
  peer.pieces_in_flight = 0;
  serve_split(peer, *source);
}

void DocumentSync::Impl::serve_split(DocumentPeer& peer, const engine::Document& source) {
  while (!peer.split->is_done() && peer.pieces_in_flight < options.split_window) {
    const auto piece = peer.split->next(source, options.split_piece_bytes);
    if (!piece) return close(peer, "the document changed under a transfer");
    ++peer.pieces_in_flight;
    send_sync(peer, *piece, /*is_request=*/false);
  }
  if (!peer.split->is_done()) return;
  peer.split.reset();
  peer.pieces_in_flight = 0;
}

void DocumentSync::Impl::send(DocumentPeer& peer, DocumentMessage message) {
  actions.push_back(document::Send{peer.link.connection, std::move(message),
                                   std::exchange(peer.changes_to_count, 0)});
}

void DocumentSync::Impl::send_sync(DocumentPeer& peer, const sync::Message& message,
                                   bool is_request) {
  send(peer, Sync{.request = is_request, .document = id, .data = sync::encode_message(message)});
}

void DocumentSync::Impl::close(DocumentPeer& peer, const std::string& reason) {
  peer.forget_session();
  peer.interested = false;  // nothing more is sent to it
  peer.policy.announce = false;
  actions.push_back(
      document::CloseConnection{peer.link.connection, CloseCode::kProtocolError, reason});
}

sync::State& DocumentSync::Impl::state_of(DocumentPeer& peer, const engine::Document& target) {
  if (peer.state) return *peer.state;
  peer.state.emplace();
  if (peer.link.storage_id) {
    const auto kept = host.shared_heads(id, *peer.link.storage_id);
    auto decoded = kept ? sync::State::decode(*kept) : Result<sync::State>(sync::State{});
    // A damaged cache costs bytes, nothing else. A head that we lost would cost round trips.
    if (decoded) peer.state = std::move(*decoded);
    std::erase_if(peer.state->shared_heads,
                  [&](const ChangeHash& hash) { return !target.has_change(hash); });
    peer.saved_heads = peer.state->shared_heads;
  }
  peer.state->set_read_only(!peer.policy.write);
  peer.state->withhold = !peer.policy.read;
  peer.state->peer_reads_bundles = peer.link.reads_bundles;
  return *peer.state;
}

void DocumentSync::Impl::note_shared_heads(DocumentPeer& peer, Time now) {
  if (!peer.link.storage_id || !peer.state || peer.save_at) return;
  if (peer.state->shared_heads == peer.saved_heads) return;
  peer.save_at = now + options.save_delay;
}

void DocumentSync::Impl::save_shared_heads(DocumentPeer& peer) {
  if (!std::exchange(peer.save_at, std::nullopt) || !peer.state || present() == nullptr) return;
  peer.saved_heads = peer.state->shared_heads;
  actions.push_back(document::SaveSharedHeads{*peer.link.storage_id, peer.state->encode()});
}

void DocumentSync::Impl::make_all_due() {
  for (auto& [connection, peer] : peers) peer.due = peer.due || peer.is_active();
}

}  // namespace converge::session
