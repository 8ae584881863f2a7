#include "agent/runtime/document_exchange.h"

#include "agent/control/pattern.h"
#include "core/codec/sha256.h"

#include <algorithm>
#include <utility>

namespace converge::runtime {

using session::ConnectionId;

namespace {

/// Stored sync state is the shared heads alone (store.md 6); on the wire side it is Automerge's
/// encoding of a sync state: 0x43, their number as LEB128, the hashes.
constexpr std::byte kSyncStateType{0x43};
constexpr std::size_t kHashBytes = 32;

Bytes encode_shared_heads(const Heads& heads) {
  Bytes out{kSyncStateType};
  std::size_t count = heads.size();
  do {
    const auto low = static_cast<unsigned char>(count & 0x7fu);
    count >>= 7;
    out.push_back(static_cast<std::byte>(low | (count != 0 ? 0x80u : 0u)));
  } while (count != 0);
  for (const ChangeHash& head : heads) out.insert(out.end(), head.bytes.begin(), head.bytes.end());
  return out;
}

/// Nothing for bytes of another form: the state is a cache, and is then not kept.
std::optional<Heads> decode_shared_heads(ByteView bytes) {
  if (bytes.empty() || bytes[0] != kSyncStateType) return std::nullopt;
  std::size_t count = 0;
  std::size_t at = 1;
  for (unsigned shift = 0;; shift += 7) {
    if (at >= bytes.size() || shift > 28) return std::nullopt;
    const auto byte = static_cast<std::size_t>(bytes[at++]);
    count |= (byte & 0x7fu) << shift;
    if (byte < 0x80u) break;
  }
  if ((bytes.size() - at) != count * kHashBytes) return std::nullopt;
  Heads heads(count);
  for (ChangeHash& head : heads) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), kHashBytes, head.bytes.begin());
    at += kHashBytes;
  }
  std::sort(heads.begin(), heads.end());
  return heads;
}

store::PeerKey key_of(const std::string& storage_id) { return codec::sha256(as_bytes(storage_id)); }

}  // namespace

bool is_in_collections(const std::vector<std::string>& collections, std::string_view name) {
  return std::any_of(collections.begin(), collections.end(), [name](const std::string& collection) {
    const bool is_below = name.size() > collection.size() && name.starts_with(collection) &&
                          name[collection.size()] == '/';
    return is_below || handlers::matches_pattern(collection, name);
  });
}

DocumentExchange::DocumentExchange(store::Store& store, const Clock& clock, ExchangeOutput& output,
                                   Options options)
    : store_(store), clock_(clock), output_(output), options_(options) {}
DocumentExchange::~DocumentExchange() = default;

void DocumentExchange::peer_up(const PeerLink& link) {
  PeerState& peer = peers_[link.link.connection];
  peer.link = link;
  if (!link.announce) return;
  std::vector<DocumentId> present;
  for (const auto& [id, entry] : documents_) {
    introduce(*entry, peer);
    present.push_back(id);
  }
  for (const DocumentId& id : present) drain(id);
}

void DocumentExchange::peer_down(ConnectionId connection) {
  const auto found = peers_.find(connection);
  if (found == peers_.end()) return;
  const PeerState peer = std::move(found->second);
  peers_.erase(found);
  give_up([connection](const Question& each) { return each.connection == connection; },
          {ErrorCode::kUnavailable, "the peer went away", "peer.unreachable"});
  for (const DocumentId& id : peer.documents) {
    const auto entry = documents_.find(id);
    if (entry == documents_.end()) continue;
    entry->second->sync.connection_down(connection, clock_.steady_now());
    drain(id);
  }
}

void DocumentExchange::set_congested(ConnectionId connection, bool congested) {
  const auto found = peers_.find(connection);
  if (found == peers_.end()) return;
  found->second.congested = congested;
  const std::vector<DocumentId> known(found->second.documents.begin(),
                                      found->second.documents.end());
  for (const DocumentId& id : known) {
    const auto entry = documents_.find(id);
    if (entry == documents_.end()) continue;
    entry->second->sync.set_congested(connection, congested);
    if (!congested) drain(id);
  }
}

void DocumentExchange::receive(ConnectionId connection, session::DocumentMessage message) {
  const auto peer = peers_.find(connection);
  if (peer == peers_.end()) return;  // it went away while the message was under way
  if (const auto* fetch = std::get_if<session::Fetch>(&message)) {
    return fetch->is_answer ? take_answer(peer->second, *fetch) : answer(peer->second, *fetch);
  }
  const DocumentId id = session::document_of(message);
  PeerState& state = peer->second;
  const bool is_counted = !state.link.announce && state.link.inflow;
  if (is_counted && !state.documents.contains(id) &&
      state.link.inflow->documents() >= options_.documents_per_connection_max) {
    if (std::holds_alternative<session::Sync>(message)) {
      output_.send(connection, session::DocUnavailable{.document = id});
    }
    return;
  }
  Entry& entry = entry_of(id);
  introduce(entry, state);
  entry.sync.receive(connection, std::move(message), clock_.steady_now());
  drain(id);
}

void DocumentExchange::announce(ConnectionId connection, const DocumentId& document) {
  const auto peer = peers_.find(connection);
  if (peer == peers_.end()) return;
  if (!may_have(peer->second.link, document)) return output_.settled(connection, document);
  peer->second.unsettled.insert(document);
  introduce(entry_of(document), peer->second);
  drain(document);
}

void DocumentExchange::find(const DocumentId& document, std::function<void(bool)> found) {
  Entry& entry = entry_of(document);
  entry.searchers.push_back(std::move(found));
  entry.sync.find_locally(clock_.steady_now());
  drain(document);
}

void DocumentExchange::send_ephemeral(const session::Ephemeral& message) {
  entry_of(message.document).sync.send_ephemeral(message);
  drain(message.document);
}

void DocumentExchange::review() {
  for (auto& [connection, peer] : peers_) {
    if (peer.link.collections.empty()) continue;
    const std::vector<DocumentId> known(peer.documents.begin(), peer.documents.end());
    for (const DocumentId& id : known) {
      const auto entry = documents_.find(id);
      if (entry == documents_.end()) continue;
      entry->second->sync.set_policy(connection, policy_of(*entry->second, peer),
                                     clock_.steady_now());
      drain(id);
    }
  }
}

void DocumentExchange::tick() {
  const session::Time now = clock_.steady_now();
  give_up([now](const Question& each) { return each.until <= now; },
          {ErrorCode::kTimeout, "the peer did not answer", "timeout"});
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const DocumentId id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    const auto found = documents_.find(id);
    if (found == documents_.end()) continue;
    found->second->deadline.reset();
    found->second->sync.tick(now);
    drain(id);
  }
}

std::optional<session::Time> DocumentExchange::next_deadline() const {
  std::optional<session::Time> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  for (const Question& question : questions_)
    next = std::min(next.value_or(question.until), question.until);
  return next;
}

ExchangeProgress& ExchangeProgress::operator+=(const ExchangeProgress& other) {
  compared += other.compared;
  behind += other.behind;
  bytes += other.bytes;
  changes_sent += other.changes_sent;
  changes_received += other.changes_received;
  return *this;
}

ExchangeProgress DocumentExchange::progress(ConnectionId connection) const {
  const auto found = peers_.find(connection);
  if (found == peers_.end()) return {};
  // A figure for people, asked for often: a few documents stand for all of them.
  constexpr std::size_t kLookedAt = 64;
  const PeerState& peer = found->second;
  std::uint64_t bytes = 0;
  std::size_t looked_at = 0;
  for (const DocumentId& id : peer.behind) {
    if (looked_at == kLookedAt) break;
    const auto entry = documents_.find(id);
    if (entry == documents_.end()) continue;
    bytes += entry->second->sync.owed_bytes(connection);
    ++looked_at;
  }
  if (looked_at > 0) bytes = bytes * peer.behind.size() / looked_at;
  return {.compared = peer.documents.size(),
          .behind = peer.behind.size(),
          .bytes = bytes,
          .changes_sent = peer.changes_sent,
          .changes_received = peer.changes_received};
}

bool DocumentExchange::has_everything(ConnectionId connection, const DocumentId& document) const {
  const auto found = documents_.find(document);
  if (found == documents_.end()) return false;
  const auto links = found->second->sync.status();
  return std::any_of(links.begin(), links.end(), [connection](const session::LinkStatus& link) {
    return link.connection == connection && link.has_everything;
  });
}

std::vector<std::string> DocumentExchange::peers_with(const DocumentId& document) const {
  std::vector<std::string> names;
  for (const auto& [connection, peer] : peers_) {
    if (has_everything(connection, document)) names.push_back(peer.link.name);
  }
  return names;
}

std::map<DocumentId, std::optional<Heads>> DocumentExchange::peer_heads(
    ConnectionId connection) const {
  std::map<DocumentId, std::optional<Heads>> out;
  const auto found = peers_.find(connection);
  if (found == peers_.end()) return out;
  for (const DocumentId& id : found->second.documents) {
    const auto entry = documents_.find(id);
    if (entry != documents_.end()) out.emplace(id, entry->second->sync.heads_of(connection));
  }
  return out;
}

engine::Document* DocumentExchange::find(const DocumentId& id) {
  const auto document = repo_->open(id);
  if (!document || ((*document)->heads().empty() && (*document)->orphans().empty())) return nullptr;
  return *document;
}

Result<engine::Document*> DocumentExchange::create(const DocumentId& id) {
  auto document = repo_->open(id);
  if (document || document.error().code != ErrorCode::kNotFound) return document;
  return repo_->create(id);
}

std::optional<Bytes> DocumentExchange::shared_heads(const DocumentId& id,
                                                    const std::string& storage_id) {
  const auto state = store_.peer_state(id, key_of(storage_id));
  if (!state || !*state) return std::nullopt;
  return encode_shared_heads((*state)->shared_heads);
}

void DocumentExchange::committed(const repo::Committed& committed) {
  output_.committed(committed);
  const bool anybody = std::any_of(peers_.begin(), peers_.end(),
                                   [](const auto& peer) { return peer.second.link.announce; });
  // Without an entry only peers that are announced to can want it.
  if (!documents_.contains(committed.document) && !anybody) return;
  Entry& entry = entry_of(committed.document);
  if (committed.source.is_local()) entry.sync.document_changed(clock_.steady_now());
  drain(committed.document);
}

void DocumentExchange::dropped(const DocumentId& document, const Error& error) {
  output_.dropped(document, error);
  // What the peers were told may speak of changes that are not there any more.
  restart(document, "a write failed here; starting over");
}

void DocumentExchange::restart(const DocumentId& document, const std::string& reason) {
  const auto found = documents_.find(document);
  if (found == documents_.end()) return;
  for (const session::LinkStatus& status : found->second->sync.status()) {
    output_.close(status.connection, session::CloseCode::kTryAgainLater, reason);
  }
}

void DocumentExchange::damaged(const DocumentId& document, const Error& error) {
  output_.damaged(document, error);
}

void DocumentExchange::removed(const DocumentId& document) {
  output_.removed(document);
  const auto found = documents_.find(document);
  if (found == documents_.end()) return;
  found->second->deleted = true;
  for (auto& [connection, peer] : peers_) {
    if (!peer.documents.contains(document)) continue;
    found->second->sync.set_policy(connection, policy_of(*found->second, peer),
                                   clock_.steady_now());
  }
  drain(document);
}

DocumentExchange::Entry& DocumentExchange::entry_of(const DocumentId& document) {
  const auto found = documents_.find(document);
  if (found != documents_.end()) return *found->second;
  auto made = std::make_unique<Entry>(document, *this);
  const auto tombstone = store_.tombstone(document);
  made->deleted = tombstone && tombstone->has_value();
  Entry& entry = *documents_.emplace(document, std::move(made)).first->second;
  for (auto& [connection, peer] : peers_) {
    if (peer.link.announce || peer.link.ask) introduce(entry, peer);
  }
  return entry;
}

void DocumentExchange::introduce(Entry& entry, PeerState& peer) {
  const ConnectionId connection = peer.link.link.connection;
  if (entry.sync.knows(connection)) return;
  peer.documents.insert(entry.sync.id());
  // Over its limit by what it did not ask for: receive() takes nothing new from it then.
  if (peer.link.inflow) peer.link.inflow->count_document();
  peer.behind.insert(entry.sync.id());
  entry.sync.connection_up(peer.link.link, policy_of(entry, peer), clock_.steady_now());
  if (peer.congested) entry.sync.set_congested(connection, true);
}

bool DocumentExchange::may_have(const PeerLink& link, const DocumentId& document) const {
  if (link.collections.empty() || document == link.catalog) return true;
  const auto names = store_.names_of(document);
  return names && std::any_of(names->begin(), names->end(), [&link](const std::string& name) {
           return is_in_collections(link.collections, name);
         });
}

/// A deleted document looks like one that never was (repo-protocol 14).
session::Policy DocumentExchange::policy_of(const Entry& entry, const PeerState& peer) const {
  session::Policy policy;
  policy.access = !entry.deleted && may_have(peer.link, entry.sync.id());
  policy.announce = peer.link.announce && policy.access;
  policy.ask = peer.link.ask && policy.access;
  policy.read = peer.link.read;
  policy.write = peer.link.write && policy.access;
  return policy;
}

/// Does what the document's machine asks for, until it asks for nothing more.
void DocumentExchange::drain(const DocumentId& document) {
  const auto found = documents_.find(document);
  if (found == documents_.end() || found->second->draining) return;
  Entry& entry = *found->second;
  entry.draining = true;
  entry.sync.pump(clock_.steady_now());
  for (auto actions = entry.sync.take_actions(); !actions.empty();
       actions = entry.sync.take_actions()) {
    for (session::DocumentAction& action : actions) perform(entry, std::move(action));
    entry.sync.pump(clock_.steady_now());
  }
  entry.draining = false;
  update_progress(entry);
  const auto deadline = entry.sync.next_deadline();
  if (deadline != entry.deadline) {
    if (entry.deadline) deadlines_.erase({*entry.deadline, document});
    if (deadline) deadlines_.emplace(*deadline, document);
    entry.deadline = deadline;
  }
  drop_if_idle(document);
}

void DocumentExchange::perform(Entry& entry, session::DocumentAction action) {
  const DocumentId& id = entry.sync.id();
  if (const auto* persisted = std::get_if<session::document_action::Persist>(&action)) {
    persist(id, *persisted);
  } else if (auto* send = std::get_if<session::document_action::Send>(&action)) {
    repo_->when_durable(id, [this, to = send->to, changes = send->changes,
                             message = std::move(send->message)](Result<void> released) mutable {
      const auto peer = peers_.find(to);
      // When the append failed, dropped() has closed the connection.
      if (!released || peer == peers_.end()) return;
      peer->second.changes_sent += changes;
      output_.send(to, std::move(message));
    });
  } else if (const auto* save = std::get_if<session::document_action::SaveSharedHeads>(&action)) {
    save_shared_heads(id, *save);
  } else if (auto* close = std::get_if<session::document_action::CloseConnection>(&action)) {
    output_.close(close->connection, close->code, std::move(close->reason));
  } else if (const auto* local = std::get_if<session::document_action::LocalEphemeral>(&action)) {
    output_.ephemeral(local->message);
  } else if (const auto* settled = std::get_if<session::document_action::SearchSettled>(&action)) {
    const auto searchers = std::exchange(entry.searchers, {});
    for (const auto& searcher : searchers) searcher(settled->available);
  }
}

void DocumentExchange::persist(const DocumentId& document,
                               const session::document_action::Persist& action) {
  if (!repo_->is_open(document)) return;  // it was dropped meanwhile
  repo::CommitRequest request;
  const auto peer = peers_.find(action.from);
  request.source.peer = peer == peers_.end() ? "unknown" : peer->second.link.name;
  if (peer != peers_.end()) peer->second.changes_received += action.report.applied.size();
  repo_->commit(document, std::move(request), [](const Result<repo::Committed>&) {
    // A failure reaches dropped(), which starts the connections over.
  });
}

void DocumentExchange::save_shared_heads(const DocumentId& document,
                                         const session::document_action::SaveSharedHeads& action) {
  auto heads = decode_shared_heads(action.state);
  if (!heads) return;
  const auto exists = repo_->exists(document);
  if (!exists || !*exists) return;
  store_.put_peer_state(document, {key_of(action.storage_id), std::move(*heads)},
                        [](const Result<store::CommitNumber>&) {
                          // A cache: losing it costs a round trip.
                        });
}

void DocumentExchange::update_progress(Entry& entry) {
  const DocumentId& id = entry.sync.id();
  for (const session::LinkStatus& status : entry.sync.status()) {
    const auto found = peers_.find(status.connection);
    if (found == peers_.end()) continue;
    PeerState& peer = found->second;
    if (!status.is_settled && !entry.deleted) {
      peer.behind.insert(id);
      continue;
    }
    peer.behind.erase(id);
    if (peer.unsettled.erase(id) > 0) output_.settled(status.connection, id);
  }
}

void DocumentExchange::drop_if_idle(const DocumentId& document) {
  const auto found = documents_.find(document);
  if (found == documents_.end() || found->second->draining) return;
  // An empty document that a peer was about to fill and did not.
  if (repo_->is_open(document)) repo_->discard(document);
  Entry& entry = *found->second;
  const bool is_busy = !entry.searchers.empty() || entry.sync.has_work();
  if (!is_busy && entry.sync.is_idle()) return drop(document);
  if (entry.settled) settled_.erase(*std::exchange(entry.settled, std::nullopt));
  if (is_busy || !entry.sync.is_settled()) return;
  entry.settled = settled_.insert(settled_.end(), document);
  while (settled_.size() > options_.settled_max) drop(DocumentId(settled_.front()));
}

void DocumentExchange::drop(const DocumentId& document) {
  const auto found = documents_.find(document);
  Entry& entry = *found->second;
  if (entry.settled) settled_.erase(*entry.settled);
  for (auto& [connection, peer] : peers_) {
    if (!peer.documents.contains(document)) continue;
    peer.documents.erase(document);
    if (peer.link.inflow) peer.link.inflow->release_document();
    peer.behind.erase(document);
    if (peer.unsettled.erase(document) > 0) output_.settled(connection, document);
  }
  if (entry.deadline) deadlines_.erase({*entry.deadline, document});
  documents_.erase(found);
}

}  // namespace converge::runtime
