#pragma once

#include "core/crdt/actor_table.h"
#include "core/crdt/clock.h"
#include "core/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace converge::crdt {

/// Number of an applied change: its place in the order of application.
using ChangeIndex = std::uint32_t;

/// What the graph knows of one change: 40 bytes, plus 32 for its hash.
struct ChangeNode {
  std::int64_t time = 0;
  ActorIndex actor = 0;
  std::uint32_t seq = 0;
  std::uint32_t start_op = 1;
  std::uint32_t op_count = 0;
  std::uint32_t deps_begin = 0;  ///< kPrevious: exactly the change before this one
  std::uint32_t deps_count = 0;
  std::uint32_t message_begin = 0;
  std::uint32_t message_size = 0;

  static constexpr std::uint32_t kPrevious = 0xffffffffu;

  std::uint32_t max_op() const { return start_op + op_count - 1; }
};

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
/// Invariants: deps have smaller indices; an actor's changes have seq 1, 2, 3...; heads have no
/// children.
class ChangeGraph {
 public:
  std::size_t size() const { return nodes_.size(); }
  const ChangeNode& at(ChangeIndex change) const { return nodes_[change]; }
  const model::ChangeHash& hash(ChangeIndex change) const { return hashes_[change]; }
  std::string_view message(ChangeIndex change) const {
    return std::string_view(messages_).substr(at(change).message_begin, at(change).message_size);
  }
  std::string_view extra(ChangeIndex change) const;
  /// f(ChangeIndex) for each dep, in the change's own order.
  template <class F>
  void for_each_dep(ChangeIndex change, F f) const {
    const ChangeNode& node = nodes_[change];
    if (node.deps_begin == ChangeNode::kPrevious) {
      f(change - 1);
      return;
    }
    for (std::uint32_t i = 0; i < node.deps_count; ++i) f(deps_[node.deps_begin + i]);
  }

  std::optional<ChangeIndex> find(const model::ChangeHash& hash) const;
  /// Number of changes by the actor, which is the seq of the last.
  std::uint32_t last_seq(ActorIndex actor) const;
  std::optional<ChangeIndex> by_seq(ActorIndex actor, std::uint32_t seq) const;
  /// The change that holds the op.
  std::optional<ChangeIndex> change_of(OpId id) const;
  /// Greatest counter of the actor's ops so far; 0 when there is no change.
  std::uint32_t last_op(ActorIndex actor) const;
  std::uint32_t max_op() const { return max_op_; }

  /// Changes that nothing depends on, ascending by hash.
  std::vector<model::ChangeHash> heads() const;
  const std::vector<ChangeIndex>& head_indices() const { return heads_; }

  struct NewChange {
    ActorIndex actor = 0;
    std::uint32_t seq = 0;
    std::uint32_t start_op = 1;
    std::uint32_t op_count = 0;
    std::int64_t time = 0;
    std::string_view message;
    std::string_view extra;
    std::span<const ChangeIndex> deps;
    model::ChangeHash hash;
  };
  /// REQUIRES: deps applied, seq follows, hash new.
  ChangeIndex add(const NewChange& change);
  /// Takes back everything from `size` on.
  void truncate(std::size_t size);
  void reserve(std::size_t changes);
  /// For a change whose start_op was only estimated; its max_op stays.
  void set_start_op(ChangeIndex change, std::uint32_t start_op) {
    ChangeNode& node = nodes_[change];
    node.op_count = node.max_op() + 1 - start_op;
    node.start_op = start_op;
  }

  /// Sequence number per actor of the changes and all their ancestors.
  Clock clock_of(std::span<const ChangeIndex> changes) const;
  /// The same as op counters: what visibility is decided by (automerge-format 7.3).
  Clock op_clock(const Clock& seqs) const;
  bool includes(const Clock& seqs, ChangeIndex change) const {
    return seqs.of(nodes_[change].actor) >= nodes_[change].seq;
  }
  /// Changes that the clock does not include, in application order. O(answer) for a clock near the
  /// present.
  std::vector<ChangeIndex> not_in(const Clock& seqs) const;

  void check_invariants() const;
  std::size_t memory_bytes() const;

 private:
  static constexpr ChangeIndex kClockEvery = 512;

  std::size_t slot_of(const model::ChangeHash& hash) const;
  void place_all() const;
  void place(ChangeIndex change) const;
  Clock walk(std::span<const ChangeIndex> from) const;

  std::vector<ChangeNode> nodes_;
  std::vector<model::ChangeHash> hashes_;
  std::vector<ChangeIndex> deps_;
  std::string messages_;
  std::unordered_map<ChangeIndex, std::string> extras_;
  /// index + 1 by hash; 0 is free. Filled at the first search: loading and editing need none.
  mutable std::vector<std::uint32_t> slots_;
  mutable std::size_t placed_ = 0;  ///< how many changes it holds
  std::vector<std::vector<ChangeIndex>> by_actor_;
  std::vector<ChangeIndex> heads_;
  std::uint32_t max_op_ = 0;
  mutable std::vector<Clock> clocks_;  ///< of changes kClockEvery - 1, 2 * kClockEvery - 1, ...
};

}  // namespace converge::crdt
