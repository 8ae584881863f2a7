#include "core/format/document_rows.h"

#include "core/base/limits.h"
#include "core/codec/utf8.h"

#include <algorithm>
#include <limits>

namespace converge::format {
namespace {

using model::Action;
using model::OpId;
using model::RowRun;

constexpr ActorOrder kOrder;

OpId last_id(const RowRun& run) { return {run.id.counter + run.count - 1, run.id.actor}; }

}  // namespace

DocumentRowsDecoder::DocumentRowsDecoder(const ColumnSet& columns, std::uint64_t expanded,
                                         model::Snapshot& snapshot)
    : snapshot_(snapshot),
      reader_(columns, OpReader::Table::kDocument, snapshot.actors.size()),
      id_actor_(columns.find(op_column::kIdActor)),
      id_counter_(columns.find(op_column::kIdCounter), 1,
                  std::numeric_limits<std::uint32_t>::max()),
      expanded_max_(expanded) {}

Result<void> DocumentRowsDecoder::decode() {
  while (!reader_.at_end()) {
    if (!step()) return reader_.error();
  }
  if (!id_actor_.exhausted() || !id_counter_.exhausted()) {
    return Error{ErrorCode::kCorrupt, "op id columns malformed or with more cells than rows"};
  }
  return {};
}

bool DocumentRowsDecoder::step() {
  OpBlock block;
  if (!reader_.peek(block) || !measure_ids(block)) return false;
  if (reader_.row() + block.rows > limits::kRowsPerDocumentMax) {
    return reader_.fail(ErrorCode::kLimitExceeded, "too many op rows in one document");
  }
  if (snapshot_.rows.size() + snapshot_.succs.size() >= expanded_max_) {
    return reader_.fail(ErrorCode::kLimitExceeded, "columns expand to too many single ops");
  }
  if (!check_order(block) || !check_ids(block)) return false;

  std::uint64_t rows = take_text(block);
  if (rows == 0) {
    if (!take_single(block)) return false;
    rows = 1;
  }
  reader_.skip(block, rows);
  id_actor_.take(rows);
  id_counter_.take(rows);
  previous_ = {id_.counter + static_cast<std::uint32_t>(rows) - 1, id_.actor};
  if (block.insert) element_ = previous_;
  return true;
}

bool DocumentRowsDecoder::measure_ids(OpBlock& block) {
  block.rows = std::min({block.rows, id_actor_.available(), id_counter_.available()});
  if (block.rows == 0 || id_actor_.is_null() || id_counter_.is_null()) {
    return reader_.fail(ErrorCode::kCorrupt, "op id missing or malformed");
  }
  if (id_actor_.value() >= snapshot_.actors.size()) {
    return reader_.fail(ErrorCode::kCorrupt, "op id out of range");
  }
  id_ = {static_cast<std::uint32_t>(id_counter_.first()),
         static_cast<model::ActorIndex>(id_actor_.value())};
  return true;
}

// Objects ascend; in a map keys ascend and ids inside a key; in a list an element's insert comes
// first and its other rows directly behind it, ascending.
bool DocumentRowsDecoder::check_order(const OpBlock& block) {
  const auto wrong = [&](const char* what) { return reader_.fail(ErrorCode::kCorrupt, what); };
  if (!started_ || block.object != object_) {
    if (started_ && !kOrder.less(object_, block.object)) return wrong("objects not ascending");
    started_ = true;
    object_ = block.object;
    is_map_ = block.key.is_map;
    element_ = {};
    previous_ = {};
  } else if (block.key.is_map != is_map_) {
    return wrong("map keys and elements in one object");
  }

  if (is_map_) {
    const bool same_key = !previous_.is_none() && block.key.name == map_key_;
    if (!previous_.is_none() && block.key.name < map_key_) return wrong("map keys not ascending");
    if (same_key && !kOrder.less(previous_, id_)) return wrong("ops of one key not ascending");
    map_key_ = block.key.name;
    return true;
  }
  if (block.insert) return true;
  if (element_.is_none() || block.key.element != element_) {
    return wrong("update away from its element");
  }
  return kOrder.less(previous_, id_) ? true : wrong("ops of one element not ascending");
}

bool DocumentRowsDecoder::check_ids(const OpBlock& block) {
  if (!block.object.is_none() && !kOrder.less(block.object, id_)) {
    return reader_.fail(ErrorCode::kCorrupt, "object is not older than the op");
  }
  if (!block.key.is_map && !block.key.element.is_none() && !kOrder.less(block.key.element, id_)) {
    return reader_.fail(ErrorCode::kCorrupt, "element is not older than the op");
  }
  if (block.group > 0 && !kOrder.less(id_, block.group_first)) {
    return reader_.fail(ErrorCode::kCorrupt, "successor is not younger than the op");
  }
  return true;
}

// Whether the block's first row continues the run; if it has a successor, by which step.
bool DocumentRowsDecoder::joins(const RowRun& run, const OpBlock& block,
                                std::int64_t& succ_step) const {
  if (run.shape != RowRun::Shape::kText || run.object != block.object ||
      run.has_succ != (block.group == 1)) {
    return false;
  }
  if (!run.has_succ) return true;
  const std::int64_t tail = run.succ.counter + std::int64_t{run.succ_step} * (run.count - 1);
  succ_step = block.group_first.counter - tail;
  return run.succ.actor == block.group_first.actor && (succ_step == 1 || succ_step == -1) &&
         (run.count == 1 || succ_step == run.succ_step);
}

// How many rows of the block are text; 0 when it has to be taken as a single.
std::uint64_t DocumentRowsDecoder::take_text(const OpBlock& block) {
  if (block.action != Action::kSet || !block.insert || block.group > 1 ||
      block.value_type != static_cast<std::uint8_t>(model::ScalarType::kString)) {
    return 0;
  }
  // A row that stands behind the one before it, with the next id, keeps doing so down the block if
  // ids and keys count along.
  const bool chained = !previous_.is_none() && block.key.element == previous_ &&
                       id_ == OpId{previous_.counter + 1, previous_.actor};
  std::int64_t succ_step = block.rows > 1 ? block.group_step : 1;
  RowRun* last = snapshot_.rows.empty() ? nullptr : &snapshot_.rows.back();
  const bool joined = chained && last != nullptr && joins(*last, block, succ_step);

  bool regular = chained && block.key_step == 1 && (block.rows == 1 || id_counter_.step() == 1);
  if (block.group == 1) {
    regular = regular && (succ_step == 1 || succ_step == -1) && block.group_step == succ_step;
  }
  std::uint64_t rows = regular ? block.rows : 1;
  if (block.group == 1 && succ_step < 0) {
    // Ids rise and successors fall: stop before they meet, the row there shows the fault.
    const std::uint64_t distance = block.group_first.counter - id_.counter;
    rows = distance == 0 ? 1 : std::min<std::uint64_t>(rows, (distance - 1) / 2 + 1);
  }
  rows = count_code_points(reader_.raw(block, rows), block.value_size, rows);
  if (rows == 0) return 0;

  const std::string_view text = reader_.raw(block, rows);
  if (joined) {
    last->count += static_cast<std::uint32_t>(rows);
    last->text = {last->text.data(), last->text.size() + text.size()};
  } else {
    last = &snapshot_.rows.emplace_back();
    last->shape = RowRun::Shape::kText;
    last->insert = true;
    last->has_succ = block.group == 1;
    last->count = static_cast<std::uint32_t>(rows);
    last->id = id_;
    last->object = block.object;
    last->key = block.key;
    last->text = text;
    last->succ = block.group == 1 ? block.group_first : OpId{};
  }
  if (block.group == 1) {
    if (last->count > 1) last->succ_step = static_cast<std::int8_t>(succ_step);
    reader_.skip_groups(rows);
  }
  return rows;
}

bool DocumentRowsDecoder::take_single(const OpBlock& block) {
  if (!block.insert && !block.key.is_map) separate_last_element();
  RowRun& run = snapshot_.rows.emplace_back();
  run.action = block.action;
  run.insert = block.insert;
  run.expand = block.expand;
  run.id = id_;
  run.object = block.object;
  run.key = block.key;
  run.value = {block.value_type, reader_.raw(block, 1)};
  run.mark_name = block.mark_name;
  run.succ_begin = static_cast<std::uint32_t>(snapshot_.succs.size());
  run.succ_count = static_cast<std::uint32_t>(block.group);
  return reader_.check_value(run.value) &&
         reader_.take_group(block, kOrder, expanded_max_ - snapshot_.succs.size(), snapshot_.succs);
}

// An element that turns out to have further rows must not be part of a run.
void DocumentRowsDecoder::separate_last_element() {
  if (snapshot_.rows.empty() || snapshot_.rows.back().shape != RowRun::Shape::kText) return;
  RowRun& run = snapshot_.rows.back();
  const std::size_t before = codec::skip_code_points(run.text, run.count - 1);
  RowRun last;
  last.insert = true;
  last.id = last_id(run);
  last.object = run.object;
  last.key.element = run.count > 1 ? OpId{last.id.counter - 1, last.id.actor} : run.key.element;
  last.value = {static_cast<std::uint8_t>(model::ScalarType::kString), run.text.substr(before)};
  last.succ_begin = static_cast<std::uint32_t>(snapshot_.succs.size());
  if (run.has_succ) {
    const std::int64_t offset = std::int64_t{run.succ_step} * (run.count - 1);
    snapshot_.succs.push_back(
        {static_cast<std::uint32_t>(run.succ.counter + offset), run.succ.actor});
    last.succ_count = 1;
  }
  if (run.count == 1) {
    run = last;
    return;
  }
  run.text = run.text.substr(0, before);
  if (--run.count == 1) run.succ_step = 1;
  snapshot_.rows.push_back(last);
}

}  // namespace converge::format
