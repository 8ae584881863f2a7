#pragma once

#include "core/base/result.h"
#include "core/crdt/change_graph.h"
#include "core/model/change.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace converge::crdt {

/// Changes whose dependencies are missing, in the order they came, and the order in which a batch
/// becomes applicable (automerge-format 7.1). Ops stay packed: order is a matter of headers. What
/// waits owns its bytes. Bounded by limits::kOrphans*.
class OrphanQueue {
 public:
  bool empty() const { return changes_.empty(); }
  const std::vector<model::ChangeEnvelope>& changes() const { return changes_; }
  const model::ChangeEnvelope* find(const model::ChangeHash& hash) const;

  /// Queue and batch together, and what of it is applicable now.
  struct Plan {
    std::vector<model::ChangeEnvelope> changes;  ///< the queue, then what of the batch is new
    std::size_t queued = 0;                      ///< how many of them waited before
    std::vector<std::uint32_t> order;            ///< applicable ones, in order of application
    std::vector<bool> ready;                     ///< of each change: is it in `order`
  };
  /// Takes the queue apart; put back what shall stay with `keep`. Changes already applied or queued
  /// are dropped. Errors (the queue is untouched): kConflict for a second change with one
  /// (actor, seq), kLimitExceeded when too much would wait. Cost: linear in changes and deps.
  Result<Plan> plan(std::vector<model::ChangeEnvelope> batch, const ChangeGraph& graph,
                    const ActorTable& actors);
  void keep(std::vector<model::ChangeEnvelope> waiting);
  /// Drops queued changes of the actor from that seq on.
  void drop(const ActorId& actor, std::uint32_t from_seq);

  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<model::ChangeEnvelope> changes_;
  std::size_t bytes_ = 0;
};

}  // namespace converge::crdt
