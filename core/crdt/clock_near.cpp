#include "core/crdt/clock_near.h"

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

namespace converge::crdt {

Clock present_clock(const ChangeGraph& graph, std::size_t actors) {
  Clock out;
  for (ActorIndex actor = 0; actor < actors; ++actor) out.raise(actor, graph.last_seq(actor));
  return out;
}

std::optional<Clock> clock_near_present(const ChangeGraph& graph, std::size_t actors,
                                        std::span<const ChangeIndex> changes, std::size_t limit) {
  std::vector<std::uint32_t> included(actors);
  for (ActorIndex actor = 0; actor < actors; ++actor) included[actor] = graph.last_seq(actor);

  // Latest first: everything that builds on a change is dealt with before it.
  std::map<ChangeIndex, bool, std::greater<>> open;  // whether `changes` include it
  std::size_t outside = 0;
  const auto add = [&](ChangeIndex change, bool inside) {
    const auto [at, fresh] = open.emplace(change, inside);
    if (fresh) {
      outside += inside ? 0 : 1;
    } else if (inside && !at->second) {
      at->second = true;
      --outside;
    }
  };
  for (const ChangeIndex head : graph.head_indices()) add(head, false);
  for (const ChangeIndex change : changes) add(change, true);
  for (; outside > 0; --limit) {
    if (limit == 0) return std::nullopt;
    const ChangeIndex change = open.begin()->first;
    const bool inside = open.begin()->second;
    open.erase(open.begin());
    const ChangeNode& node = graph.at(change);
    if (!inside) {
      --outside;
      included[node.actor] = std::min(included[node.actor], node.seq - 1);
    }
    graph.for_each_dep(change, [&](ChangeIndex dep) { add(dep, inside); });
    if (node.seq > 1) add(*graph.by_seq(node.actor, node.seq - 1), inside);
  }
  Clock out;
  for (ActorIndex actor = 0; actor < actors; ++actor) out.raise(actor, included[actor]);
  return out;
}

}  // namespace converge::crdt
