#include "core/format/change_decoder.h"

#include "core/base/limits.h"

#include <limits>

namespace converge::format {

using model::Action;
using model::OpId;
using model::OpRun;

ChangeOpsDecoder::ChangeOpsDecoder(const ColumnSet& columns, model::Change& change,
                                   ActorOrder order)
    : change_(change),
      order_(order),
      reader_(columns, OpReader::Table::kChange, change.other_actors.size() + 1),
      expanded_max_(expanded_max(change.body.size())) {}

Result<void> ChangeOpsDecoder::decode() {
  while (!reader_.at_end()) {
    if (!step()) return reader_.error();
  }
  change_.op_count = static_cast<std::uint32_t>(count_);
  return {};
}

bool ChangeOpsDecoder::step() {
  OpBlock block;
  if (!reader_.peek(block)) return false;
  constexpr std::uint64_t kCounterMax = std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t counter = change_.start_op + count_;
  if (count_ + block.rows > limits::kRowsPerChangeMax) {
    return reader_.fail(ErrorCode::kLimitExceeded, "too many ops in one change");
  }
  if (counter + block.rows - 1 > kCounterMax) {
    return reader_.fail(ErrorCode::kCorrupt, "op counter over 2^32-1");
  }
  id_ = {static_cast<std::uint32_t>(counter), 0};
  if (!check_budget() || !check_id(block.object, "object is not older than the op")) return false;
  if (!block.key.is_map && !check_id(block.key.element, "element is not older than the op")) {
    return false;
  }

  std::uint64_t rows = take_text(block);
  if (rows == 0) rows = take_deletes(block);
  if (rows == 0) {
    if (!take_single(block)) return false;
    rows = 1;
  }
  reader_.skip(block, rows);
  count_ += rows;
  return true;
}

bool ChangeOpsDecoder::check_budget() {
  return change_.ops.size() + change_.preds.size() < expanded_max_
             ? true
             : reader_.fail(ErrorCode::kLimitExceeded, "columns expand to too many single ops");
}

bool ChangeOpsDecoder::check_id(OpId smaller, const char* what) {
  if (smaller.is_none() || order_.less(smaller, id_)) return true;
  return reader_.fail(ErrorCode::kCorrupt, what);
}

// How many rows of the block are text; 0 when it has to be taken as a single.
std::uint64_t ChangeOpsDecoder::take_text(const OpBlock& block) {
  if (block.action != Action::kSet || !block.insert ||
      block.value_type != static_cast<std::uint8_t>(model::ScalarType::kString)) {
    return 0;
  }
  // A row behind the op before it keeps doing so down the block if the key counts along.
  const bool chained = block.key.element == OpId{id_.counter - 1, 0} && id_.counter > 1;
  std::uint64_t rows = chained && block.key_step == 1 ? block.rows : 1;
  rows = count_code_points(reader_.raw(block, rows), block.value_size, rows);
  if (rows == 0) return 0;

  const std::string_view text = reader_.raw(block, rows);
  OpRun* last = change_.ops.empty() ? nullptr : &change_.ops.back();
  if (chained && last != nullptr && last->shape == OpRun::Shape::kText &&
      last->object == block.object) {
    last->count += static_cast<std::uint32_t>(rows);
    last->text = {last->text.data(), last->text.size() + text.size()};
    return rows;
  }
  OpRun& run = change_.ops.emplace_back();
  run.shape = OpRun::Shape::kText;
  run.insert = true;
  run.count = static_cast<std::uint32_t>(rows);
  run.object = block.object;
  run.key = block.key;
  run.text = text;
  return rows;
}

std::uint64_t ChangeOpsDecoder::take_deletes(const OpBlock& block) {
  if (block.action != Action::kDel || block.key.is_map || block.group != 1 ||
      block.group_first != block.key.element) {
    return 0;
  }
  OpRun* last = change_.ops.empty() ? nullptr : &change_.ops.back();
  std::int64_t step = 0;
  if (last != nullptr && last->shape == OpRun::Shape::kDelete && last->object == block.object &&
      last->key.element.actor == block.key.element.actor) {
    const std::int64_t tail =
        last->key.element.counter + std::int64_t{last->step} * (last->count - 1);
    step = block.key.element.counter - tail;
    if ((step != 1 && step != -1) || (last->count > 1 && step != last->step)) step = 0;
  }
  if (step != 0) {
    // The first row's element is older than its op, so the others are too: op counters rise by one
    // a row and element counters by at most that.
    const bool regular = block.key_step == step && block.group_step == step;
    const std::uint64_t rows = regular ? block.rows : 1;
    last->step = static_cast<std::int8_t>(step);
    last->count += static_cast<std::uint32_t>(rows);
    reader_.skip_groups(rows);
    return rows;
  }
  OpRun& run = change_.ops.emplace_back();
  run.shape = OpRun::Shape::kDelete;
  run.action = Action::kDel;
  run.object = block.object;
  run.key = block.key;
  reader_.skip_groups(1);
  return 1;
}

bool ChangeOpsDecoder::take_single(const OpBlock& block) {
  OpRun& run = change_.ops.emplace_back();
  run.action = block.action;
  run.insert = block.insert;
  run.expand = block.expand;
  run.object = block.object;
  run.key = block.key;
  run.value = {block.value_type, reader_.raw(block, 1)};
  run.mark_name = block.mark_name;
  run.pred_begin = static_cast<std::uint32_t>(change_.preds.size());
  run.pred_count = static_cast<std::uint32_t>(block.group);
  if (!reader_.check_value(run.value)) return false;
  if (!reader_.take_group(block, order_, expanded_max_ - change_.preds.size(), change_.preds)) {
    return false;
  }
  return block.group == 0 || check_id(change_.preds.back(), "predecessor is not older than the op");
}

}  // namespace converge::format
