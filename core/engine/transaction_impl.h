#pragma once

#include "core/crdt/clock.h"
#include "core/engine/document_impl.h"
#include "core/engine/reader.h"
#include "core/model/change.h"

#include <optional>
#include <string_view>
#include <vector>

namespace converge::engine {

/// A local change in the making: edits are turned into op runs, applied at once and recorded, so
/// that commit encodes columns straight from runs and rollback takes them back in reverse.
struct Transaction::Impl {
  explicit Impl(Document::Impl& owner);
  /// As if at these heads (automerge-format 7.6).
  Impl(Document::Impl& owner, const Heads& at, crdt::Clock clock_of_heads);

  /// One applied run. Its strings live in the document's content and key tables, which grow and
  /// move, so the run's views are only set when it is needed again.
  struct Recorded {
    model::OpRun run;
    std::uint32_t content = 0;
    std::uint32_t bytes = 0;
    crdt::KeyId key = 0;
    crdt::KeyId mark_name = 0;
  };

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
  std::vector<Erasure> erasures(const crdt::Object& object, std::size_t index, std::size_t count,
                                crdt::Unit unit) const;
  OpId end_reference(const crdt::Object& object, OpId begin, OpId wanted) const;

  // transaction.cpp
  /// Applies and records one run; its id is that of its first op.
  Result<OpId> emit(model::OpRun run, std::vector<OpId> op_preds = {});
  bool extends_last(const model::OpRun& run, std::uint32_t content) const;
  void restore_views();
  std::optional<model::ChangeHash> commit(const CommitOptions& options);
  void rollback();
  model::Change build_change(const CommitOptions& options,
                             const std::vector<crdt::ChangeIndex>& deps);
  std::vector<crdt::ChangeIndex> dependencies() const;
  std::uint32_t op_count() const { return next_op - start_op; }

  Document::Impl* document;
  model::ActorIndex actor = 0;
  std::uint32_t seq = 1;
  std::uint32_t start_op = 1;
  std::uint32_t next_op = 1;
  std::vector<Recorded> recorded;
  std::vector<OpId> preds;
  std::size_t content_before = 0;
  std::size_t encoded_size = 0;  ///< upper bound of the ops recorded so far
  std::optional<crdt::Clock> clock;
  Heads at_heads;
  bool over = false;
};

}  // namespace converge::engine
