#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/engine/document_impl.h"
#include "core/format/change.h"

#include <algorithm>
#include <string>

namespace converge::engine {

using crdt::ChangeIndex;
using model::Change;
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
    const crdt::ChangeNode& node = graph.at(dep);
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

/// One change into ops, graph and bytes. On error nothing of it is kept. REQUIRES: its deps are
/// applied.
Result<void> Document::Impl::apply_one(Change& change) {
  std::vector<model::ActorIndex>& actor_of = scratch_actors_;
  actor_of.assign(1, ops.actors().intern(change.actor));
  for (const model::ActorId& other : change.other_actors) {
    const auto index = ops.actors().find(other);
    if (!index || graph.last_seq(*index) == 0) {
      return bad_change(change, ErrorCode::kCorrupt, "actor " + other.to_hex() + " is unknown");
    }
    actor_of.push_back(*index);
  }
  std::vector<ChangeIndex>& deps = scratch_deps_;
  deps.clear();
  for (const ChangeHash& dep : change.deps) deps.push_back(*graph.find(dep));
  if (auto checked = check_change(change, actor_of[0], deps); !checked) return checked;
  renumber(change, actor_of);

  const std::size_t content = ops.content_size();
  std::uint32_t counter = change.start_op;
  for (std::size_t i = 0; i < change.ops.size(); ++i) {
    auto applied = ops.apply(change.ops[i], {counter, actor_of[0]}, change.preds);
    if (!applied) {
      unapply_ops(change, i);
      ops.content().truncate(content);
      return bad_change(change, applied.error().code,
                        "op " + std::to_string(counter) + ": " + applied.error().message);
    }
    counter += change.ops[i].count;
  }

  crdt::ChangeGraph::NewChange added;
  added.actor = actor_of[0];
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

/// Undoes the first `count` changes of the plan's order.
void Document::Impl::take_back(const crdt::OrphanQueue::Plan& plan, std::size_t count) {
  for (std::size_t i = count; i-- > 0;) {
    const Change& change = plan.changes[plan.order[i]];
    unapply_ops(change, change.ops.size());
  }
  graph.truncate(graph.size() - count);
  bodies.truncate(graph.size());
}

/// The plan's k-th change in order turned out to be bad. What waited before waits again, except the
/// bad one: it would make every later batch fail.
void Document::Impl::restore_queue(crdt::OrphanQueue::Plan& plan, std::size_t bad) {
  std::vector<Change> waiting;
  for (std::size_t i = 0; i < plan.queued; ++i) {
    Change& change = plan.changes[i];
    if (i == plan.order[bad]) continue;
    if (plan.ready[i]) {  // its ops may have been renumbered
      auto again = format::decode_change_body(std::move(change.body), change.hash);
      ASSERT(again.has_value());
      waiting.push_back(std::move(*again));
    } else {
      waiting.push_back(std::move(change));
    }
  }
  orphans.keep(std::move(waiting));
}

Result<ApplyReport> Document::Impl::apply(std::vector<Change> batch) {
  ASSERT(!in_transaction);
  auto plan = orphans.plan(std::move(batch), graph, ops.actors());
  if (!plan) return plan.error();

  ApplyReport report;
  report.applied.reserve(plan->order.size());
  for (std::size_t k = 0; k < plan->order.size(); ++k) {
    Change& change = plan->changes[plan->order[k]];
    if (auto applied = apply_one(change); !applied) {
      take_back(*plan, k);
      restore_queue(*plan, k);
      return applied.error();
    }
    report.applied.push_back(change.hash);
  }
  std::vector<Change> waiting;
  if (plan->order.size() < plan->changes.size()) {
    for (std::size_t i = 0; i < plan->changes.size(); ++i) {
      if (plan->ready[i]) continue;
      if (i >= plan->queued) report.queued.push_back(plan->changes[i].hash);
      waiting.push_back(std::move(plan->changes[i]));
    }
  }
  orphans.keep(std::move(waiting));
  return report;
}

}  // namespace converge::engine
