#include "core/crdt/op_set.h"

namespace converge::crdt {
namespace {

using model::RowRun;

/// Writes the rows of one OpSet into one snapshot.
class RowWriter {
 public:
  RowWriter(const OpSet& ops, model::Snapshot& out, const std::vector<ActorIndex>& actor_of)
      : ops_(ops), out_(out), actor_of_(actor_of) {}

  void write_all() {
    for (const std::uint32_t number : ops_.objects().sorted(ops_.actors())) {
      const Object& object = ops_.objects().at(number);
      if (is_sequence(object.type)) {
        write_sequence(object);
      } else {
        write_map(object);
      }
    }
  }

 private:
  OpId mapped(OpId id) const { return id.is_none() ? id : OpId{id.counter, actor_of_[id.actor]}; }

  void write_map(const Object& object) {
    const MapObject& map = ops_.objects().map(object);
    for (const std::uint32_t number : map.sorted(ops_.keys())) {
      const MapObject::Entry& entry = map.entry(number);
      model::Key key;
      key.is_map = true;
      key.name = ops_.keys().text(entry.key);
      for (const OpRecord& op : entry.ops) write_op(object, key, op, false);
    }
  }

  void write_sequence(const Object& object) {
    const SequenceForest& forest = ops_.forest();
    auto at = forest.first(ops_.objects().sequence(object));
    for (; at; at = forest.next_span(*at)) {
      const Span& span = forest.span(*at);
      if (span.is_text()) {
        write_text(object, span);
        continue;
      }
      model::Key key;
      key.element = mapped(span.reference);
      const Register& ops = forest.record(span).ops;
      write_op(object, key, ops[0], true);
      key.element = mapped(span.first);
      for (std::size_t i = 1; i < ops.size(); ++i) write_op(object, key, ops[i], false);
    }
  }

  void write_text(const Object& object, const Span& span) {
    RowRun& row = out_.rows.emplace_back();
    row.shape = RowRun::Shape::kText;
    row.insert = true;
    row.count = span.length;
    row.id = mapped(span.first);
    row.object = mapped(object.id);
    row.key.element = mapped(span.reference);
    row.text =
        ops_.content().view(span.content, std::size_t{span.length} * std::size_t{span.width});
    row.has_succ = !span.deleter.is_none();
    row.succ = mapped(span.deleter);
    row.succ_step = span.step;
  }

  void write_op(const Object& object, const model::Key& key, const OpRecord& op, bool insert) {
    RowRun& row = out_.rows.emplace_back();
    row.action = op.action;
    row.insert = insert;
    row.expand = op.has(OpRecord::kExpand);
    row.id = mapped(op.id);
    row.object = mapped(object.id);
    row.key = key;
    row.value = ops_.value(op);
    if (op.has(OpRecord::kNamed)) row.mark_name = ops_.keys().text(op.extra);
    row.succ_begin = static_cast<std::uint32_t>(out_.succs.size());
    row.succ_count = static_cast<std::uint32_t>(ops_.successors().count(op));
    for (std::size_t i = 0; i < row.succ_count; ++i) {
      out_.succs.push_back(mapped(ops_.successors().at(op, i)));
    }
  }

  const OpSet& ops_;
  model::Snapshot& out_;
  const std::vector<ActorIndex>& actor_of_;
};

}  // namespace

void OpSet::export_rows(model::Snapshot& out, const std::vector<ActorIndex>& actor_of) const {
  RowWriter(*this, out, actor_of).write_all();
}

}  // namespace converge::crdt
