#pragma once

#include "agent/session/connection_id.h"
#include "agent/session/connection_session.h"
#include "agent/session/message.h"
#include "core/engine/document.h"
#include "core/model/document_id.h"
#include "core/model/ids.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace converge::session {

/// What one peer may do with one document (repo-protocol 7.1).
struct Policy {
  bool announce = false;  ///< we start syncing unasked, and may ask it for documents we lack
  bool access = true;     ///< false: looks to the peer exactly like a missing document
  bool read = true;       ///< false: it gets none of our changes and does not learn of them
  bool write = true;      ///< false: its changes are not applied and it is told so
  bool ask = false;       ///< may be asked for documents that we lack, also when not announced to
  bool operator==(const Policy&) const = default;
};

/// The part of a connection that a document needs to know.
struct Link {
  ConnectionId connection = {};
  std::string peer_id = {};
  /// Set for peers whose shared heads are kept (PeerInfo::is_persistent).
  std::optional<std::string> storage_id = {};
  bool reads_bundles = false;  ///< it named the capability kBundleCapability
};

/// Where the document lives. Implemented by the shard; called from within DocumentSync's functions.
class DocumentHost {
 public:
  virtual ~DocumentHost() = default;
  /// The document, read from disk when it was evicted; nullptr when there is none. A document
  /// without changes counts as none. May stay the same object from call to call or not.
  virtual engine::Document* find(const DocumentId& id) = 0;
  /// An empty document for `id`, to be filled by a peer: the same as find() where that exists.
  /// Errors (quota, policy): the peer is answered with doc-unavailable.
  virtual Result<engine::Document*> create(const DocumentId& id) = 0;
  /// Bytes of the last SaveSharedHeads for this document and storage id.
  virtual std::optional<Bytes> shared_heads(const DocumentId& id,
                                            const std::string& storage_id) = 0;
};

/// What the shard has to do, in order. Nothing here has been sent or stored yet.
namespace document_action {
/// The document in memory has taken these changes (applied, or queued as orphans): make them
/// durable, tell watchers. Every Send that stands behind this depends on them.
struct Persist {
  ConnectionId from = {};
  engine::ApplyReport report;
};
/// Hand to the network thread, in order per connection, once everything the document holds at this
/// moment is durable.
struct Send {
  ConnectionId to = {};
  DocumentMessage message;
  std::uint64_t changes = 0;  ///< that go with it, or with it and the pieces behind it
};
/// A cache: store under (document, storage id) behind the document's own data, no sync needed.
struct SaveSharedHeads {
  std::string storage_id = {};
  Bytes state = {};
};
/// The peer sent what cannot be understood; both sides have to start over.
struct CloseConnection {
  ConnectionId connection = {};
  CloseCode code = CloseCode::kProtocolError;
  std::string reason = {};
};
/// For local watchers of the document.
struct LocalEphemeral {
  Ephemeral message = {};
};
/// Answer to find_locally(): the document is there, or nobody that we could ask has it.
struct SearchSettled {
  bool available = false;
};
}  // namespace document_action
using DocumentAction =
    std::variant<document_action::Persist, document_action::Send, document_action::SaveSharedHeads,
                 document_action::CloseConnection, document_action::LocalEphemeral,
                 document_action::SearchSettled>;

/// State of one peer on one document, for status and `sync wait`.
struct LinkStatus {
  ConnectionId connection = {};
  bool active = false;          ///< it asked for the document, or we announce
  Heads shared_heads = {};      ///< both have these and all their ancestors
  bool has_everything = false;  ///< shared heads are the document's heads
  /// Nothing is owed either way, as far as the policy and the peer allow anything to go there.
  bool is_settled = false;
};

/// Everything between one document and its peers: interest, sync state per connection, search for a
/// missing document, pushes, ephemeral fan-out, split of big transfers. No I/O, no clock, no
/// sockets.
///
/// The driver's loop: call a function below; take_actions(); do them. receive() and
/// document_changed() never send by themselves: they mark peers as due, and pump() generates for
/// all of them. Call pump() when everything in the document is durable (a push then covers all
/// changes of one group commit), or call it at once and hold its Sends until it is.
///
/// Source: repo-protocol 7, 8, 10.4, 13. Cost: pump is O(peers due); the rest O(1) apart from the
/// sync algorithm itself. Shard thread only.
class DocumentSync {
 public:
  struct Options {
    Duration request_timeout = std::chrono::seconds(15);   ///< per asked peer
    Duration save_delay = std::chrono::milliseconds(100);  ///< coalesces SaveSharedHeads
    std::size_t split_above_bytes = 4u << 20;  ///< bigger transfers go in pieces, if they can
    std::size_t split_piece_bytes = 1u << 20;
    std::size_t split_window = 2;  ///< pieces under way at once
    std::size_t loading_messages_max = 64;
    std::size_t loading_bytes_max = 16u << 20;
  };

  DocumentSync(DocumentId id, DocumentHost& host, Options options);
  DocumentSync(DocumentId id, DocumentHost& host) : DocumentSync(id, host, Options{}) {}
  ~DocumentSync();
  DocumentSync(const DocumentSync&) = delete;
  DocumentSync& operator=(const DocumentSync&) = delete;

  // Connections. One that is announced to has to be added when it comes up and when this object is
  // made (it may be asked for the document, and is offered it); any other at the latest before its
  // first message. Nothing is asked of peers before the document is wanted.
  void connection_up(const Link& link, const Policy& policy, Time now);
  void connection_down(ConnectionId connection, Time now);
  bool knows(ConnectionId connection) const;
  /// Rights changed at run time: starts, stops or refuses accordingly. Unknown connections:
  /// nothing.
  void set_policy(ConnectionId connection, const Policy& policy, Time now);
  /// While set nothing is generated for it (its send queue is full); what is due stays due.
  void set_congested(ConnectionId connection, bool congested);

  // Messages. REQUIRES: knows(connection).
  void receive(ConnectionId connection, DocumentMessage message, Time now);

  // The document. Between begin_loading() and finish_loading() messages wait (bounded) and the host
  // is not asked.
  void begin_loading();
  void finish_loading(Time now);
  /// It changed by other means than receive(): local edits, import, merge, creation. `now` settles
  /// a search.
  void document_changed(Time now);
  /// What it held in memory could not be stored and is gone. Everything not yet taken or sent is
  /// forgotten; connections that were active are closed, so that both sides start over.
  void document_lost(const std::string& reason);
  /// Somebody here wants a document that we lack: ask the peers. Always ends in SearchSettled, at
  /// once when the document is there or nobody can be asked.
  void find_locally(Time now);
  /// From a local author to all peers active on the document; `sender` has to be set.
  void send_ephemeral(const Ephemeral& message);

  /// Generates what is due. Sends and SaveSharedHeads only come from here and from refusals.
  void pump(Time now);
  /// Something is waiting for pump().
  bool has_work() const;

  /// Deadlines of searches and delayed saves.
  void tick(Time now);
  std::optional<Time> next_deadline() const;

  std::vector<DocumentAction> take_actions();

  /// No peer is active, nothing is under way: the object may be destroyed.
  bool is_idle() const;
  /// Nothing is under way with any peer and nothing would be lost but time: whoever is active is
  /// announced to, hence is there again when the object is made anew.
  bool is_settled() const;
  std::vector<LinkStatus> status() const;
  /// The heads of the document as the peer has it, by its last message: none when it lacks the
  /// document, nothing when it has not said.
  std::optional<Heads> heads_of(ConnectionId connection) const;
  /// About how many bytes of our changes the peer is not known to have. Cost: by those changes.
  std::uint64_t owed_bytes(ConnectionId connection) const;
  const DocumentId& id() const { return id_; }

 private:
  struct Impl;
  DocumentId id_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::session
