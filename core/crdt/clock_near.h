#pragma once

#include "core/crdt/change_graph.h"
#include "core/crdt/clock.h"

#include <cstddef>
#include <optional>
#include <span>

namespace converge::crdt {

/// Sequence numbers of every applied change.
Clock present_clock(const ChangeGraph& graph, std::size_t actors);

/// The same as ChangeGraph::clock_of, found backwards from the present: for versions shortly before
/// it that costs O(changes since), and no clocks are kept. Nothing when it takes more than `limit`
/// steps.
std::optional<Clock> clock_near_present(const ChangeGraph& graph, std::size_t actors,
                                        std::span<const ChangeIndex> changes, std::size_t limit);

}  // namespace converge::crdt
