#pragma once

#include "core/base/result.h"
#include "core/format/op_reader.h"
#include "core/model/snapshot.h"

#include <cstdint>

namespace converge::format {

/// Turns the op columns of a document chunk into model::RowRun and checks row order
/// (automerge-format 4.4) on the way. Text rows grow runs by whole blocks, any other row is a run.
class DocumentRowsDecoder {
 public:
  /// Fills rows and succs, together at most `expanded` singles and successors. Views point into the
  /// columns' bytes.
  DocumentRowsDecoder(const ColumnSet& columns, std::uint64_t expanded, model::Snapshot& snapshot);
  Result<void> decode();

 private:
  bool step();
  bool measure_ids(OpBlock& block);
  bool check_order(const OpBlock& block);
  bool check_ids(const OpBlock& block);
  std::uint64_t take_text(const OpBlock& block);
  bool joins(const model::RowRun& run, const OpBlock& block, std::int64_t& succ_step) const;
  bool take_single(const OpBlock& block);
  void separate_last_element();

  model::Snapshot& snapshot_;
  OpReader reader_;
  codec::UintReader id_actor_;
  codec::DeltaReader id_counter_;
  std::uint64_t expanded_max_ = 0;
  bool is_map_ = true;  ///< of the object at the cursor
  bool started_ = false;
  model::OpId object_;
  std::string_view map_key_;
  model::OpId element_;   ///< the list element whose rows are being read
  model::OpId previous_;  ///< id of the row before, or none at an object's start
  model::OpId id_;        ///< of the row at the cursor
};

}  // namespace converge::format
