#pragma once

#include "core/base/assert.h"
#include "core/crdt/actor_table.h"
#include "core/crdt/change_table.h"
#include "core/crdt/clock.h"
#include "core/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace converge::crdt {

/// The applied changes of a document, parents before children, and what depends on what.
///
/// One actor's changes form a chain: a change counts as a descendant of its author's earlier ones
/// even where its deps do not say so, because a sequence number includes all smaller ones
/// (automerge-format 7.3). So a clock (sequence number per actor) says exactly which changes an
/// ancestor set holds.
///
/// Clocks of every kClockEvery-th change are kept once somebody asked for one, so that clocks,
/// ancestry and changes_since cost O(distance to such a change + answer).
///
/// Memory: 32 bytes a change for its hash, and what ChangeTable and the rows per actor need, which
/// is next to nothing for changes made one behind the other.
///
/// Invariants: deps have smaller indices; an actor's changes have seq 1, 2, 3...; heads have no
/// children.
class ChangeGraph {
 public:
  std::size_t size() const { return table_.size(); }
  ChangeNode at(ChangeIndex change) const { return table_.at(change); }
  std::int64_t time(ChangeIndex change) const { return table_.time(change); }
  std::string_view message(ChangeIndex change) const { return table_.message(change); }
  std::string_view extra(ChangeIndex change) const { return table_.extra(change); }
  std::uint32_t deps_count(ChangeIndex change) const { return table_.deps_count(change); }
  /// f(ChangeIndex) for each dep, in the change's own order.
  template <class F>
  void for_each_dep(ChangeIndex change, F f) const {
    table_.for_each_dep(change, f);
  }
  /// REQUIRES: it has one, which add_unhashed() leaves open.
  const model::ChangeHash& hash(ChangeIndex change) const {
    ASSERT(change < hashes_.size());
    return hashes_[change];
  }
  /// Fewer than size() while the last changes have none.
  const std::vector<model::ChangeHash>& hashes() const { return hashes_; }

  std::optional<ChangeIndex> find(const model::ChangeHash& hash) const;
  /// Number of changes by the actor, which is the seq of the last.
  std::uint32_t last_seq(ActorIndex actor) const;
  std::optional<ChangeIndex> by_seq(ActorIndex actor, std::uint32_t seq) const;
  /// The change that holds the op.
  std::optional<ChangeIndex> change_of(OpId id) const;
  /// Greatest counter of the actor's ops so far; 0 when there is no change.
  std::uint32_t last_op(ActorIndex actor) const;
  std::uint32_t max_op() const { return max_op_; }
  /// Actors that made at least one change.
  std::size_t author_count() const { return authors_; }

  /// Changes that nothing depends on, ascending by hash.
  std::vector<model::ChangeHash> heads() const;
  const std::vector<ChangeIndex>& head_indices() const { return heads_; }

  struct NewChange : ChangeTable::NewChange {
    model::ChangeHash hash;
  };
  /// REQUIRES: deps applied, seq follows, hash new; every change has its hash.
  ChangeIndex add(const NewChange& change);
  /// The same, but its hash comes later, by add_hash(): in the order of the changes. Until then
  /// nothing may be asked or done here that needs it.
  void add_unhashed(const ChangeTable::NewChange& change) { add_facts(change); }
  void add_hash(const model::ChangeHash& hash) { hashes_.push_back(hash); }
  /// Takes back everything from `size` on.
  void truncate(std::size_t size);
  /// The same for many at once: their hashes come together, and in the right order.
  void add_all(std::vector<model::ChangeHash> hashes,
               const std::function<void(ChangeIndex, ChangeTable::NewChange&)>& describe);
  /// Exact start_ops, one a change, where some were only estimated; each max_op stays.
  void set_start_ops(std::span<const std::uint32_t> start_ops) { table_.set_start_ops(start_ops); }

  /// Sequence number per actor of the changes and all their ancestors.
  Clock clock_of(std::span<const ChangeIndex> changes) const;
  /// The same as op counters: what visibility is decided by (automerge-format 7.3).
  Clock op_clock(const Clock& seqs) const;
  bool includes(const Clock& seqs, ChangeIndex change) const {
    const ChangeNode node = at(change);
    return seqs.of(node.actor) >= node.seq;
  }
  /// Changes that the clock does not include, in application order. O(answer) for a clock near the
  /// present.
  std::vector<ChangeIndex> not_in(const Clock& seqs) const;

  /// Gives back what growing left over, and what searching built.
  void shrink();

  void check_invariants() const;
  std::size_t memory_bytes() const;

 private:
  static constexpr ChangeIndex kClockEvery = 512;

  /// An actor's changes: where a row of neighbours in application order begins.
  struct OwnRun {
    std::uint32_t seq;
    ChangeIndex index;
  };
  struct Lane {
    std::uint32_t count = 0;
    std::vector<OwnRun> runs;
  };

  std::size_t slot_of(const model::ChangeHash& hash) const;
  void place_all() const;
  void place(ChangeIndex change) const;
  void add_facts(const ChangeTable::NewChange& change);
  Clock walk(std::span<const ChangeIndex> from) const;

  ChangeTable table_;
  std::vector<model::ChangeHash> hashes_;
  /// index + 1 by hash; 0 is free. Filled at the first search for anything but a head: loading,
  /// editing and receiving one change after the other need none.
  mutable std::vector<std::uint32_t> slots_;
  mutable std::size_t placed_ = 0;  ///< how many changes it holds
  std::vector<Lane> by_actor_;
  std::vector<ChangeIndex> heads_;
  std::uint32_t max_op_ = 0;
  std::size_t authors_ = 0;            ///< lanes that are not empty
  mutable std::vector<Clock> clocks_;  ///< of changes kClockEvery - 1, 2 * kClockEvery - 1, ...
};

}  // namespace converge::crdt
