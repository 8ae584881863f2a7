#include "core/base/assert.h"
#include "core/codec/leb128.h"
#include "core/format/document.h"
#include "core/format/op_writer.h"

namespace converge::format {
namespace {

using model::ChangeRow;
using model::RowRun;
using model::Snapshot;

constexpr std::uint64_t kExtraType = static_cast<std::uint64_t>(model::ScalarType::kBytes);

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

/// The change table's columns; like OpWriter it owns what finish() hands out.
class ChangeTableWriter {
 public:
  void add(const Snapshot& snapshot, const ChangeRow& row) {
    const model::ChangeText said = snapshot.text(row);
    actor_.append(row.actor);
    seq_.append(row.seq);
    max_op_.append(row.max_op);
    time_.append(row.time);
    if (said.message.empty()) {
      message_.append_null();
    } else {
      message_.append(said.message);
    }
    deps_count_.append(row.deps_count);
    for (std::uint32_t i = 0; i < row.deps_count; ++i) {
      deps_index_.append(snapshot.deps[row.deps_begin + i]);
    }
    extra_meta_.append(said.extra.size() << 4 | kExtraType);
    append(extra_raw_, as_bytes(said.extra));
  }

  void finish(ColumnList& out) {
    const auto add_column = [&](std::uint32_t spec, auto& writer, bool wanted) {
      writer.finish();
      if (wanted) out.add(spec, writer.bytes());
    };
    add_column(change_column::kActor, actor_, true);
    add_column(change_column::kSeq, seq_, true);
    add_column(change_column::kMaxOp, max_op_, true);
    add_column(change_column::kTime, time_, true);
    add_column(change_column::kMessage, message_, message_.has_value());
    add_column(change_column::kDepsCount, deps_count_, true);
    add_column(change_column::kDepsIndex, deps_index_, true);
    add_column(change_column::kExtraMeta, extra_meta_, true);
    out.add(change_column::kExtraRaw, extra_raw_);
  }

 private:
  codec::UintWriter actor_;
  codec::DeltaWriter seq_;
  codec::DeltaWriter max_op_;
  codec::DeltaWriter time_;
  codec::StringWriter message_;
  codec::UintWriter deps_count_;
  codec::DeltaWriter deps_index_;
  codec::UintWriter extra_meta_;
  Bytes extra_raw_;
};

void add_row(OpWriter& ops, const RowRun& run, const Snapshot& snapshot) {
  ops.add_ids(run.id, run.count);
  if (run.shape == RowRun::Shape::kText) {
    ops.add_text(run.object, run.key.element, run.id, run.count, run.text);
    if (run.has_succ) {
      ops.add_group_run(run.count, run.succ, run.succ_step);
    } else {
      ops.add_no_groups(run.count);
    }
    return;
  }
  ops.add_single(
      {run.object, run.key, run.action, run.insert, run.expand, run.value, run.mark_name});
  ops.begin_group(run.succ_count);
  for (std::uint32_t i = 0; i < run.succ_count; ++i) {
    ops.add_group_cell(snapshot.succs[run.succ_begin + i]);
  }
}

}  // namespace

Bytes encode_document(const Snapshot& snapshot, const EncodeDocumentOptions& options) {
  ASSERT(snapshot.head_rows.size() == snapshot.heads.size());
  ChangeTableWriter changes;
  for (const ChangeRow& row : snapshot.changes) changes.add(snapshot, row);
  OpWriter ops;
  for (const RowRun& run : snapshot.rows) add_row(ops, run, snapshot);

  ColumnList change_columns;
  changes.finish(change_columns);
  ColumnList op_columns;
  ops.finish(OpWriter::Table::kDocument, op_columns);
  std::vector<Bytes> deflated;
  if (options.deflate) {
    change_columns.deflate(deflated);
    op_columns.deflate(deflated);
  }

  Bytes body;
  codec::write_uleb(body, snapshot.actors.size());
  for (const model::ActorId& actor : snapshot.actors) {
    codec::write_uleb(body, actor.bytes().size());
    append(body, actor.bytes());
  }
  codec::write_uleb(body, snapshot.heads.size());
  for (const model::ChangeHash& head : snapshot.heads) append(body, head.bytes);
  change_columns.write_metadata(body);
  op_columns.write_metadata(body);
  change_columns.write_data(body);
  op_columns.write_data(body);
  for (const std::uint32_t row : snapshot.head_rows) codec::write_uleb(body, row);
  return write_chunk(ChunkType::kDocument, body);
}

}  // namespace converge::format
