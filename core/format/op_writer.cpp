#include "core/format/op_writer.h"

#include "core/codec/utf8.h"

#include <algorithm>

namespace converge::format {
namespace {

constexpr std::uint64_t kStringType = static_cast<std::uint64_t>(model::ScalarType::kString);

void append(Bytes& out, std::string_view text) {
  const ByteView bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

void OpWriter::clear() {
  object_actor_.clear();
  object_counter_.clear();
  key_actor_.clear();
  key_counter_.clear();
  key_name_.clear();
  id_actor_.clear();
  id_counter_.clear();
  insert_.clear();
  action_.clear();
  value_meta_.clear();
  value_raw_.clear();
  group_count_.clear();
  group_actor_.clear();
  group_counter_.clear();
  expand_.clear();
  mark_name_.clear();
}

void OpWriter::add_object(model::OpId object, std::uint64_t count) {
  if (object.is_none()) {
    object_actor_.append_null(count);
    object_counter_.append_null(count);
  } else {
    object_actor_.append(object.actor, count);
    object_counter_.append(object.counter, count);
  }
}

void OpWriter::add_element(model::OpId element) {
  if (element.is_none()) {
    key_actor_.append_null();
  } else {
    key_actor_.append(element.actor);
  }
  key_counter_.append(element.counter);  // HEAD is counter 0 without actor
}

void OpWriter::add_text(model::OpId object, model::OpId reference, model::OpId id,
                        std::uint32_t count, std::string_view text) {
  add_object(object, count);
  add_element(reference);
  key_actor_.append(id.actor, count - 1);
  key_counter_.append_run(id.counter, 1, count - 1);
  key_name_.append_null(count);
  insert_.append(true, count);
  action_.append(static_cast<std::uint64_t>(model::Action::kSet), count);
  if (text.size() == count) {
    value_meta_.append(1 << 4 | kStringType, count);
  } else {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = codec::code_point_size(text[at]);
      value_meta_.append(size << 4 | kStringType);
      at += size;
    }
  }
  append(value_raw_, text);
  expand_.append(false, count);
  mark_name_.append_null(count);
}

void OpWriter::add_deletes(model::OpId object, model::OpId element, int step, std::uint32_t count) {
  add_object(object, count);
  key_actor_.append(element.actor, count);
  key_counter_.append_run(element.counter, step, count);
  key_name_.append_null(count);
  insert_.append(false, count);
  action_.append(static_cast<std::uint64_t>(model::Action::kDel), count);
  value_meta_.append(0, count);
  expand_.append(false, count);
  mark_name_.append_null(count);
}

void OpWriter::add_single(const Single& op) {
  add_object(op.object, 1);
  if (op.key.is_map) {
    key_actor_.append_null();
    key_counter_.append_null();
    key_name_.append(op.key.name);
  } else {
    add_element(op.key.element);
    key_name_.append_null();
  }
  insert_.append(op.insert);
  action_.append(static_cast<std::uint64_t>(op.action));
  value_meta_.append(op.value.raw.size() << 4 | op.value.type);
  append(value_raw_, op.value.raw);
  expand_.append(op.expand);
  if (op.mark_name) {
    mark_name_.append(*op.mark_name);
  } else {
    mark_name_.append_null();
  }
}

void OpWriter::finish(Table table, ColumnList& out) {
  out.clear();
  // A column that may be null is left out when it has no value; the rest only when there is no row,
  // in which case it has no bytes.
  const auto add = [&](std::uint32_t spec, auto& writer, bool wanted) {
    if (!wanted) return;
    writer.finish();
    out.add(spec, writer.bytes());
  };
  const bool document = table == Table::kDocument;
  add(op_column::kObjectActor, object_actor_, object_actor_.has_value());
  add(op_column::kObjectCounter, object_counter_, object_counter_.has_value());
  add(op_column::kKeyActor, key_actor_, key_actor_.has_value());
  add(op_column::kKeyCounter, key_counter_, key_counter_.has_value());
  add(op_column::kKeyName, key_name_, key_name_.has_value());
  add(op_column::kIdActor, id_actor_, table != Table::kChange);
  add(op_column::kIdCounter, id_counter_, document);
  add(op_column::kInsert, insert_, true);
  add(op_column::kAction, action_, true);
  add(op_column::kValueMeta, value_meta_, true);
  out.add(op_column::kValueRaw, value_raw_);
  add(document ? op_column::kSuccCount : op_column::kPredCount, group_count_, true);
  add(document ? op_column::kSuccActor : op_column::kPredActor, group_actor_, true);
  add(document ? op_column::kSuccCounter : op_column::kPredCounter, group_counter_, true);
  add(op_column::kExpand, expand_, expand_.has_value());
  add(op_column::kMarkName, mark_name_, mark_name_.has_value());
}

}  // namespace converge::format
