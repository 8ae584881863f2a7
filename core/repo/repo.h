#pragma once

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/store/store.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace converge::repo {

/// Runs a task later on the thread that owns the repository. Callable from any thread.
using Post = std::function<void(std::function<void()>)>;

/// What goes to the store beside the changes of the document, in the same batch.
struct CommitRequest {
  store::Source source;
  store::Durability durability = store::Durability::kDurable;
  std::vector<store::PeerSync> peer_states;
  std::vector<store::NameEdit> names;
  std::optional<store::IdempotentResult> idempotency;
};

/// One append that the store accepted.
struct Committed {
  DocumentId document;
  bool created = false;             ///< the document was not in the store before
  std::vector<ChangeHash> changes;  ///< in application order; may be empty
  Heads before;
  Heads heads;
  store::ReceiptNumber first_receipt = 0;  ///< of `changes`, in order; 0 without changes
  store::Source source;
  std::int64_t at_ms = 0;
  bool durable = false;  ///< false only in the answer to a relaxed commit
};

using CommitDone = std::function<void(Result<Committed>)>;
using Released = std::function<void(Result<void>)>;

/// Told about every append, in the order of the log for each document. Shard thread.
class Observer {
 public:
  virtual ~Observer() = default;
  /// Durable now: may be shown to watchers and offered to peers.
  virtual void committed(const Committed& committed) = 0;
  /// An append failed: the document in memory held what the store does not, and was dropped.
  /// Whatever was derived from it and not yet released must be forgotten.
  virtual void dropped(const DocumentId& document, const Error& error) = 0;
  virtual void removed(const DocumentId& document) = 0;
  /// What is stored of the document cannot be read. It was not opened.
  virtual void damaged(const DocumentId&, const Error&) {}
};

/// The documents of one shard: loaded on demand, changed by one thread, appended to the store,
/// evicted least recently used first.
///
/// Invariants:
/// - A document in memory holds everything that was submitted to the store for it, and nothing that
///   was refused: when an append fails, the document is dropped and the next open reads the store.
/// - Appends of one document are pipelined: commit() does not wait for the one before.
/// - An answer that derives from a document's state goes through when_durable() or CommitDone, so
/// it
///   leaves only after the store holds all of that state.
/// - A document with appends or answers under way is not evicted.
/// - Local changes are made by an actor that is fresh per process and document, and again after an
///   append whose outcome is unknown (store.md 10).
///
/// Costs: open of a document in memory O(1), else a blocking read and parse. Shard thread only.
class Repo {
 public:
  struct Options {
    std::size_t cache_bytes = 128u << 20;
    std::size_t actors_max = 100'000;  ///< actors remembered for evicted documents
    /// The document's entry in the conflict index (conflict_index.h), which is stored with every
    /// change that may alter it. Empty: no index is kept. Cost of a call: O(document).
    std::function<Bytes(const DocumentId&, const engine::Document&)> conflicts = {};
  };

  /// All of them outlive the repository. `post` must not run the task before it returns.
  Repo(store::Store& store, const Clock& clock, Random& random, Post post, Observer& observer,
       Options options);
  ~Repo();
  Repo(const Repo&) = delete;
  Repo& operator=(const Repo&) = delete;

  /// The document, for reading and for changes that commit() will pick up. The pointer is good
  /// until the next call of open, create or remove, or until the task returns to the shard's loop.
  /// Errors: kNotFound ("doc.not_found"; also for deleted documents), kCorrupt, kIo.
  Result<engine::Document*> open(const DocumentId& id);

  /// Shows the document to `look`. One that is not open is read, and stays open only where the
  /// cache has room for it: whoever looks at everything pushes nothing out. Errors: as open.
  Result<void> peek(const DocumentId& id, const std::function<void(const engine::Document&)>& look);

  /// An empty document that does not exist yet; nothing is stored before the first commit(), and a
  /// document without changes is forgotten by it. `actor` makes the first commit's changes,
  /// nothing: a fresh one. Errors: kConflict ("doc.exists"), kNotFound when it was deleted, kIo.
  Result<engine::Document*> create(const DocumentId& id, std::optional<ActorId> actor = {});

  /// Appends what the document gained since the last commit: applied changes, orphans. Without any,
  /// and with nothing in `request`, `done` waits like when_durable(). REQUIRES: the document is
  /// open.
  void commit(const DocumentId& id, CommitRequest request, CommitDone done);

  /// Calls `released` once everything that the document holds now is durable: from the loop, never
  /// before this returns, in the order of the calls. With an error when the document was dropped.
  /// A document that is not in memory has nothing that is not durable.
  void when_durable(const DocumentId& id, Released released);

  /// Everything that the document holds is durable already, and no earlier answer waits.
  bool is_durable(const DocumentId& id) const;

  /// Forgets a document that create() made and commit() has not stored; does nothing to any other.
  /// (An edit that fails rolls its own transaction back.)
  void discard(const DocumentId& id);

  /// Stores the document's entry in the conflict index and its number of actors anew, for stores
  /// and documents that have none yet. Relaxed. REQUIRES: the document is open.
  void reindex(const DocumentId& id, CommitDone done);

  /// The store was repaired under the document: what it lost is given back from memory, where it
  /// still is, and what memory does not have is gone from it, too. Does nothing to a document that
  /// is not open, or with appends under way (they will fail, and it is dropped): then false, and
  /// `done` is not called.
  bool refresh(const DocumentId& id, CommitDone done);

  /// Tombstone in the store; the document is closed. Errors: those of store::Store::remove.
  void remove(const DocumentId& id, store::Source by, Released done);

  /// In memory or in the store, and not deleted.
  Result<bool> exists(const DocumentId& id);
  /// As stored; includes nothing that is under way.
  Result<store::DocumentHeader> header(const DocumentId& id);
  bool is_open(const DocumentId& id) const { return cells_.contains(id); }
  /// Changes known to be missing of an open document that is degraded; nothing when it is whole.
  std::optional<std::size_t> missing_changes(const DocumentId& id) const;

  std::size_t memory_bytes() const { return memory_bytes_; }
  std::size_t open_documents() const { return cells_.size(); }

 private:
  struct Cell;
  struct Pending;
  using CellPtr = std::shared_ptr<Cell>;

  CellPtr find(const DocumentId& id);
  struct Loaded;
  Result<Loaded> read(const DocumentId& id);
  Result<CellPtr> load(const DocumentId& id);
  CellPtr adopt(const DocumentId& id, Loaded loaded);
  CellPtr insert(const DocumentId& id, engine::Document document);
  ActorId actor_for(const DocumentId& id);
  void remember_actor(const Cell& cell);
  store::DocumentAppend collect(Cell& cell);
  std::optional<std::vector<ChangeHash>> lessen_missing(Cell& cell);
  std::optional<Bytes> index_entry(Cell& cell, const std::vector<store::NewChange>& fresh);
  bool submit_overflow(const CellPtr& cell, store::DocumentAppend& part,
                       const store::Source& source, store::Durability durability);
  void submit(const CellPtr& cell, store::Append append, store::Durability durability,
              CommitDone done);
  void written(const CellPtr& cell, std::uint64_t ticket, Result<store::AppendResult> result);
  void made_durable(const CellPtr& cell, std::uint64_t ticket);
  void failed(const CellPtr& cell, std::uint64_t ticket, const Error& error);
  void forget(const CellPtr& cell);
  void account(Cell& cell);
  void trim(const Cell* keep);

  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  Post post_;
  Observer& observer_;
  Options options_;
  std::unordered_map<DocumentId, CellPtr, DocumentIdHasher> cells_;
  std::list<DocumentId> recent_;  ///< most recently used first
  std::unordered_map<DocumentId, ActorId, DocumentIdHasher> actors_;
  std::size_t memory_bytes_ = 0;
  std::shared_ptr<bool> alive_;  ///< callbacks of the store may come after our end
};

}  // namespace converge::repo
