#include "core/crdt/change_graph.h"

#include "core/base/assert.h"

#include <algorithm>
#include <cstring>
#include <queue>

namespace converge::crdt {
namespace {

constexpr std::size_t kSlotsMin = 8;

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
  if (slots_.size() < nodes_.size() * 2) {
    std::size_t wanted = std::max(kSlotsMin, slots_.size());
    while (wanted < nodes_.size() * 2) wanted *= 2;
    slots_.assign(wanted, 0);
    placed_ = 0;
  }
  while (placed_ < nodes_.size()) place(static_cast<ChangeIndex>(placed_++));
}

/// Enters a change whose hash is not in the table, so nothing has to be compared.
void ChangeGraph::place(ChangeIndex change) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = start_of(hashes_[change]) & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = change + 1;
}

std::optional<ChangeIndex> ChangeGraph::find(const model::ChangeHash& hash) const {
  if (nodes_.empty()) return std::nullopt;
  if (placed_ < nodes_.size()) place_all();
  const std::size_t at = slot_of(hash);
  if (slots_[at] == 0) return std::nullopt;
  return slots_[at] - 1;
}

std::string_view ChangeGraph::extra(ChangeIndex change) const {
  const auto found = extras_.find(change);
  return found == extras_.end() ? std::string_view() : std::string_view(found->second);
}

std::uint32_t ChangeGraph::last_seq(ActorIndex actor) const {
  return actor < by_actor_.size() ? static_cast<std::uint32_t>(by_actor_[actor].size()) : 0;
}

std::optional<ChangeIndex> ChangeGraph::by_seq(ActorIndex actor, std::uint32_t seq) const {
  if (seq == 0 || seq > last_seq(actor)) return std::nullopt;
  return by_actor_[actor][seq - 1];
}

std::uint32_t ChangeGraph::last_op(ActorIndex actor) const {
  const std::uint32_t seq = last_seq(actor);
  return seq == 0 ? 0 : nodes_[by_actor_[actor][seq - 1]].max_op();
}

std::optional<ChangeIndex> ChangeGraph::change_of(OpId id) const {
  if (id.actor >= by_actor_.size()) return std::nullopt;
  const auto& own = by_actor_[id.actor];
  const auto at = std::partition_point(own.begin(), own.end(), [&](ChangeIndex change) {
    return nodes_[change].max_op() < id.counter;
  });
  if (at == own.end() || nodes_[*at].start_op > id.counter) return std::nullopt;
  return *at;
}

std::vector<model::ChangeHash> ChangeGraph::heads() const {
  std::vector<model::ChangeHash> out;
  out.reserve(heads_.size());
  for (const ChangeIndex head : heads_) out.push_back(hashes_[head]);
  std::sort(out.begin(), out.end());
  return out;
}

// --------------------------------------------------------------------------------------- changing

void ChangeGraph::reserve(std::size_t changes) {
  nodes_.reserve(changes);
  hashes_.reserve(changes);
}

ChangeIndex ChangeGraph::add(const NewChange& change) {
  const auto index = static_cast<ChangeIndex>(nodes_.size());
  if (change.actor >= by_actor_.size()) by_actor_.resize(change.actor + 1);
  ASSERT(change.seq == by_actor_[change.actor].size() + 1);

  ChangeNode node;
  node.time = change.time;
  node.actor = change.actor;
  node.seq = change.seq;
  node.start_op = change.start_op;
  node.op_count = change.op_count;
  node.deps_count = static_cast<std::uint32_t>(change.deps.size());
  if (change.deps.size() == 1 && change.deps[0] + 1 == index) {
    node.deps_begin = ChangeNode::kPrevious;
  } else {
    node.deps_begin = static_cast<std::uint32_t>(deps_.size());
    deps_.insert(deps_.end(), change.deps.begin(), change.deps.end());
  }
  if (!change.message.empty()) {
    node.message_begin = static_cast<std::uint32_t>(messages_.size());
    node.message_size = static_cast<std::uint32_t>(change.message.size());
    messages_ += change.message;
  }
  if (!change.extra.empty()) extras_.emplace(index, change.extra);

  for (const ChangeIndex dep : change.deps) {
    DEBUG_ASSERT(dep < index);
    heads_.erase(std::remove(heads_.begin(), heads_.end(), dep), heads_.end());
  }
  heads_.push_back(index);
  by_actor_[change.actor].push_back(index);
  if (node.op_count > 0) max_op_ = std::max(max_op_, node.max_op());
  nodes_.push_back(node);
  hashes_.push_back(change.hash);
  return index;
}

void ChangeGraph::truncate(std::size_t size) {
  if (size == nodes_.size()) return;
  while (nodes_.size() > size) {
    const auto index = static_cast<ChangeIndex>(nodes_.size() - 1);
    const ChangeNode& node = nodes_.back();
    by_actor_[node.actor].pop_back();
    extras_.erase(index);
    if (node.message_size > 0) messages_.resize(node.message_begin);
    if (node.deps_begin != ChangeNode::kPrevious) deps_.resize(node.deps_begin);
    nodes_.pop_back();
    hashes_.pop_back();
  }
  clocks_.resize(std::min(clocks_.size(), size / kClockEvery));
  std::vector<bool> has_child(size, false);
  heads_.clear();
  max_op_ = 0;
  for (ChangeIndex i = 0; i < size; ++i) {
    for_each_dep(i, [&](ChangeIndex dep) { has_child[dep] = true; });
    if (nodes_[i].op_count > 0) max_op_ = std::max(max_op_, nodes_[i].max_op());
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
    const ChangeNode& node = nodes_[change];
    if (closed.of(node.actor) >= node.seq) continue;
    clock.raise(node.actor, node.seq);
    if (change < kept && (change + 1) % kClockEvery == 0) {
      closed.merge(clocks_[change / kClockEvery]);
      continue;
    }
    bool own_previous = node.seq == 1;
    const ChangeIndex previous = own_previous ? 0 : by_actor_[node.actor][node.seq - 2];
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
      out.raise(actor, nodes_[*change].max_op());
    }
  }
  return out;
}

std::vector<ChangeIndex> ChangeGraph::not_in(const Clock& seqs) const {
  std::vector<ChangeIndex> out;
  for (ActorIndex actor = 0; actor < by_actor_.size(); ++actor) {
    const auto& own = by_actor_[actor];
    const std::size_t known = std::min<std::size_t>(seqs.of(actor), own.size());
    out.insert(out.end(), own.begin() + static_cast<std::ptrdiff_t>(known), own.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// ------------------------------------------------------------------------------------- invariants

void ChangeGraph::check_invariants() const {
  ASSERT(nodes_.size() == hashes_.size());
  std::vector<bool> has_child(nodes_.size(), false);
  std::vector<std::uint32_t> seqs(by_actor_.size(), 0);
  std::uint32_t greatest = 0;
  for (ChangeIndex i = 0; i < nodes_.size(); ++i) {
    const ChangeNode& node = nodes_[i];
    ASSERT(node.actor < by_actor_.size());
    ASSERT(node.seq == ++seqs[node.actor]);
    ASSERT(by_actor_[node.actor][node.seq - 1] == i);
    if (node.op_count > 0) greatest = std::max(greatest, node.max_op());
    for_each_dep(i, [&](ChangeIndex dep) {
      ASSERT(dep < i);
      ASSERT(nodes_[dep].op_count == 0 || nodes_[dep].max_op() < node.start_op);
      has_child[dep] = true;
    });
    ASSERT(find(hashes_[i]) == i);
  }
  ASSERT(greatest == max_op_);
  std::size_t heads = 0;
  for (ChangeIndex i = 0; i < nodes_.size(); ++i) heads += has_child[i] ? 0 : 1;
  ASSERT(heads == heads_.size());
  for (const ChangeIndex head : heads_) ASSERT(!has_child[head]);
  for (std::size_t k = 0; k < clocks_.size(); ++k) {
    ASSERT(clocks_[k].of(nodes_[(k + 1) * kClockEvery - 1].actor) >=
           nodes_[(k + 1) * kClockEvery - 1].seq);
  }
}

std::size_t ChangeGraph::memory_bytes() const {
  return nodes_.capacity() * sizeof(ChangeNode) + hashes_.capacity() * sizeof(model::ChangeHash) +
         (deps_.capacity() + slots_.capacity() + nodes_.size()) * sizeof(std::uint32_t) +
         messages_.capacity() + clocks_.size() * by_actor_.size() * sizeof(std::uint32_t);
}

}  // namespace converge::crdt
