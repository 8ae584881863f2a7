#pragma once

#include "core/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace converge::crdt {

using model::ActorIndex;
using model::OpId;

/// The actors a document has met. An index, once given, never changes; the *rank* (position among
/// the sorted actors) does, when a new actor sorts in between. So op ids are stored with indices
/// and compared by rank, and a new actor never rewrites a stored id. The relative order of two
/// actors is fixed, so structures ordered by `less` stay ordered.
///
/// Costs: find O(log actors), intern of a new actor O(actors).
class ActorTable {
 public:
  ActorIndex intern(const ActorId& actor);
  std::optional<ActorIndex> find(const ActorId& actor) const;

  const ActorId& at(ActorIndex index) const { return actors_[index]; }
  std::size_t size() const { return actors_.size(); }
  std::uint32_t rank(ActorIndex index) const { return rank_[index]; }
  /// Indices, ascending by actor bytes.
  const std::vector<ActorIndex>& sorted() const { return sorted_; }

  /// Lamport order: counter first, then actor bytes.
  bool less(OpId a, OpId b) const {
    return a.counter != b.counter ? a.counter < b.counter : rank_[a.actor] < rank_[b.actor];
  }

  void check_invariants() const;

 private:
  std::size_t lower_bound(const ActorId& actor) const;

  std::vector<ActorId> actors_;
  std::vector<std::uint32_t> rank_;
  std::vector<ActorIndex> sorted_;
  mutable ActorIndex last_found_ = 0;  ///< the next question is often the same
};

}  // namespace converge::crdt
