#include "core/crdt/change_graph.h"

#include "core/base/assert.h"

#include <algorithm>
#include <cstring>
#include <queue>

namespace converge::crdt {
namespace {

constexpr std::size_t kSlotsMin = 8;
constexpr std::size_t kFewHeads = 8;

/// Hashes are uniform already: any part of one will do.
std::size_t start_of(const model::ChangeHash& hash) {
  std::uint64_t first = 0;
  std::memcpy(&first, hash.bytes.data(), sizeof first);
  return static_cast<std::size_t>(first);
}

}  // namespace

// ----------------------------------------------------------------------------------------- lookup

std::size_t ChangeGraph::slot_of(const model::ChangeHash& hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = start_of(hash) & mask;
  while (slots_[at] != 0 && hashes_[slots_[at] - 1] != hash) at = (at + 1) & mask;
  return at;
}

void ChangeGraph::place_all() const {
  if (slots_.size() < hashes_.size() * 2) {
    std::size_t wanted = std::max(kSlotsMin, slots_.size());
    while (wanted < hashes_.size() * 2) wanted *= 2;
    slots_.assign(wanted, 0);
    placed_ = 0;
  }
  while (placed_ < hashes_.size()) place(static_cast<ChangeIndex>(placed_++));
}

/// Enters a change whose hash is not in the table, so nothing has to be compared.
void ChangeGraph::place(ChangeIndex change) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = start_of(hashes_[change]) & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = change + 1;
}

std::optional<ChangeIndex> ChangeGraph::find(const model::ChangeHash& hash) const {
  if (hashes_.empty()) return std::nullopt;
  // What a new change depends on is mostly a head, and there are few.
  if (heads_.size() <= kFewHeads) {
    for (const ChangeIndex head : heads_) {
      if (head < hashes_.size() && hashes_[head] == hash) return head;
    }
  }
  if (placed_ < hashes_.size()) place_all();
  const std::size_t at = slot_of(hash);
  if (slots_[at] == 0) return std::nullopt;
  return slots_[at] - 1;
}

std::uint32_t ChangeGraph::last_seq(ActorIndex actor) const {
  return actor < by_actor_.size() ? by_actor_[actor].count : 0;
}

std::optional<ChangeIndex> ChangeGraph::by_seq(ActorIndex actor, std::uint32_t seq) const {
  if (seq == 0 || seq > last_seq(actor)) return std::nullopt;
  const std::vector<OwnRun>& runs = by_actor_[actor].runs;
  auto run = runs.end() - 1;
  if (run->seq > seq) {
    run = std::upper_bound(runs.begin(), runs.end(), seq,
                           [](std::uint32_t wanted, const OwnRun& r) { return wanted < r.seq; }) -
          1;
  }
  return run->index + (seq - run->seq);
}

std::uint32_t ChangeGraph::last_op(ActorIndex actor) const {
  const auto last = by_seq(actor, last_seq(actor));
  return last ? at(*last).max_op() : 0;
}

std::optional<ChangeIndex> ChangeGraph::change_of(OpId id) const {
  // The first of the actor's changes that reaches up to the op.
  std::uint32_t low = 1;
  std::uint32_t high = last_seq(id.actor) + 1;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (at(*by_seq(id.actor, middle)).max_op() < id.counter) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const auto found = by_seq(id.actor, low);
  if (!found || at(*found).start_op > id.counter) return std::nullopt;
  return found;
}

std::vector<model::ChangeHash> ChangeGraph::heads() const {
  std::vector<model::ChangeHash> out;
  out.reserve(heads_.size());
  for (const ChangeIndex head : heads_) out.push_back(hash(head));
  std::sort(out.begin(), out.end());
  return out;
}

// --------------------------------------------------------------------------------------- changing

void ChangeGraph::add_facts(const ChangeTable::NewChange& change) {
  const auto index = static_cast<ChangeIndex>(size());
  if (change.actor >= by_actor_.size()) by_actor_.resize(change.actor + 1);
  Lane& lane = by_actor_[change.actor];
  ASSERT(change.seq == lane.count + 1);
  if (lane.count == 0) ++authors_;
  ++lane.count;
  const bool neighbour =
      !lane.runs.empty() && lane.runs.back().index + (change.seq - lane.runs.back().seq) == index;
  if (!neighbour) lane.runs.push_back({change.seq, index});

  for (const ChangeIndex dep : change.deps) {
    DEBUG_ASSERT(dep < index);
    heads_.erase(std::remove(heads_.begin(), heads_.end(), dep), heads_.end());
  }
  heads_.push_back(index);
  if (change.op_count > 0) {
    max_op_ = std::max(max_op_, change.start_op + change.op_count - 1);
  }
  table_.add(change);
}

ChangeIndex ChangeGraph::add(const NewChange& change) {
  ASSERT(hashes_.size() == size());
  add_facts(change);
  hashes_.push_back(change.hash);
  return static_cast<ChangeIndex>(size() - 1);
}

void ChangeGraph::add_all(
    std::vector<model::ChangeHash> hashes,
    const std::function<void(ChangeIndex, ChangeTable::NewChange&)>& describe) {
  ASSERT(size() == 0);
  hashes_ = std::move(hashes);
  ChangeTable::NewChange change;
  for (ChangeIndex i = 0; i < hashes_.size(); ++i) {
    describe(i, change);
    add_facts(change);
  }
}

void ChangeGraph::truncate(std::size_t size) {
  if (size == this->size()) return;
  for (std::size_t i = this->size(); i-- > size;) {
    Lane& lane = by_actor_[at(static_cast<ChangeIndex>(i)).actor];
    if (lane.runs.back().seq == lane.count) lane.runs.pop_back();
    if (--lane.count == 0) --authors_;
  }
  table_.truncate(size);
  hashes_.resize(size);
  clocks_.resize(std::min(clocks_.size(), size / kClockEvery));
  std::vector<bool> has_child(size, false);
  heads_.clear();
  max_op_ = 0;
  for (ChangeIndex i = 0; i < size; ++i) {
    for_each_dep(i, [&](ChangeIndex dep) { has_child[dep] = true; });
    const ChangeNode node = at(i);
    if (node.op_count > 0) max_op_ = std::max(max_op_, node.max_op());
  }
  for (ChangeIndex i = 0; i < size; ++i) {
    if (!has_child[i]) heads_.push_back(i);
  }
  slots_.clear();
  placed_ = 0;
}

// ----------------------------------------------------------------------------------------- clocks

/// Descends from the given changes, latest first, until everything left is covered by the clock of
/// a change that keeps one.
Clock ChangeGraph::walk(std::span<const ChangeIndex> from) const {
  std::priority_queue<ChangeIndex> open;
  for (const ChangeIndex change : from) open.push(change);
  Clock clock;
  Clock closed;  // what kept clocks brought in, ancestors included
  const std::size_t kept = clocks_.size() * kClockEvery;
  while (!open.empty()) {
    const ChangeIndex change = open.top();
    while (!open.empty() && open.top() == change) open.pop();
    const ChangeNode node = at(change);
    if (closed.of(node.actor) >= node.seq) continue;
    clock.raise(node.actor, node.seq);
    if (change < kept && (change + 1) % kClockEvery == 0) {
      closed.merge(clocks_[change / kClockEvery]);
      continue;
    }
    bool own_previous = node.seq == 1;
    const ChangeIndex previous = own_previous ? 0 : *by_seq(node.actor, node.seq - 1);
    for_each_dep(change, [&](ChangeIndex dep) {
      own_previous |= dep == previous;
      open.push(dep);
    });
    if (!own_previous) open.push(previous);
  }
  clock.merge(closed);
  return clock;
}

Clock ChangeGraph::clock_of(std::span<const ChangeIndex> changes) const {
  if (changes.empty()) return {};
  const ChangeIndex last = *std::max_element(changes.begin(), changes.end());
  while ((clocks_.size() + 1) * kClockEvery <= last + 1) {
    const auto kept = static_cast<ChangeIndex>((clocks_.size() + 1) * kClockEvery - 1);
    clocks_.push_back(walk({&kept, 1}));
  }
  return walk(changes);
}

Clock ChangeGraph::op_clock(const Clock& seqs) const {
  Clock out;
  for (ActorIndex actor = 0; actor < seqs.size(); ++actor) {
    if (const auto change = by_seq(actor, seqs.of(actor))) {
      out.raise(actor, at(*change).max_op());
    }
  }
  return out;
}

std::vector<ChangeIndex> ChangeGraph::not_in(const Clock& seqs) const {
  std::vector<ChangeIndex> out;
  for (ActorIndex actor = 0; actor < by_actor_.size(); ++actor) {
    const Lane& lane = by_actor_[actor];
    for (std::uint32_t seq = seqs.of(actor) + 1; seq <= lane.count; ++seq) {
      out.push_back(*by_seq(actor, seq));
    }
  }
  if (!std::is_sorted(out.begin(), out.end())) std::sort(out.begin(), out.end());
  return out;
}

// ------------------------------------------------------------------------------------- invariants

void ChangeGraph::check_invariants() const {
  table_.check_invariants();
  ASSERT(size() == hashes_.size());
  std::vector<bool> has_child(size(), false);
  std::vector<std::uint32_t> seqs(by_actor_.size(), 0);
  std::uint32_t greatest = 0;
  for (ChangeIndex i = 0; i < size(); ++i) {
    const ChangeNode node = at(i);
    ASSERT(node.actor < by_actor_.size());
    ASSERT(node.seq == ++seqs[node.actor]);
    ASSERT(by_seq(node.actor, node.seq) == i);
    if (node.op_count > 0) greatest = std::max(greatest, node.max_op());
    for_each_dep(i, [&](ChangeIndex dep) {
      ASSERT(dep < i);
      ASSERT(at(dep).op_count == 0 || at(dep).max_op() < node.start_op);
      has_child[dep] = true;
    });
    ASSERT(find(hashes_[i]) == i);
  }
  ASSERT(greatest == max_op_);
  for (std::size_t actor = 0; actor < seqs.size(); ++actor) {
    ASSERT(seqs[actor] == by_actor_[actor].count);
  }
  std::size_t heads = 0;
  for (ChangeIndex i = 0; i < size(); ++i) heads += has_child[i] ? 0 : 1;
  ASSERT(heads == heads_.size());
  for (const ChangeIndex head : heads_) ASSERT(!has_child[head]);
  for (std::size_t k = 0; k < clocks_.size(); ++k) {
    const ChangeNode node = at(static_cast<ChangeIndex>((k + 1) * kClockEvery - 1));
    ASSERT(clocks_[k].of(node.actor) >= node.seq);
  }
}

void ChangeGraph::shrink() {
  table_.shrink();
  hashes_.shrink_to_fit();
  slots_ = {};
  placed_ = 0;
  clocks_ = {};
  for (Lane& lane : by_actor_) lane.runs.shrink_to_fit();
}

std::size_t ChangeGraph::memory_bytes() const {
  return table_.memory_bytes() + hashes_.capacity() * sizeof(model::ChangeHash) +
         slots_.capacity() * sizeof(std::uint32_t) + by_actor_.capacity() * sizeof(Lane) +
         clocks_.size() * by_actor_.size() * sizeof(std::uint32_t);
}

}  // namespace converge::crdt
