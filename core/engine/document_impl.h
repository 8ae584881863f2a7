#pragma once

#include "core/crdt/change_graph.h"
#include "core/crdt/op_set.h"
#include "core/crdt/orphan_queue.h"
#include "core/engine/body_store.h"
#include "core/engine/document.h"
#include "core/engine/patch.h"
#include "core/engine/unsealed.h"
#include "core/format/chunk.h"
#include "core/model/change.h"
#include "core/model/snapshot.h"

#include <optional>
#include <span>
#include <vector>

namespace converge::engine {

/// startOp of a type-1 body: behind deps, actor and seq (automerge-format 3.1).
/// REQUIRES: a body that was verified or written by us.
std::uint32_t start_op_of(ByteView body);

/// The parts of a document and what ties them: ops, graph, orphans and bytes. Lives on the heap and
/// never moves, so views and transactions may point to it.
struct Document::Impl {
  explicit Impl(model::ActorId own) : actor(std::move(own)) {}

  crdt::OpSet ops;
  crdt::ChangeGraph graph;
  crdt::OrphanQueue orphans;
  BodyStore bodies;
  /// The graph's last changes, if they have no hash yet. Who needs hashes or bytes seals them
  /// first.
  UnsealedChanges unsealed;
  model::ActorId actor;
  bool in_transaction = false;
  /// start_op of changes that came in a document chunk without being rebuilt is only known to be
  /// above their deps' until then.
  bool exact_start_ops = true;

  // unsealed.cpp
  /// Encodes and hashes the first change that is not: what a transaction recorded for it, which is
  /// turned into that change.
  void seal(std::span<const RunStrings> strings, model::Change& recorded);
  void seal_all();

  // apply.cpp
  /// The batch's bytes must stay until it is through. All or nothing.
  Result<ApplyReport> apply(std::vector<model::ChangeEnvelope> batch);

  // load.cpp
  /// What a document chunk does not say of its changes, one entry a row. Without start_ops they are
  /// estimated.
  struct KnownChanges {
    std::vector<model::ChangeHash> hashes;
    std::vector<std::uint32_t> start_ops;
  };
  /// By rebuilding every change, which verifies the chunk (automerge-format 4.5).
  static Result<KnownChanges> rebuild(const model::Snapshot& snapshot);
  Result<void> load_snapshot(const model::Snapshot& snapshot, KnownChanges known);
  Result<void> load_stream(ByteView chunks, const LoadOptions& options);
  /// What is left of a stream; `document_loaded`: its first chunk is a document and is loaded.
  Result<ApplyReport> load_more(ByteView chunks, bool document_loaded);
  /// Only the first chunk, and only if it is a document; tells whether. REQUIRES: an empty
  /// document.
  Result<bool> load_leading_document(ByteView chunks);
  /// The changes of one chunk behind the first, appended to `out`.
  Result<void> collect(const format::Chunk& chunk, std::vector<model::ChangeEnvelope>& out) const;

  // save.cpp
  model::Snapshot snapshot() const;
  /// Makes the body of every applied change present.
  void ensure_bodies();
  Bytes chunk_of(crdt::ChangeIndex change);
  std::unique_ptr<Impl> copy(model::ActorId own) const;

  // diff.cpp
  /// Between two clocks of sequence numbers.
  Patches diff(const crdt::Clock& before, const crdt::Clock& after, TextUnit unit) const;

  /// Gives back what growing and searching left over.
  void shrink() {
    ops.shrink();
    graph.shrink();
    scratch_actors_ = {};
    scratch_deps_ = {};
  }

  // history.cpp
  /// Indices of the known ones; with `missing`, tells whether one was unknown.
  std::vector<crdt::ChangeIndex> indices_of(const Heads& heads, bool* missing = nullptr) const;
  ChangeInfo info(crdt::ChangeIndex change);
  std::vector<model::ChangeHash> dep_hashes(crdt::ChangeIndex change) const;

 private:
  void number_for_change(model::ActorIndex author, model::Change& change);
  Result<void> check_change(const model::Change& change, model::ActorIndex author,
                            std::span<const crdt::ChangeIndex> deps) const;
  std::uint32_t least_start_op(const model::ChangeRow& row,
                               const crdt::ChangeTable::NewChange& change) const;
  struct Refusal {
    std::size_t change;  ///< in the plan
    Error error;
  };
  std::optional<Refusal> apply_plan(const crdt::OrphanQueue::Plan& plan);
  Result<void> apply_one(model::Change& change);
  Result<void> number_actors(model::Change& change);
  void unapply_ops(const model::Change& change, std::size_t runs);
  void take_back(const crdt::OrphanQueue::Plan& plan, std::size_t count);

  std::vector<model::ActorIndex> scratch_actors_;
  std::vector<crdt::ChangeIndex> scratch_deps_;
};

}  // namespace converge::engine
