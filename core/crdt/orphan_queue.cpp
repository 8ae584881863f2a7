#include "core/crdt/orphan_queue.h"

#include "core/base/limits.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace converge::crdt {

using model::ChangeEnvelope;
using model::ChangeHash;

namespace {

constexpr std::uint32_t kNone = 0xffffffffu;

/// Open addressing over numbers of changes; what makes two of them equal is the caller's affair.
class NumberTable {
 public:
  explicit NumberTable(std::size_t entries) : slots_(std::bit_ceil(entries * 2 + 2), 0) {}

  /// The number stored under the key, or kNone.
  template <class Equal>
  std::uint32_t find(std::uint64_t key, Equal equal) const {
    const std::size_t at = slot(key, equal);
    return slots_[at] == 0 ? kNone : slots_[at] - 1;
  }
  /// kNone when the number went in, else the equal one that was there.
  template <class Equal>
  std::uint32_t insert(std::uint64_t key, std::uint32_t number, Equal equal) {
    const std::size_t at = slot(key, equal);
    if (slots_[at] != 0) return slots_[at] - 1;
    slots_[at] = number + 1;
    return kNone;
  }

 private:
  template <class Equal>
  std::size_t slot(std::uint64_t key, Equal equal) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = static_cast<std::size_t>(key) & mask;
    while (slots_[at] != 0 && !equal(slots_[at] - 1)) at = (at + 1) & mask;
    return at;
  }

  std::vector<std::uint32_t> slots_;
};

std::uint64_t key_of(const ChangeHash& hash) {
  std::uint64_t key = 0;
  std::memcpy(&key, hash.bytes.data(), sizeof key);
  return key;
}

std::uint64_t key_of(const ActorId& actor, std::uint32_t seq) {
  const std::uint64_t name = std::hash<std::string_view>{}(as_text(actor.bytes()));
  return (name ^ seq) * 0x9e3779b97f4a7c15u >> 20;
}

/// The changes by hash and by (actor, seq). Index of everything that takes part in one batch.
class Index {
 public:
  Index(const std::vector<ChangeEnvelope>& changes, std::size_t capacity)
      : changes_(changes), by_hash_(capacity), by_seq_(capacity) {}

  std::uint32_t find(const ChangeHash& hash) const {
    return by_hash_.find(key_of(hash), [&](std::uint32_t i) { return changes_[i].hash == hash; });
  }
  /// False when another change has this one's actor and seq.
  bool add(std::uint32_t number) {
    const ChangeEnvelope& change = changes_[number];
    by_hash_.insert(key_of(change.hash), number, [](std::uint32_t) { return false; });
    return by_seq_.insert(key_of(change.actor, change.seq), number, [&](std::uint32_t i) {
      return changes_[i].seq == change.seq && changes_[i].actor == change.actor;
    }) == kNone;
  }

 private:
  const std::vector<ChangeEnvelope>& changes_;
  NumberTable by_hash_;
  NumberTable by_seq_;
};

Error second_change(const ChangeEnvelope& change) {
  return {ErrorCode::kConflict, "a second change with sequence number " +
                                    std::to_string(change.seq) + " by actor " +
                                    change.actor.to_hex()};
}

/// Kahn's algorithm with a first-in-first-out list: the order that everybody's saves show.
void find_order(OrphanQueue::Plan& plan, const Index& index, const ChangeGraph& graph) {
  const std::size_t total = plan.changes.size();
  std::vector<std::uint32_t> missing(total, 0);
  std::vector<std::uint32_t> first_waiter(total + 1, 0);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;  // dep, who waits for it
  for (std::uint32_t i = 0; i < total; ++i) {
    const ChangeEnvelope& change = plan.changes[i];
    for (std::uint32_t d = 0; d < change.deps_count; ++d) {
      const ChangeHash dep = change.dep(d);
      // Mostly the one before.
      const std::uint32_t here = i > 0 && plan.changes[i - 1].hash == dep ? i - 1 : index.find(dep);
      if (here == kNone && graph.find(dep)) continue;
      ++missing[i];
      if (here == kNone) continue;
      edges.emplace_back(here, i);
      ++first_waiter[here + 1];
    }
    if (missing[i] == 0) plan.order.push_back(i);
  }
  for (std::size_t i = 0; i < total; ++i) first_waiter[i + 1] += first_waiter[i];
  std::vector<std::uint32_t> waiters(edges.size());
  std::vector<std::uint32_t> next(first_waiter.begin(), first_waiter.end() - 1);
  for (const auto& [dep, waiter] : edges) waiters[next[dep]++] = waiter;

  plan.ready.assign(total, false);
  for (std::size_t head = 0; head < plan.order.size(); ++head) {
    const std::uint32_t i = plan.order[head];
    plan.ready[i] = true;
    for (std::uint32_t w = first_waiter[i]; w < first_waiter[i + 1]; ++w) {
      if (--missing[waiters[w]] == 0) plan.order.push_back(waiters[w]);
    }
  }
}

}  // namespace

const ChangeEnvelope* OrphanQueue::find(const ChangeHash& hash) const {
  const auto at = std::find_if(changes_.begin(), changes_.end(),
                               [&](const ChangeEnvelope& change) { return change.hash == hash; });
  return at == changes_.end() ? nullptr : &*at;
}

Result<OrphanQueue::Plan> OrphanQueue::plan(std::vector<ChangeEnvelope> batch,
                                            const ChangeGraph& graph, const ActorTable& actors) {
  Plan plan;
  plan.queued = changes_.size();
  plan.changes = std::move(changes_);
  plan.changes.reserve(plan.queued + batch.size());
  changes_.clear();
  const auto give_up = [&](Error error) {
    plan.changes.erase(plan.changes.begin() + static_cast<std::ptrdiff_t>(plan.queued),
                       plan.changes.end());
    changes_ = std::move(plan.changes);
    return error;
  };

  Index index(plan.changes, plan.queued + batch.size());
  for (std::uint32_t i = 0; i < plan.queued; ++i) index.add(i);
  for (ChangeEnvelope& change : batch) {
    if (graph.find(change.hash) || index.find(change.hash) != kNone) continue;
    const auto actor = actors.find(change.actor);
    const bool applied = actor && graph.last_seq(*actor) >= change.seq;
    plan.changes.push_back(std::move(change));
    const auto number = static_cast<std::uint32_t>(plan.changes.size() - 1);
    if (applied || !index.add(number)) return give_up(second_change(plan.changes[number]));
  }
  find_order(plan, index, graph);

  const std::size_t left = plan.changes.size() - plan.order.size();
  std::size_t left_bytes = 0;
  for (std::size_t i = 0; left > 0 && i < plan.changes.size(); ++i) {
    left_bytes += plan.ready[i] ? 0 : plan.changes[i].body.size();
  }
  if (left > limits::kOrphansPerDocumentMax || left_bytes > limits::kOrphanBytesPerDocumentMax) {
    return give_up({ErrorCode::kLimitExceeded, "too many changes wait for missing dependencies"});
  }
  bytes_ = 0;
  return plan;
}

void OrphanQueue::keep(std::vector<ChangeEnvelope> waiting) {
  changes_ = std::move(waiting);
  bytes_ = 0;
  for (ChangeEnvelope& change : changes_) {
    change.keep();
    bytes_ += change.body.size();
  }
}

void OrphanQueue::drop(const ActorId& actor, std::uint32_t from_seq) {
  std::erase_if(changes_, [&](const ChangeEnvelope& change) {
    return change.actor == actor && change.seq >= from_seq;
  });
  bytes_ = 0;
  for (const ChangeEnvelope& change : changes_) bytes_ += change.body.size();
}

}  // namespace converge::crdt
