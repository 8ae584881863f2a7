#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/engine/document_impl.h"
#include "core/format/change.h"

#include <algorithm>
#include <string>

namespace converge::engine {

using crdt::ChangeIndex;
using model::Change;
using model::ChangeEnvelope;
using model::ChangeHash;
using model::OpId;
using model::OpRun;

namespace {

Error bad_change(const Change& change, ErrorCode code, const std::string& what) {
  return {code, "change " + change.hash.to_hex().substr(0, 8) + ": " + what};
}

/// Rewrites the change's own actor numbers into the document's.
void renumber(Change& change, const std::vector<model::ActorIndex>& actor_of) {
  bool same = true;
  for (std::size_t i = 0; i < actor_of.size(); ++i) same &= actor_of[i] == i;
  if (same) return;
  const auto map = [&](OpId& id) {
    if (!id.is_none()) id.actor = actor_of[id.actor];
  };
  for (OpRun& run : change.ops) {
    map(run.object);
    map(run.key.element);
  }
  for (OpId& pred : change.preds) map(pred);
}

}  // namespace

/// What the graph can tell (automerge-format 7.1 and 10).
Result<void> Document::Impl::check_change(const Change& change, model::ActorIndex author,
                                          std::span<const ChangeIndex> deps) const {
  const std::uint32_t last = graph.last_seq(author);
  if (change.seq <= last) {
    return bad_change(change, ErrorCode::kConflict,
                      "sequence number " + std::to_string(change.seq) + " of actor " +
                          change.actor.to_hex() + " is taken");
  }
  if (change.seq != last + 1) {
    return bad_change(change, ErrorCode::kCorrupt,
                      "sequence number " + std::to_string(change.seq) + " leaves a gap");
  }
  if (last > 0 && change.start_op <= graph.last_op(author)) {
    return bad_change(change, ErrorCode::kCorrupt, "op ids of its actor appear twice");
  }
  for (const ChangeIndex dep : deps) {
    const crdt::ChangeNode node = graph.at(dep);
    if (node.op_count > 0 && change.start_op <= node.max_op()) {
      return bad_change(change, ErrorCode::kCorrupt, "its ops are not above those it depends on");
    }
  }
  if (change.start_op > graph.max_op() + limits::kStartOpLeapMax) {
    return bad_change(change, ErrorCode::kLimitExceeded, "its op counter leaps ahead");
  }
  if (!ops.content().fits(change.body.size()) || !ops.keys().fits(change.body.size())) {
    return bad_change(change, ErrorCode::kLimitExceeded, "the document would exceed 4 GiB");
  }
  return {};
}

void Document::Impl::unapply_ops(const Change& change, std::size_t runs) {
  const model::ActorIndex author = *ops.actors().find(change.actor);
  std::uint32_t counter = change.start_op;
  for (std::size_t i = 0; i < runs; ++i) counter += change.ops[i].count;
  for (std::size_t i = runs; i-- > 0;) {
    counter -= change.ops[i].count;
    ops.unapply(change.ops[i], {counter, author}, change.preds);
  }
}

/// Gives the change's actors the document's numbers; scratch_actors_ holds them, the author first.
Result<void> Document::Impl::number_actors(Change& change) {
  std::vector<model::ActorIndex>& actor_of = scratch_actors_;
  actor_of.assign(1, ops.actors().intern(change.actor));
  for (const model::ActorId& other : change.other_actors) {
    const auto index = ops.actors().find(other);
    if (!index || graph.last_seq(*index) == 0) {
      return bad_change(change, ErrorCode::kCorrupt, "actor " + other.to_hex() + " is unknown");
    }
    actor_of.push_back(*index);
  }
  renumber(change, actor_of);
  return {};
}

/// One change into ops, graph and bytes. On error nothing of it is kept. REQUIRES: its deps are
/// applied.
Result<void> Document::Impl::apply_one(Change& change) {
  if (auto done = number_actors(change); !done) return done;
  const model::ActorIndex author = scratch_actors_[0];
  std::vector<ChangeIndex>& deps = scratch_deps_;
  deps.clear();
  for (const ChangeHash& dep : change.deps) deps.push_back(*graph.find(dep));
  if (auto checked = check_change(change, author, deps); !checked) return checked;

  const std::size_t content = ops.content_size();
  std::uint32_t counter = change.start_op;
  for (std::size_t i = 0; i < change.ops.size(); ++i) {
    auto applied = ops.apply(change.ops[i], {counter, author}, change.preds);
    if (!applied) {
      unapply_ops(change, i);
      ops.content().truncate(content);
      return bad_change(change, applied.error().code,
                        "op " + std::to_string(counter) + ": " + applied.error().message);
    }
    counter += change.ops[i].count;
  }

  crdt::ChangeGraph::NewChange added;
  added.actor = author;
  added.seq = change.seq;
  added.start_op = change.start_op;
  added.op_count = change.op_count;
  added.time = change.time;
  added.message = change.message;
  added.extra = as_text(change.extra);
  added.deps = deps;
  added.hash = change.hash;
  const ChangeIndex index = graph.add(added);
  bodies.put(index, change.body);
  return {};
}

/// Undoes the first `count` changes of the plan's order. Their ops are gone by now, so they are
/// unpacked again: only a batch that fails pays.
void Document::Impl::take_back(const crdt::OrphanQueue::Plan& plan, std::size_t count) {
  Change change;
  for (std::size_t i = count; i-- > 0;) {
    const ChangeEnvelope& packed = plan.changes[plan.order[i]];
    const auto read = format::decode_change_body(packed.body, packed.hash, change);
    ASSERT(read.has_value());
    const auto numbered = number_actors(change);
    ASSERT(numbered.has_value());
    unapply_ops(change, change.ops.size());
  }
  graph.truncate(graph.size() - count);
  bodies.truncate(graph.size());
}

/// Applies what is ready and proves that what will wait is well formed. One change is unpacked at a
/// time, into memory that the next one uses again.
std::optional<Document::Impl::Refusal> Document::Impl::apply_plan(
    const crdt::OrphanQueue::Plan& plan) {
  Change change;
  for (std::size_t i = plan.queued; i < plan.changes.size(); ++i) {
    if (plan.ready[i]) continue;
    const ChangeEnvelope& packed = plan.changes[i];
    const auto read = format::decode_change_body(packed.body, packed.hash, change);
    if (!read) return Refusal{i, read.error()};
  }
  for (std::size_t k = 0; k < plan.order.size(); ++k) {
    const ChangeEnvelope& packed = plan.changes[plan.order[k]];
    auto applied = format::decode_change_body(packed.body, packed.hash, change);
    if (applied) applied = apply_one(change);
    if (applied) continue;
    take_back(plan, k);
    return Refusal{plan.order[k], applied.error()};
  }
  return std::nullopt;
}

Result<ApplyReport> Document::Impl::apply(std::vector<ChangeEnvelope> batch) {
  ASSERT(!in_transaction);
  auto plan = orphans.plan(std::move(batch), graph, ops.actors());
  if (!plan) return plan.error();
  const auto refused = apply_plan(*plan);

  // What waited before waits again after a refusal, except the refused one: it would make every
  // later batch fail.
  ApplyReport report;
  std::vector<ChangeEnvelope> waiting;
  const std::size_t kept = refused ? plan->queued : plan->changes.size();
  for (std::size_t i = 0; i < kept; ++i) {
    if (refused ? i == refused->change : plan->ready[i]) continue;
    if (i >= plan->queued) report.queued.push_back(plan->changes[i].hash);
    waiting.push_back(std::move(plan->changes[i]));
  }
  if (!refused) {
    report.applied.reserve(plan->order.size());
    for (const std::uint32_t i : plan->order) report.applied.push_back(plan->changes[i].hash);
  }
  orphans.keep(std::move(waiting));
  if (refused) return refused->error;
  return report;
}

}  // namespace converge::engine
