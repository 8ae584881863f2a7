#pragma once

#include "core/base/result.h"
#include "core/format/op_reader.h"
#include "core/model/change.h"

#include <cstdint>

namespace converge::format {

/// Turns the op columns of a change into model::OpRun: text and delete runs grow by whole blocks,
/// anything else becomes one run an op. Fills ops, preds and op_count of `change`, whose header
/// fields and body must be there already.
class ChangeOpsDecoder {
 public:
  ChangeOpsDecoder(const ColumnSet& columns, model::Change& change, ActorOrder order);
  Result<void> decode();

 private:
  bool step();
  std::uint64_t take_text(const OpBlock& block);
  std::uint64_t take_deletes(const OpBlock& block);
  bool take_single(const OpBlock& block);
  bool check_id(model::OpId smaller, const char* what);
  bool check_budget();

  model::Change& change_;
  ActorOrder order_;
  OpReader reader_;
  std::uint64_t expanded_max_ = 0;
  std::uint64_t count_ = 0;  // ops so far
  model::OpId id_;           // of the op at the cursor
};

}  // namespace converge::format
