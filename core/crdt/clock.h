#pragma once

#include "core/model/ids.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace converge::crdt {

/// One number per actor index: up to which counter (or sequence number, as the user says) that
/// actor's work is included. Absent actors are 0.
class Clock {
 public:
  std::uint32_t of(model::ActorIndex actor) const {
    return actor < limit_.size() ? limit_[actor] : 0;
  }
  bool covers(model::OpId id) const { return of(id.actor) >= id.counter; }

  void raise(model::ActorIndex actor, std::uint32_t value) {
    if (actor >= limit_.size()) limit_.resize(actor + 1, 0);
    limit_[actor] = std::max(limit_[actor], value);
  }
  void merge(const Clock& other) {
    if (other.limit_.size() > limit_.size()) limit_.resize(other.limit_.size(), 0);
    for (std::size_t i = 0; i < other.limit_.size(); ++i) {
      limit_[i] = std::max(limit_[i], other.limit_[i]);
    }
  }
  std::size_t size() const { return limit_.size(); }
  std::size_t memory_bytes() const { return limit_.capacity() * sizeof(std::uint32_t); }

 private:
  std::vector<std::uint32_t> limit_;
};

}  // namespace converge::crdt
