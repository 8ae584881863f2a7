#pragma once

#include "agent/session/document_sync.h"
#include "agent/session/transfer_split.h"
#include "core/sync/state.h"

#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

/// Internal to agent/session: what is behind DocumentSync.
namespace converge::session {

/// One peer on one document.
struct DocumentPeer {
  Link link;
  Policy policy;
  bool interested = false;  ///< sent request, sync or an ephemeral on this connection
  bool wants = false;       ///< asked for the document and has no answer yet
  bool asked = false;       ///< we asked it, at some time on this connection
  bool lacks = false;       ///< it said so
  bool due = false;         ///< pump() has to look at it
  bool congested = false;
  std::optional<sync::State> state;
  std::optional<TransferSplit> split;  ///< a transfer under way; nothing else is sent meanwhile
  std::size_t pieces_in_flight = 0;
  std::uint64_t changes_to_count = 0;  ///< go with the next message
  std::optional<Time> answer_by;       ///< we asked it and wait
  Heads promised;                      ///< supplier: heads that it has and we do not, all of them
  std::optional<Time> deliver_by;      ///< set exactly while `promised` is not empty
  Heads saved_heads;                   ///< in the last SaveSharedHeads
  std::optional<Time> save_at;

  bool is_active() const { return policy.access && (policy.announce || interested); }
  bool is_supplier() const { return !promised.empty(); }
  void stop_supplying();
  /// Back to how it was before the first message, except for its interest.
  void forget_session();
};

/// Invariants:
/// - answer_by, split, due and a state only for peers with access.
/// - While a supplier is known, only suppliers are served and nobody else is asked.
/// - Nothing is asked of the host while loading.
struct DocumentSync::Impl {
  Impl(DocumentId document_id, DocumentHost& document_host, const Options& o)
      : id(document_id), host(document_host), options(o) {}

  // Messages (document_messages.cpp).
  void keep_waiting(ConnectionId connection, DocumentMessage message);
  void dispatch(DocumentPeer& peer, DocumentMessage message, Time now);
  void take(DocumentPeer& peer, const Sync& message, Time now);
  void take(DocumentPeer& peer, const DocUnavailable& message);
  void take(DocumentPeer& peer, const Ephemeral& message);
  void take_offer(DocumentPeer& peer, const sync::Message& message, Time now);
  void take_question(DocumentPeer& peer, const sync::Message& message, bool is_request, Time now);
  /// Runs the sync algorithm on a message. False, and the connection is closed, when it makes no
  /// sense.
  bool feed(DocumentPeer& peer, engine::Document& target, const sync::Message& message, Time now);
  void relay(const Ephemeral& message, ConnectionId from);

  // Sending (document_messages.cpp).
  bool can_serve(const DocumentPeer& peer) const;
  bool is_settled_with(const DocumentPeer& peer, const engine::Document* held) const;
  void serve(DocumentPeer& peer, Time now);
  void serve_split(DocumentPeer& peer, const engine::Document& source);
  void send(DocumentPeer& peer, DocumentMessage message);
  void send_sync(DocumentPeer& peer, const sync::Message& message, bool is_request);
  void close(DocumentPeer& peer, const std::string& reason);
  sync::State& state_of(DocumentPeer& peer, const engine::Document& target);
  void note_shared_heads(DocumentPeer& peer, Time now);
  void save_shared_heads(DocumentPeer& peer);
  void make_all_due();

  // Search (document_search.cpp).
  /// The document when it is here and has changes.
  engine::Document* present() const;
  bool is_arriving() const;
  /// Somebody waits for it, or would be glad to have it.
  bool is_wanted() const;
  void search(Time now);
  void ask(DocumentPeer& peer, Time now);
  /// Settles with "no" when nobody is left to answer.
  void check_search();
  void supplier_gone(Time now);
  /// Settles when what the supplier promised is here.
  void check_arrival(DocumentPeer& peer, const engine::Document& target, Time now);
  void settle(bool available);

  DocumentId id;
  DocumentHost& host;
  Options options;
  std::map<ConnectionId, DocumentPeer> peers;
  std::vector<DocumentAction> actions;
  bool is_loading = false;
  std::deque<std::pair<ConnectionId, DocumentMessage>> waiting;  ///< for the end of loading
  std::size_t waiting_bytes = 0;
  bool locally_wanted = false;  ///< a SearchSettled is owed
};

}  // namespace converge::session
