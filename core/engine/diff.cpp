#include "core/crdt/clock_near.h"
#include "core/engine/differ.h"
#include "core/engine/document_impl.h"
#include "core/engine/patch.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace converge::engine {

using crdt::ChangeIndex;
using crdt::Clock;
using model::ChangeHash;

namespace {

/// Steps back from the present before the kept clocks are worth making.
constexpr std::size_t kNearSteps = 4096;

/// Following single places beats walking everything while the changes are few.
bool few(std::size_t changes, std::size_t all) { return changes <= all / 8 + 16; }

}  // namespace

Patches Document::Impl::diff(const Clock& before, const Clock& after, TextUnit unit) const {
  std::vector<ChangeIndex> not_before = graph.not_in(before);
  const std::vector<ChangeIndex> not_after = graph.not_in(after);
  const Clock ops_before = graph.op_clock(before);
  const Clock ops_after = graph.op_clock(after);
  // While a transaction is open the present is neither.
  const bool committed = !in_transaction;
  const Clock* const from = committed && not_before.empty() ? nullptr : &ops_before;
  const Clock* const to = committed && not_after.empty() ? nullptr : &ops_after;
  if (committed && few(not_before.size() + not_after.size(), graph.size())) {
    not_before.insert(not_before.end(), not_after.begin(), not_after.end());
    std::sort(not_before.begin(), not_before.end());
    not_before.erase(std::unique(not_before.begin(), not_before.end()), not_before.end());
    if (const auto written = written_by(ops, graph, bodies, not_before)) {
      return Differ(ops, from, to, unit, &*written).run();
    }
  }
  return Differ(ops, from, to, unit, nullptr).run();
}

Result<Patches> Document::diff(const Heads& before, const Heads& after, TextUnit unit) const {
  const Impl& impl = sealed();
  const crdt::ChangeGraph& graph = impl.graph;
  const auto clock_at = [&](const Heads& heads) -> std::optional<Clock> {
    bool missing = false;
    const auto indices = impl.indices_of(heads, &missing);
    if (missing) return std::nullopt;
    auto near = crdt::clock_near_present(graph, impl.ops.actors().size(), indices, kNearSteps);
    return near ? std::move(*near) : graph.clock_of(indices);
  };
  const auto from = clock_at(before);
  const auto to = clock_at(after);
  if (!from || !to) return Error{ErrorCode::kNotFound, "unknown heads"};
  return impl.diff(*from, *to, unit);
}

Result<Patches> Document::patches_of(const std::vector<ChangeHash>& last, TextUnit unit) const {
  const Impl& impl = sealed();
  const crdt::ChangeGraph& graph = impl.graph;
  const Clock after = crdt::present_clock(graph, impl.ops.actors().size());
  Clock before;
  std::vector<ChangeIndex> changes;
  for (const ChangeHash& hash : last) {
    const auto index = graph.find(hash);
    if (!index) return Error{ErrorCode::kNotFound, "unknown change " + hash.to_hex()};
    changes.push_back(*index);
  }
  std::sort(changes.begin(), changes.end());
  changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
  std::vector<std::uint32_t> taken(impl.ops.actors().size(), 0);
  for (const ChangeIndex change : changes) ++taken[graph.at(change).actor];
  for (model::ActorIndex actor = 0; actor < taken.size(); ++actor) {
    before.raise(actor, after.of(actor) - taken[actor]);
  }
  if (graph.not_in(before) != changes) {
    return Error{ErrorCode::kInvalid, "later changes build on the ones named"};
  }
  return impl.diff(before, after, unit);
}

}  // namespace converge::engine
