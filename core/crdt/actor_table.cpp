#include "core/crdt/actor_table.h"

#include "core/base/assert.h"

#include <algorithm>

namespace converge::crdt {

std::size_t ActorTable::lower_bound(const ActorId& actor) const {
  const auto at = std::lower_bound(
      sorted_.begin(), sorted_.end(), actor,
      [this](ActorIndex index, const ActorId& wanted) { return actors_[index] < wanted; });
  return static_cast<std::size_t>(at - sorted_.begin());
}

std::optional<ActorIndex> ActorTable::find(const ActorId& actor) const {
  if (last_found_ < actors_.size() && actors_[last_found_] == actor) return last_found_;
  const std::size_t at = lower_bound(actor);
  if (at == sorted_.size() || actors_[sorted_[at]] != actor) return std::nullopt;
  last_found_ = sorted_[at];
  return last_found_;
}

ActorIndex ActorTable::intern(const ActorId& actor) {
  if (const auto known = find(actor)) return *known;
  const std::size_t at = lower_bound(actor);
  const auto index = static_cast<ActorIndex>(actors_.size());
  actors_.push_back(actor);
  rank_.push_back(0);
  sorted_.insert(sorted_.begin() + static_cast<std::ptrdiff_t>(at), index);
  for (std::size_t i = at; i < sorted_.size(); ++i) {
    rank_[sorted_[i]] = static_cast<std::uint32_t>(i);
  }
  return index;
}

void ActorTable::check_invariants() const {
  ASSERT(sorted_.size() == actors_.size());
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    ASSERT(rank_[sorted_[i]] == i);
    ASSERT(i == 0 || actors_[sorted_[i - 1]] < actors_[sorted_[i]]);
  }
}

}  // namespace converge::crdt
