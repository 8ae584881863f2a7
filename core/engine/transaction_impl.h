#pragma once

#include "core/crdt/clock.h"
#include "core/engine/document_impl.h"
#include "core/engine/reader.h"
#include "core/engine/unsealed.h"
#include "core/model/change.h"

#include <optional>
#include <string_view>
#include <vector>

namespace converge::engine {

/// A local change in the making: edits are turned into op runs, applied at once and recorded, so
/// that commit encodes columns straight from runs and rollback takes them back in reverse.
///
/// Its memory is that of an earlier transaction of the same thread: one keystroke is one
/// transaction, and would otherwise spend its time allocating.
struct Transaction::Impl {
  static std::unique_ptr<Impl> begin(Document::Impl& owner);
  /// As if at these heads (automerge-format 7.6).
  static std::unique_ptr<Impl> begin_at(Document::Impl& owner, const Heads& at,
                                        const crdt::Clock& seqs_of_heads);
  /// Rolls back what was not committed and keeps the memory for the next one.
  static void end(std::unique_ptr<Impl> ended);

  Reader reader() const { return {document->ops, clock ? &*clock : nullptr}; }

  // edit.cpp
  struct Target {
    model::OpRun run;  ///< object and key set
    std::vector<VisibleOp> visible;
  };
  Result<const crdt::Object*> object(ObjId id) const;
  Result<const crdt::Object*> sequence(ObjId id) const;
  /// The register that a prop names; an absent map key has no visible ops.
  Result<Target> target(ObjId id, const Prop& prop) const;
  Result<OpId> write(Target target, model::Action action, model::ScalarRef value);
  Result<void> erase_ops(Target target, std::vector<OpId> preds);
  Result<OpId> insert_op(ObjId list, std::size_t index, model::Action action,
                         model::ScalarRef value);

  // text_edit.cpp
  Result<void> splice(ObjId text, std::size_t index, std::size_t erase, std::string_view insert,
                      crdt::Unit unit);
  Result<void> mark(ObjId text, std::size_t start, std::size_t end, std::string_view name,
                    model::ScalarRef value, Expand expand, crdt::Unit unit);
  struct Erasure {
    model::OpRun run;
    std::vector<OpId> preds;
  };
  void find_erasures(const crdt::Object& object, std::size_t index, std::size_t count,
                     crdt::Unit unit);
  OpId end_reference(const crdt::Object& object, OpId begin, OpId wanted) const;

  // transaction.cpp
  /// Applies and records one run; its id is that of its first op.
  Result<OpId> emit(model::OpRun run, std::vector<OpId> op_preds = {});
  void extend_last(const model::OpRun& run, std::size_t bytes);
  bool extends_last(const model::OpRun& run, std::uint32_t content) const;
  /// Adds the change to the graph, not sealed; false when there is none.
  bool commit(const CommitOptions& options);
  std::optional<model::ChangeHash> commit_sealed(const CommitOptions& options);
  bool commit_unsealed(const CommitOptions& options);
  void rollback();
  void find_dependencies();
  std::uint32_t op_count() const { return next_op - start_op; }

  Document::Impl* document = nullptr;
  model::ActorIndex actor = 0;
  std::uint32_t seq = 1;
  std::uint32_t start_op = 1;
  std::uint32_t next_op = 1;
  /// Until commit its ops and preds are what was recorded, in the document's actor indices, and the
  /// rest means nothing.
  model::Change change;
  std::vector<RunStrings> strings;  ///< one for each of change.ops
  std::vector<Erasure> erasures;
  std::vector<crdt::ChangeIndex> deps;
  std::size_t content_before = 0;
  std::size_t encoded_size = 0;  ///< upper bound of the ops recorded so far
  std::optional<crdt::Clock> clock;
  Heads at_heads;
  bool over = true;

 private:
  static std::unique_ptr<Impl>& spare();
  void start(Document::Impl& owner);
};

}  // namespace converge::engine
