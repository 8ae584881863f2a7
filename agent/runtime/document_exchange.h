#pragma once

#include "agent/runtime/inflow.h"
#include "agent/runtime/peer_limits.h"
#include "agent/session/connection_session.h"
#include "agent/session/document_sync.h"
#include "core/base/clock.h"
#include "core/repo/repo.h"
#include "core/store/store.h"

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace converge::runtime {

/// A connection as the shards see it.
struct PeerLink {
  session::Link link;
  std::string name;       ///< configured name, else peer id: the source of its changes
  bool announce = false;  ///< sync every document unasked, both ways
  bool ask = false;       ///< may be asked for documents that are not here
  bool read = true;       ///< it may have our changes
  bool write = true;      ///< its changes are taken
  /// Only documents with a name in one of these, and the catalog, without which nobody knows a
  /// name. Empty: all.
  std::vector<std::string> collections;
  DocumentId catalog;
  std::shared_ptr<Inflow> inflow;  ///< counts its documents, over all shards
};

/// Whether a name is in one of the collections: "todo" holds "todo/home" and "todo/old/home"; a
/// pattern holds what it matches.
bool is_in_collections(const std::vector<std::string>& collections, std::string_view name);

/// What the exchange asks of the rest of the agent. Called on the shard thread; must not call back
/// before returning.
class ExchangeOutput {
 public:
  virtual ~ExchangeOutput() = default;
  virtual void send(session::ConnectionId to, session::DocumentMessage message) = 0;
  virtual void close(session::ConnectionId connection, session::CloseCode code,
                     std::string reason) = 0;
  /// The peer and we have the same of this announced document, for the first time since announce().
  virtual void settled(session::ConnectionId connection, const DocumentId& document) = 0;
  virtual void ephemeral(const session::Ephemeral& message) = 0;
  virtual void committed(const repo::Committed& committed) = 0;
  virtual void dropped(const DocumentId& document, const Error& error) = 0;
  virtual void removed(const DocumentId& document) = 0;
  /// What is stored of the document cannot be read.
  virtual void damaged(const DocumentId&, const Error&) {}
};

/// How far one connection is, as one shard knows it.
struct ExchangeProgress {
  std::uint64_t compared = 0;  ///< documents in exchange with it
  std::uint64_t behind = 0;    ///< of those, with something owed to one side
  std::uint64_t bytes = 0;     ///< about: what is owed to the peer
  std::uint64_t changes_sent = 0, changes_received = 0;  ///< since it connected

  /// Of another shard.
  ExchangeProgress& operator+=(const ExchangeProgress& other);
};

/// The documents of one shard and their peers: drives a session::DocumentSync for each document in
/// exchange over the shard's repository, and keeps the promise that nothing is sent before it is
/// durable. No threads, no sockets. Shard thread only.
///
/// A peer that is announced to is offered documents one by one (announce(), called in windows by
/// whoever walks the store) and every document that changes here; any other peer gets what it asks
/// for (repo-protocol 7.1).
class DocumentExchange final : public session::DocumentHost, public repo::Observer {
 public:
  struct Options {
    /// Documents of which state is kept when nothing is under way for them. What is under way, or
    /// asked for by a peer that is not announced to, is kept beside.
    std::size_t settled_max = 10'000;
    std::size_t documents_per_connection_max = kDocumentsPerConnectionMax;
  };

  DocumentExchange(store::Store& store, const Clock& clock, ExchangeOutput& output,
                   Options options);
  DocumentExchange(store::Store& store, const Clock& clock, ExchangeOutput& output)
      : DocumentExchange(store, clock, output, Options{}) {}
  ~DocumentExchange() override;

  /// REQUIRES: before anything else; the repository tells its appends to this object.
  void attach(repo::Repo& repo) { repo_ = &repo; }

  void peer_up(const PeerLink& link);
  void peer_down(session::ConnectionId connection);
  void set_congested(session::ConnectionId connection, bool congested);
  void receive(session::ConnectionId connection, session::DocumentMessage message);
  /// Starts exchanging the document with the peer and reports settled() when both have the same.
  void announce(session::ConnectionId connection, const DocumentId& document);
  /// Looks for a document that is not here among the peers. `found` runs once.
  void find(const DocumentId& document, std::function<void(bool found)> found);
  void send_ephemeral(const session::Ephemeral& message);
  /// Asks the peer for exactly these changes; `got` runs once with how many of them were stored.
  using Fetched = std::function<void(Result<std::uint64_t>)>;
  void fetch(session::ConnectionId connection, const DocumentId& document,
             std::vector<ChangeHash> hashes, Fetched got);
  /// Names have changed: what peers may have is judged anew.
  void review();

  /// What peers were told of the document may not be so any more: begins anew with each of them.
  void restart(const DocumentId& document, const std::string& reason);

  void tick();
  std::optional<session::Time> next_deadline() const;

  ExchangeProgress progress(session::ConnectionId connection) const;
  /// Whether the peer is known to have everything that the document holds here.
  bool has_everything(session::ConnectionId connection, const DocumentId& document) const;
  /// Names of the peers that are known to have everything the document holds here.
  std::vector<std::string> peers_with(const DocumentId& document) const;
  /// Of every document in exchange with the peer what it has, by its last message; nothing where it
  /// has not said.
  std::map<DocumentId, std::optional<Heads>> peer_heads(session::ConnectionId connection) const;
  std::size_t documents_in_exchange() const { return documents_.size(); }

  // session::DocumentHost
  engine::Document* find(const DocumentId& id) override;
  Result<engine::Document*> create(const DocumentId& id) override;
  std::optional<Bytes> shared_heads(const DocumentId& id, const std::string& storage_id) override;

  // repo::Observer
  void committed(const repo::Committed& committed) override;
  void dropped(const DocumentId& document, const Error& error) override;
  void removed(const DocumentId& document) override;
  void damaged(const DocumentId& document, const Error& error) override;

 private:
  struct Entry {
    explicit Entry(const DocumentId& id, session::DocumentHost& host) : sync(id, host) {}
    session::DocumentSync sync;
    bool deleted = false;
    bool draining = false;
    std::optional<std::list<DocumentId>::iterator> settled;  ///< place in settled_
    std::optional<session::Time> deadline;
    std::vector<std::function<void(bool)>> searchers;
  };
  struct PeerState {
    PeerLink link;
    bool congested = false;
    std::uint64_t changes_sent = 0, changes_received = 0;
    std::unordered_set<DocumentId, DocumentIdHasher> documents;
    std::unordered_set<DocumentId, DocumentIdHasher> behind;
    std::unordered_set<DocumentId, DocumentIdHasher> unsettled;
  };

  /// A question to a peer that is not answered yet.
  struct Question {
    session::ConnectionId connection = {};
    DocumentId document;
    std::set<ChangeHash> hashes;
    session::Time until;
    Fetched got;
  };

  void answer(PeerState& peer, const session::Fetch& question);
  void take_answer(PeerState& peer, const session::Fetch& answer);
  /// Ends the questions of which `is_over` says so.
  void give_up(const std::function<bool(const Question&)>& is_over, const Error& error);
  Entry& entry_of(const DocumentId& document);
  void introduce(Entry& entry, PeerState& peer);
  bool may_have(const PeerLink& link, const DocumentId& document) const;
  session::Policy policy_of(const Entry& entry, const PeerState& peer) const;
  void drain(const DocumentId& document);
  void perform(Entry& entry, session::DocumentAction action);
  void persist(const DocumentId& document, const session::document_action::Persist& action);
  void save_shared_heads(const DocumentId& document,
                         const session::document_action::SaveSharedHeads& action);
  void update_progress(Entry& entry);
  void drop_if_idle(const DocumentId& document);
  void drop(const DocumentId& document);

  store::Store& store_;
  const Clock& clock_;
  ExchangeOutput& output_;
  Options options_;
  repo::Repo* repo_ = nullptr;
  std::unordered_map<DocumentId, std::unique_ptr<Entry>, DocumentIdHasher> documents_;
  std::map<session::ConnectionId, PeerState> peers_;
  std::set<std::pair<session::Time, DocumentId>> deadlines_;
  std::list<Question> questions_;
  std::list<DocumentId> settled_;  ///< may be dropped; longest settled first
};

}  // namespace converge::runtime
