#pragma once

#include "core/base/bytes.h"
#include "core/format/op_writer.h"
#include "core/model/change.h"

#include <cstdint>
#include <span>

namespace converge::format {

/// The fields of a change body in front of its columns, and the bytes behind them. `actor` is index
/// 0 of the change's table, `others` are 1.. in order.
struct ChangeHeader {
  std::span<const model::ChangeHash> deps;
  const model::ActorId* actor = nullptr;
  std::uint32_t seq = 0;
  std::uint32_t start_op = 0;
  std::int64_t time = 0;
  std::string_view message;
  std::span<const model::ActorId* const> others;
  ByteView extra;
};

/// Puts one change body together (automerge-format 3.1). Reused from change to change, it keeps its
/// buffers and allocates nothing.
class ChangeEncoder {
 public:
  /// Start of a change; then fill ops().
  OpWriter& begin() {
    ops_.clear();
    return ops_;
  }
  /// The body; valid until the next begin().
  const Bytes& finish(const ChangeHeader& header);

  /// Everything at once. `body` and `hash` of the change are not looked at.
  const Bytes& encode(const model::Change& change);

 private:
  void add(const model::Change& change, const model::OpRun& run, std::uint32_t counter);

  OpWriter ops_;
  ColumnList columns_;
  Bytes body_;
  std::vector<const model::ActorId*> others_;
};

}  // namespace converge::format
