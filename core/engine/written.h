#pragma once

#include "core/crdt/change_graph.h"
#include "core/crdt/op_set.h"
#include "core/engine/body_store.h"

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace converge::engine {

/// Elements with consecutive ids.
struct ElementRange {
  model::OpId first;
  std::uint32_t count = 1;
};

/// What some changes wrote in one object; keys and ranges may appear twice and overlap.
struct WrittenPlaces {
  std::vector<crdt::KeyId> keys;
  std::vector<ElementRange> elements;
};

/// By object number.
using Written = std::unordered_map<std::uint32_t, WrittenPlaces>;

/// Every key and element that the changes put, inserted, deleted or incremented. Nothing when the
/// bytes of one of them are not here. Cost: by op runs of the changes, whatever the document's
/// size. REQUIRES: applied changes.
std::optional<Written> written_by(const crdt::OpSet& ops, const crdt::ChangeGraph& graph,
                                  const BodyStore& bodies,
                                  std::span<const crdt::ChangeIndex> changes);

/// Element ranges as places: what a walk has to look at in one sequence.
class WrittenSpans {
 public:
  /// Part of one span.
  struct Piece {
    std::uint64_t rank = 0;  ///< order among the spans of the sequence
    crdt::Place place;       ///< of the span
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    /// Units that the pieces before this one have at the clock more than now (it wraps).
    std::size_t shift = 0;
  };

  /// `clock` and `unit` decide the shifts. Cost: O(log spans) a range and a piece.
  WrittenSpans(const crdt::OpSet& ops, const std::vector<ElementRange>& elements,
               const crdt::Clock* clock, crdt::Unit unit);

  /// In document order, not overlapping.
  const std::vector<Piece>& pieces() const { return pieces_; }
  /// Units that the pieces before the place have at the clock more than now (it wraps).
  std::size_t shift_at(const crdt::Place& place) const;

 private:
  void locate(ElementRange range);

  const crdt::OpSet& ops_;
  std::vector<Piece> pieces_;
  std::size_t shift_ = 0;  ///< of all pieces
};

}  // namespace converge::engine
