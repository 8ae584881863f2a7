#include "core/crdt/orphan_queue.h"

#include "core/base/limits.h"

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace converge::crdt {

using model::Change;
using model::ChangeHash;
using model::ChangeHashHasher;

const Change* OrphanQueue::find(const ChangeHash& hash) const {
  const auto at = std::find_if(changes_.begin(), changes_.end(),
                               [&](const Change& change) { return change.hash == hash; });
  return at == changes_.end() ? nullptr : &*at;
}

/// The changes of the batch that are new, each once.
Result<std::vector<Change>> OrphanQueue::sift(std::vector<Change> batch, const ChangeGraph& graph,
                                              const ActorTable& actors) const {
  std::vector<Change> fresh;
  fresh.reserve(batch.size());
  std::unordered_set<ChangeHash, ChangeHashHasher> seen;
  std::map<std::pair<ActorId, std::uint32_t>, ChangeHash> by_seq;
  for (const Change& queued : changes_) {
    seen.insert(queued.hash);
    by_seq.emplace(std::pair(queued.actor, queued.seq), queued.hash);
  }
  const bool single = batch.size() == 1 && changes_.empty();
  for (Change& change : batch) {
    if (graph.find(change.hash) || seen.contains(change.hash)) continue;
    const auto actor = actors.find(change.actor);
    const bool applied = actor && graph.last_seq(*actor) >= change.seq;
    if (applied || (!single && by_seq.contains({change.actor, change.seq}))) {
      return Error{ErrorCode::kConflict, "a second change with sequence number " +
                                             std::to_string(change.seq) + " by actor " +
                                             change.actor.to_hex()};
    }
    if (!single) {
      seen.insert(change.hash);
      by_seq.emplace(std::pair(change.actor, change.seq), change.hash);
    }
    fresh.push_back(std::move(change));
  }
  return fresh;
}

Result<OrphanQueue::Plan> OrphanQueue::plan(std::vector<Change> batch, const ChangeGraph& graph,
                                            const ActorTable& actors) {
  auto sifted = sift(std::move(batch), graph, actors);
  if (!sifted) return sifted.error();
  const std::size_t old = changes_.size();
  const std::size_t total = old + sifted->size();
  const auto change_at = [&](std::size_t i) -> Change& {
    return i < old ? changes_[i] : (*sifted)[i - old];
  };

  // Kahn's algorithm with a first-in-first-out list: the order everybody's saves show.
  std::vector<std::size_t> missing(total, 0);
  std::unordered_map<ChangeHash, std::vector<std::size_t>, ChangeHashHasher> waiting;
  std::deque<std::size_t> ready;
  for (std::size_t i = 0; i < total; ++i) {
    for (const ChangeHash& dep : change_at(i).deps) {
      if (graph.find(dep)) continue;
      ++missing[i];
      waiting[dep].push_back(i);
    }
    if (missing[i] == 0) ready.push_back(i);
  }
  std::vector<std::size_t> order;
  std::vector<bool> taken(total, false);
  while (!ready.empty()) {
    const std::size_t i = ready.front();
    ready.pop_front();
    order.push_back(i);
    taken[i] = true;
    const auto found = waiting.find(change_at(i).hash);
    if (found == waiting.end()) continue;
    for (const std::size_t waiter : found->second) {
      if (--missing[waiter] == 0) ready.push_back(waiter);
    }
  }

  std::size_t left_bytes = 0;
  for (std::size_t i = 0; i < total; ++i) left_bytes += taken[i] ? 0 : change_at(i).body.size();
  if (total - order.size() > limits::kOrphansPerDocumentMax ||
      left_bytes > limits::kOrphanBytesPerDocumentMax) {
    return Error{ErrorCode::kLimitExceeded, "too many changes wait for missing dependencies"};
  }

  Plan plan;
  plan.ready.reserve(order.size());
  for (const std::size_t i : order) {
    plan.ready.push_back(std::move(change_at(i)));
    plan.was_queued.push_back(i < old);
  }
  for (std::size_t i = 0; i < total; ++i) {
    if (i == old) plan.first_new_waiting = plan.waiting.size();
    if (!taken[i]) plan.waiting.push_back(std::move(change_at(i)));
  }
  if (total == old) plan.first_new_waiting = plan.waiting.size();
  changes_.clear();
  bytes_ = 0;
  return plan;
}

void OrphanQueue::keep(std::vector<Change> waiting) {
  changes_ = std::move(waiting);
  bytes_ = 0;
  for (const Change& change : changes_) bytes_ += change.body.size();
}

void OrphanQueue::drop(const ActorId& actor, std::uint32_t from_seq) {
  std::erase_if(changes_, [&](const Change& change) {
    return change.actor == actor && change.seq >= from_seq;
  });
}

}  // namespace converge::crdt
