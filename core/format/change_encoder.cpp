#include "core/format/change_encoder.h"

#include "core/codec/leb128.h"

namespace converge::format {
namespace {

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void append_sized(Bytes& out, ByteView bytes) {
  codec::write_uleb(out, bytes.size());
  append(out, bytes);
}

}  // namespace

const Bytes& ChangeEncoder::finish(const ChangeHeader& header) {
  body_.clear();
  codec::write_uleb(body_, header.deps.size());
  for (const model::ChangeHash& dep : header.deps) append(body_, dep.bytes);
  append_sized(body_, header.actor->bytes());
  codec::write_uleb(body_, header.seq);
  codec::write_uleb(body_, header.start_op);
  codec::write_sleb(body_, header.time);
  append_sized(body_, as_bytes(header.message));
  codec::write_uleb(body_, header.others.size());
  for (const model::ActorId* other : header.others) append_sized(body_, other->bytes());
  ops_.finish(OpWriter::Table::kChange, columns_);
  columns_.write_metadata(body_);
  columns_.write_data(body_);
  append(body_, header.extra);
  return body_;
}

const Bytes& ChangeEncoder::encode(const model::Change& change) {
  begin();
  std::uint32_t counter = change.start_op;
  for (const model::OpRun& run : change.ops) {
    add(change, run, counter);
    counter += run.count;
  }
  others_.clear();
  for (const model::ActorId& other : change.other_actors) others_.push_back(&other);
  return finish({change.deps, &change.actor, change.seq, change.start_op, change.time,
                 change.message, others_, change.extra});
}

void ChangeEncoder::add(const model::Change& change, const model::OpRun& run,
                        std::uint32_t counter) {
  switch (run.shape) {
    case model::OpRun::Shape::kText:
      ops_.add_text(run.object, run.key.element, {counter, 0}, run.count, run.text);
      ops_.add_no_groups(run.count);
      return;
    case model::OpRun::Shape::kDelete:
      ops_.add_deletes(run.object, run.key.element, run.step, run.count);
      ops_.add_group_run(run.count, run.key.element, run.step);
      return;
    case model::OpRun::Shape::kSingle:
      ops_.add_single(
          {run.object, run.key, run.action, run.insert, run.expand, run.value, run.mark_name});
      ops_.begin_group(run.pred_count);
      for (std::uint32_t i = 0; i < run.pred_count; ++i) {
        ops_.add_group_cell(change.preds[run.pred_begin + i]);
      }
      return;
  }
}

}  // namespace converge::format
