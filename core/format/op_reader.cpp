#include "core/format/op_reader.h"

#include "core/base/limits.h"
#include "core/codec/utf8.h"

#include <algorithm>
#include <limits>

namespace converge::format {
namespace {

using model::Action;
using model::OpId;
using model::ScalarType;

constexpr std::int64_t kCounterMax = std::numeric_limits<std::uint32_t>::max();

template <class Reader>
void open(Reader& reader, ByteView bytes) {
  if (!bytes.empty()) reader = Reader(bytes);
}

void open(codec::DeltaReader& reader, ByteView bytes) {
  if (!bytes.empty()) reader = codec::DeltaReader(bytes, 0, kCounterMax);
}

}  // namespace

std::uint64_t expanded_max(std::uint64_t stored_bytes) {
  if (stored_bytes >= limits::kExpandedMax / limits::kExpandedPerByteMax) {
    return limits::kExpandedMax;
  }
  return std::max(limits::kExpandedFloor, stored_bytes * limits::kExpandedPerByteMax);
}

std::uint64_t count_code_points(std::string_view raw, std::uint64_t size, std::uint64_t rows) {
  constexpr std::uint64_t kCodePointBytesMax = 4;
  if (size == 0 || size > kCodePointBytesMax) return 0;
  std::uint64_t good = 0;
  if (size == 1) {
    while (good < rows && static_cast<unsigned char>(raw[good]) < 0x80) ++good;
    return good;
  }
  for (; good < rows; ++good) {
    const auto cell = raw.substr(good * size, size);
    if (codec::code_point_size(cell.front()) != size || !codec::is_valid_utf8(cell)) break;
  }
  return good;
}

OpReader::OpReader(const ColumnSet& columns, Table table, std::uint64_t actor_count)
    : actor_count_(actor_count), table_(table) {
  // Columns that must be there unless there is no row: an empty reader has no cells at all, an
  // absent one any number of defaults.
  action_ = codec::UintReader(ByteView{});
  value_meta_ = codec::UintReader(ByteView{});
  group_count_ = codec::UintReader(ByteView{});
  if (table == Table::kChange) insert_ = codec::BooleanReader(ByteView{});
  for (const Column& column : columns.all()) {
    const ByteView bytes = column.bytes;
    switch (column.spec) {
      case op_column::kObjectActor:
        open(object_actor_, bytes);
        break;
      case op_column::kObjectCounter:
        open(object_counter_, bytes);
        break;
      case op_column::kKeyActor:
        open(key_actor_, bytes);
        break;
      case op_column::kKeyCounter:
        open(key_counter_, bytes);
        break;
      case op_column::kKeyName:
        open(key_name_, bytes);
        break;
      case op_column::kInsert:
        open(insert_, bytes);
        break;
      case op_column::kAction:
        open(action_, bytes);
        break;
      case op_column::kValueMeta:
        open(value_meta_, bytes);
        break;
      case op_column::kValueRaw:
        raw_ = as_text(bytes);
        break;
      case op_column::kPredCount:
      case op_column::kSuccCount:
        open(group_count_, bytes);
        break;
      case op_column::kPredActor:
      case op_column::kSuccActor:
        open(group_actor_, bytes);
        break;
      case op_column::kPredCounter:
      case op_column::kSuccCounter:
        open(group_counter_, bytes);
        break;
      case op_column::kExpand:
        open(expand_, bytes);
        break;
      case op_column::kMarkName:
        open(mark_name_, bytes);
        break;
      default:
        break;  // ids: the caller's
    }
  }
}

bool OpReader::fail(ErrorCode code, const char* what) {
  error_ = Error{code, "op row " + std::to_string(row_) + ": " + what};
  return false;
}

Error OpReader::error() const {
  if (!error_) find_fault();
  return error_.value_or(Error{ErrorCode::kCorrupt, "op columns of different lengths"});
}

bool OpReader::find_fault() const {
  const auto look = [&](std::uint32_t spec, auto reader) {
    // A copy: looking must not move the reader, and available() may load a run.
    if (error_ || reader.available() > 0) return;
    error_ = codec::column_error(reader.fault(), spec, reader.position());
  };
  const bool document = table_ == Table::kDocument;
  look(op_column::kAction, action_);
  look(op_column::kObjectActor, object_actor_);
  look(op_column::kObjectCounter, object_counter_);
  look(op_column::kKeyActor, key_actor_);
  look(op_column::kKeyCounter, key_counter_);
  look(op_column::kKeyName, key_name_);
  look(op_column::kInsert, insert_);
  look(op_column::kValueMeta, value_meta_);
  look(document ? op_column::kSuccCount : op_column::kPredCount, group_count_);
  look(document ? op_column::kSuccActor : op_column::kPredActor, group_actor_);
  look(document ? op_column::kSuccCounter : op_column::kPredCounter, group_counter_);
  look(op_column::kExpand, expand_);
  look(op_column::kMarkName, mark_name_);
  return error_.has_value();
}

bool OpReader::at_end() {
  if (error_ || action_.available() > 0) return false;
  const bool done = action_.exhausted() && object_actor_.exhausted() &&
                    object_counter_.exhausted() && key_actor_.exhausted() &&
                    key_counter_.exhausted() && key_name_.exhausted() && insert_.exhausted() &&
                    value_meta_.exhausted() && group_count_.exhausted() &&
                    group_actor_.exhausted() && group_counter_.exhausted() && expand_.exhausted() &&
                    mark_name_.exhausted() && raw_.empty();
  if (action_.fault() != codec::ColumnFault::kNone) {
    error_ = codec::column_error(action_.fault(), op_column::kAction, action_.position());
  } else if (!done) {
    error_ = Error{ErrorCode::kCorrupt, "op columns malformed or with more cells than rows"};
  }
  return !error_;
}

bool OpReader::measure(OpBlock& block) {
  std::uint64_t rows = action_.available();
  rows = std::min(rows, object_actor_.available());
  rows = std::min(rows, object_counter_.available());
  rows = std::min(rows, key_actor_.available());
  rows = std::min(rows, key_counter_.available());
  rows = std::min(rows, key_name_.available());
  rows = std::min(rows, insert_.available());
  rows = std::min(rows, value_meta_.available());
  rows = std::min(rows, group_count_.available());
  rows = std::min(rows, expand_.available());
  rows = std::min(rows, mark_name_.available());
  block.rows = rows;
  return rows > 0;  // else find_fault() tells which column ended
}

bool OpReader::peek(OpBlock& block) {
  if (error_) return false;
  if (!measure(block) || !read_object(block) || !read_key(block) || !read_group(block)) {
    return false;
  }
  if (action_.is_null()) return fail(ErrorCode::kCorrupt, "no action");
  if (action_.value() > static_cast<std::uint64_t>(Action::kMark)) {
    return fail(ErrorCode::kUnsupported, "unknown action");
  }
  block.action = static_cast<Action>(action_.value());
  block.insert = insert_.value();
  block.expand = expand_.value();
  block.mark_name.reset();
  if (!mark_name_.is_null()) block.mark_name = mark_name_.value();
  return read_value(block) && check_rules(block);
}

bool OpReader::read_object(OpBlock& block) {
  block.object = model::kRoot;
  if (object_actor_.is_null() != object_counter_.is_null()) {
    return fail(ErrorCode::kCorrupt, "half an object id");
  }
  if (object_actor_.is_null()) return true;
  const std::uint64_t counter = object_counter_.value();
  if (counter == 0 || counter > kCounterMax || object_actor_.value() >= actor_count_) {
    return fail(ErrorCode::kCorrupt, "object id out of range");
  }
  block.object = {static_cast<std::uint32_t>(counter),
                  static_cast<model::ActorIndex>(object_actor_.value())};
  return true;
}

bool OpReader::read_key(OpBlock& block) {
  block.key = {};
  block.key_step = 0;
  if (!key_name_.is_null()) {
    if (!key_actor_.is_null() || !key_counter_.is_null()) {
      return fail(ErrorCode::kCorrupt, "both a map key and an element id");
    }
    block.key.is_map = true;
    block.key.name = key_name_.value();
    return true;
  }
  if (key_counter_.is_null()) return fail(ErrorCode::kCorrupt, "no key");
  block.key_step = key_counter_.step();
  const auto counter = static_cast<std::uint32_t>(key_counter_.first());
  if (key_actor_.is_null()) {
    if (counter != 0) return fail(ErrorCode::kCorrupt, "element id without actor");
    if (block.key_step != 0) block.rows = 1;
    return true;
  }
  if (counter == 0) return fail(ErrorCode::kCorrupt, "element id with counter 0");
  // A falling run ends above 0 too, or only its first row is taken and the rest looked at again.
  if (block.key_step < 0) block.rows = std::min<std::uint64_t>(block.rows, counter);
  if (key_actor_.value() >= actor_count_) {
    return fail(ErrorCode::kCorrupt, "element id out of range");
  }
  block.key.element = {counter, static_cast<model::ActorIndex>(key_actor_.value())};
  return true;
}

bool OpReader::read_value(OpBlock& block) {
  if (value_meta_.is_null()) return fail(ErrorCode::kCorrupt, "no value metadata");
  const std::uint64_t meta = value_meta_.value();
  block.value_type = static_cast<std::uint8_t>(meta & 15);
  block.value_size = meta >> 4;
  if (block.value_size == 0) return true;
  if (block.value_size > raw_.size()) return fail(ErrorCode::kTruncated, "value bytes are missing");
  block.rows = std::min(block.rows, raw_.size() / block.value_size);
  return true;
}

bool OpReader::read_group(OpBlock& block) {
  if (group_count_.is_null()) return fail(ErrorCode::kCorrupt, "no group count");
  block.group = group_count_.value();
  if (block.group == 0) return true;
  const std::uint64_t cells = std::min(group_actor_.available(), group_counter_.available());
  if (cells == 0 || group_actor_.is_null() || group_counter_.is_null()) {
    return fail(ErrorCode::kCorrupt, "predecessors or successors are missing");
  }
  block.rows = block.group == 1 ? std::min(block.rows, cells) : 1;
  block.group_step = group_counter_.step();
  if (group_actor_.value() >= actor_count_ || group_counter_.first() == 0) {
    return fail(ErrorCode::kCorrupt, "predecessor or successor out of range");
  }
  block.group_first = {static_cast<std::uint32_t>(group_counter_.first()),
                       static_cast<model::ActorIndex>(group_actor_.value())};
  if (block.group_step < 0) {
    block.rows = std::min<std::uint64_t>(block.rows, block.group_first.counter);
  }
  return true;
}

// What an op may be, whatever it acts on. In a document every row must also be able to go back into
// the change it came from, so the rules are the same.
bool OpReader::check_rules(const OpBlock& block) {
  const auto corrupt = [&](const char* what) { return fail(ErrorCode::kCorrupt, what); };
  const bool has_value = block.value_type != 0 || block.value_size != 0;
  if (block.object.is_none() && !block.key.is_map) return corrupt("list key in the root map");
  if (block.insert && block.key.is_map) return corrupt("insert with a map key");
  if (!block.insert && !block.key.is_map && block.key.element.is_none()) {
    return corrupt("HEAD as the target of an update");
  }
  if (table_ != Table::kDocument && block.insert && block.group != 0) {
    return corrupt("insert with predecessors");
  }
  if (block.action != Action::kMark && (block.expand || block.mark_name)) {
    return corrupt("expand flag or mark name outside a mark");
  }
  switch (block.action) {
    case Action::kSet:
      return true;
    case Action::kMakeMap:
    case Action::kMakeList:
    case Action::kMakeText:
    case Action::kMakeTable:
      return has_value ? corrupt("new object with a value") : true;
    case Action::kDel:
      if (table_ == Table::kDocument) return corrupt("delete as a row of a document");
      if (block.insert || has_value) return corrupt("delete that inserts or carries a value");
      return block.group == 0 ? corrupt("delete without predecessors") : true;
    case Action::kInc:
      if (block.insert) return corrupt("increment that inserts");
      return block.value_type == static_cast<std::uint8_t>(ScalarType::kInt) ||
                     block.value_type == static_cast<std::uint8_t>(ScalarType::kUint)
                 ? true
                 : corrupt("increment by something that is no integer");
    case Action::kMark:
      if (!block.insert) return corrupt("mark that does not insert");
      return !block.mark_name && has_value ? corrupt("end of a mark with a value") : true;
  }
  return corrupt("unknown action");
}

std::string_view OpReader::raw(const OpBlock& block, std::uint64_t rows) const {
  return raw_.substr(0, static_cast<std::size_t>(block.value_size * rows));
}

bool OpReader::check_value(model::ScalarRef value) {
  const char* fault = model::scalar_fault(value);
  return fault == nullptr ? true : fail(ErrorCode::kCorrupt, fault);
}

bool OpReader::take_group(const OpBlock& block, const ActorOrder& order, std::uint64_t group_max,
                          std::vector<OpId>& out) {
  if (block.group > group_max) {
    return fail(ErrorCode::kLimitExceeded, "too many predecessors or successors");
  }
  OpId previous;
  for (std::uint64_t i = 0; i < block.group; ++i) {
    if (group_actor_.available() == 0 || group_counter_.available() == 0 ||
        group_actor_.is_null() || group_counter_.is_null()) {
      return fail(ErrorCode::kCorrupt, "predecessors or successors are missing");
    }
    if (group_actor_.value() >= actor_count_ || group_counter_.first() == 0) {
      return fail(ErrorCode::kCorrupt, "predecessor or successor out of range");
    }
    const OpId id{static_cast<std::uint32_t>(group_counter_.first()),
                  static_cast<model::ActorIndex>(group_actor_.value())};
    if (i > 0 && !order.less(previous, id)) {
      return fail(ErrorCode::kCorrupt, "predecessors or successors not ascending");
    }
    out.push_back(id);
    previous = id;
    group_actor_.take(1);
    group_counter_.take(1);
  }
  return true;
}

void OpReader::skip(const OpBlock& block, std::uint64_t rows) {
  object_actor_.take(rows);
  object_counter_.take(rows);
  key_actor_.take(rows);
  key_counter_.take(rows);
  key_name_.take(rows);
  insert_.take(rows);
  action_.take(rows);
  value_meta_.take(rows);
  group_count_.take(rows);
  expand_.take(rows);
  mark_name_.take(rows);
  raw_.remove_prefix(static_cast<std::size_t>(block.value_size * rows));
  row_ += rows;
}

}  // namespace converge::format
