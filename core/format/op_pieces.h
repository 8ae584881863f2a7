#pragma once

#include "core/base/result.h"
#include "core/model/snapshot.h"

#include <cstdint>
#include <vector>

namespace converge::format {

/// Some consecutive ops of one actor, found in the rows of a document: a run of rows, or the
/// deletes that exist only as its successors (automerge-format 4.5).
struct OpPiece {
  enum class Kind : std::uint8_t { kText, kTextDeletes, kSingle, kSingleDelete };

  model::ActorIndex actor = 0;
  std::uint32_t counter = 0;  ///< of the first op
  std::uint32_t count = 1;
  std::uint32_t row = 0;         ///< in Snapshot::rows; kSingleDelete: a row of the register
  std::uint32_t pred_begin = 0;  ///< kSingle, kSingleDelete: in OpPieces::preds
  std::uint32_t pred_count = 0;
  Kind kind = Kind::kSingle;
};

/// All ops of a document in the order in which changes hold them.
struct OpPieces {
  std::vector<OpPiece> pieces;           ///< by actor, then counter
  std::vector<std::size_t> actor_begin;  ///< pieces of actor a: [actor_begin[a], actor_begin[a+1])
  std::vector<model::OpId> preds;        ///< shared array, ascending for each piece
};

/// Turns successors back into predecessors, register by register. Cost: by runs, plus a sort of
/// them by digits.
OpPieces collect_pieces(const model::Snapshot& snapshot);

/// The id of the element that a list row belongs to: its own id for an insert, else its key.
inline model::OpId element_of(const model::RowRun& run) {
  return run.insert ? run.id : run.key.element;
}

}  // namespace converge::format
