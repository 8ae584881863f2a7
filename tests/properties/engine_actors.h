#pragma once

#include "core/engine/document.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace converge::testing {

/// What a view shows, in the words of ReferenceModel::read.
nlohmann::json read_like_model(const engine::View& view);

/// A seeded stream of choices; the same seed makes the same history.
class Choices {
 public:
  explicit Choices(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::size_t below(std::size_t bound);
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

/// Makes one random edit somewhere in the document. Never fails: what cannot be done is not tried.
void random_edit(engine::Transaction& tx, Choices& choices);

/// Several replicas of one document that edit and merge at random.
class Replicas {
 public:
  Replicas(std::size_t count, std::uint64_t seed);

  /// One transaction on one replica, or one merge between two.
  void step();
  /// Merges everything into everything; afterwards all have equal heads.
  void settle();
  std::vector<engine::Document>& all() { return replicas_; }
  Choices& choices() { return choices_; }

 private:
  Choices choices_;
  std::vector<engine::Document> replicas_;
};

}  // namespace converge::testing
