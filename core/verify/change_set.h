#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace converge::verify {

/// Indices into a ChangeSet, in some order.
using Order = std::vector<std::uint32_t>;

/// The changes of one document, gathered from any number of replicas, each once, and how they
/// depend on each other. Closed under dependencies. Index order is a topological order.
class ChangeSet {
 public:
  struct Member {
    model::ChangeHash hash;
    Bytes chunk;                      ///< type 1
    std::vector<std::uint32_t> deps;  ///< ascending indices, all smaller than the member's own
  };

  /// From change chunks (type 1 or 2) in any order; double ones are kept once.
  /// Errors: those of format::decode_change; kNotFound ("change.missing_deps") when a dependency is
  /// in none of them.
  static Result<ChangeSet> make(const std::vector<Bytes>& chunks);

  std::size_t size() const { return members_.size(); }
  const Member& at(std::uint32_t index) const { return members_[index]; }

  /// Changes that are concurrent with at least one other. Cost: O(n^2) bits.
  std::size_t concurrent_count() const;

  /// Number of orders in which every change comes behind its dependencies, or `cap` when there are
  /// at least that many. Cost: by sets closed under dependencies, and never more than a small
  /// multiple of cap.
  std::uint64_t count_orders(std::uint64_t cap) const;

  /// The set without `dropped` and everything that depends on it.
  ChangeSet without(std::uint32_t dropped) const;

 private:
  std::vector<Member> members_;
};

}  // namespace converge::verify
