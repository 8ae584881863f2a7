#pragma once

#include "core/base/result.h"
#include "core/crdt/change_graph.h"
#include "core/model/change.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace converge::crdt {

/// Changes whose dependencies are missing, in the order they came, and the order in which a batch
/// becomes applicable (automerge-format 7.1). Bounded by limits::kOrphans*.
class OrphanQueue {
 public:
  bool empty() const { return changes_.empty(); }
  const std::vector<model::Change>& changes() const { return changes_; }
  const model::Change* find(const model::ChangeHash& hash) const;

  /// What of queue and batch is applicable now and in which order, and what stays.
  struct Plan {
    std::vector<model::Change> ready;
    std::vector<bool> was_queued;  ///< of each ready change
    std::vector<model::Change> waiting;
    std::size_t first_new_waiting = 0;  ///< waiting[from here] came with the batch
  };
  /// Takes the queue apart; put back what shall stay with `keep`. Changes already applied or queued
  /// are dropped. Errors (the queue is untouched): kConflict for a second change with one
  /// (actor, seq), kLimitExceeded when too much would wait.
  Result<Plan> plan(std::vector<model::Change> batch, const ChangeGraph& graph,
                    const ActorTable& actors);
  void keep(std::vector<model::Change> waiting);
  /// Drops queued changes of the actor from that seq on.
  void drop(const ActorId& actor, std::uint32_t from_seq);

  std::size_t bytes() const { return bytes_; }

 private:
  Result<std::vector<model::Change>> sift(std::vector<model::Change> batch,
                                          const ChangeGraph& graph, const ActorTable& actors) const;

  std::vector<model::Change> changes_;
  std::size_t bytes_ = 0;
};

}  // namespace converge::crdt
