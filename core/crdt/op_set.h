#pragma once

#include "core/base/result.h"
#include "core/crdt/actor_table.h"
#include "core/crdt/clock.h"
#include "core/crdt/content.h"
#include "core/crdt/key_table.h"
#include "core/crdt/object_table.h"
#include "core/crdt/register.h"
#include "core/crdt/sequence.h"
#include "core/model/change.h"
#include "core/model/snapshot.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace converge::crdt {

/// All ops of a document, merged: objects, their maps and sequences, and what these share. Knows
/// nothing of changes, hashes or heads.
///
/// Everything goes in as runs (model::OpRun, model::RowRun) with op ids in this document's actor
/// indices. Applying in any causal order gives the same state. An OpSet cannot be moved: its parts
/// point at each other.
///
/// Invariants (check_invariants): those of the parts; registers ascending, each `visible` count
/// right; every object's make op is in its parent.
class OpSet {
 public:
  OpSet();
  OpSet(const OpSet&) = delete;
  OpSet& operator=(const OpSet&) = delete;

  ActorTable& actors() { return actors_; }
  const ActorTable& actors() const { return actors_; }
  const KeyTable& keys() const { return keys_; }
  KeyTable& keys() { return keys_; }
  const Content& content() const { return content_; }
  Content& content() { return content_; }
  const ObjectTable& objects() const { return objects_; }
  const SequenceForest& forest() const { return forest_; }
  const Successors& successors() const { return successors_; }

  // ------------------------------------------------------------------------------------- applying

  /// Applies one run; its first op is `first`, the others count up. `preds` is the array that
  /// run.pred_begin points into. Checks what only the document can tell (automerge-format 6.10,
  /// 2.9, 10): the object exists and fits the key kind, reference and element exist, preds are ops
  /// of that register. On error nothing is changed.
  /// REQUIRES: what format::decode_change proves; no op with these ids; room in content().
  Result<void> apply(const model::OpRun& run, OpId first, std::span<const OpId> preds);
  /// Takes back a run. REQUIRES: it was applied, and everything applied after it is taken back.
  void unapply(const model::OpRun& run, OpId first, std::span<const OpId> preds);

  /// The text of the last text run applied lies at the end of content(): what a caller needs to
  /// record a local edit without copying it.
  std::size_t content_size() const { return content_.size(); }

  // -------------------------------------------------------------------------------- whole
  // documents

  /// Builds everything from document rows, left to right, without searching. Verifies that objects
  /// exist and fit their rows' key kind and that sequences are in the order of automerge-format
  /// 6.5. REQUIRES: empty; what format::decode_document proves. On error the OpSet is unusable.
  Result<void> load(const model::Snapshot& snapshot);
  /// Appends all rows in the order of automerge-format 4.4, actors renumbered by `actor_of`. Views
  /// point into this OpSet.
  void export_rows(model::Snapshot& out, const std::vector<ActorIndex>& actor_of) const;

  // -------------------------------------------------------------------------------------- reading

  model::ScalarRef value(const OpRecord& op) const {
    return {op.value_type, content_.view(op.value, op.value_size)};
  }
  /// clock == nullptr: the present.
  bool visible(const Register& ops, const OpRecord& op, const Clock* clock) const;
  /// The visible op with the greatest id; nullptr when there is none.
  const OpRecord* winner(const Register& ops, const Clock* clock) const;
  /// Ascending.
  std::vector<const OpRecord*> visible_ops(const Register& ops, const Clock* clock) const;
  /// REQUIRES: op.is_counter().
  std::int64_t counter_value(const Register& ops, const OpRecord& op, const Clock* clock) const;

  /// The register at a map key or list element; nullptr when nothing was ever written there. A text
  /// element without a record of its own has none either.
  const Register* map_register(const Object& object, std::string_view key) const;

  /// Gives back what growing left over. O(objects + bytes).
  void shrink() {
    keys_.shrink();
    content_.shrink();
    objects_.shrink();
  }

  void check_invariants() const;
  std::size_t memory_bytes() const;

 private:
  friend class SnapshotLoader;

  Result<std::uint32_t> object_for(OpId id, bool sequence);
  Result<void> check_reference(const Object& object, const model::OpRun& run,
                               std::optional<Place>& out) const;
  Result<void> apply_text(const model::OpRun& run, OpId first);
  Result<void> apply_delete(const model::OpRun& run, OpId first);
  Result<void> apply_to_map(const model::OpRun& run, OpId id, std::span<const OpId> preds);
  Result<void> apply_insert(const model::OpRun& run, OpId id);
  Result<void> apply_to_element(const model::OpRun& run, OpId id, std::span<const OpId> preds);
  void unapply_text(const model::OpRun& run, OpId first);
  void unapply_delete(const model::OpRun& run, OpId first);
  void unapply_single(const model::OpRun& run, OpId id, std::span<const OpId> preds);

  void insert_text(Sequence& sequence, const std::optional<Place>& reference, OpId reference_id,
                   OpId first, std::string_view text);
  /// Adds the op to its register: successors of preds, the record unless it is a delete.
  void write(Register& ops, const OpRecord& op, std::span<const OpId> preds, std::int64_t amount);
  void unwrite(Register& ops, const OpRecord& op, std::span<const OpId> preds, std::int64_t amount);
  OpRecord make_record(const model::OpRun& run, OpId id);
  void add_object(const model::OpRun& run, OpRecord& op, std::uint32_t parent, KeyId key,
                  OpId element);
  std::string describe(OpId id) const;

  ActorTable actors_;
  KeyTable keys_;
  Content content_;
  Successors successors_;
  ObjectTable objects_;
  SequenceForest forest_;
};

/// The kind of object a make op makes. REQUIRES: a make action.
ObjectType type_of(model::Action action);

/// What an inc op adds: its value is an int or a uint.
std::int64_t amount_of(model::ScalarRef value);

/// Cuts UTF-8 text into pieces whose code points have one width: f(offset, count, width), offset in
/// bytes. REQUIRES: valid UTF-8.
template <class F>
void for_each_width(std::string_view text, F f) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = at;
    const auto width_at = [&](std::size_t i) -> std::uint8_t {
      const auto lead = static_cast<unsigned char>(text[i]);
      return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    };
    const std::uint8_t width = width_at(at);
    while (at < text.size() && width_at(at) == width) at += width;
    f(begin, static_cast<std::uint32_t>((at - begin) / width), width);
  }
}

}  // namespace converge::crdt
