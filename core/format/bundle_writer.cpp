#include "core/codec/column_reader.h"
#include "core/codec/column_writer.h"
#include "core/codec/leb128.h"
#include "core/format/bundle.h"
#include "core/format/bundle_columns.h"
#include "core/format/op_writer.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace converge::format {
namespace {

using model::ActorId;
using model::ActorIndex;
using model::Change;
using model::ChangeHash;
using model::OpId;
using model::OpRun;

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

class BundleEncoder {
 public:
  explicit BundleEncoder(std::span<const Change> changes) : changes_(changes) {}

  Bytes encode() {
    number_actors();
    add_changes();
    add_ops();
    Bytes out;
    codec::write_uleb(out, externals_.size());
    for (const ChangeHash& hash : externals_) append(out, hash.bytes);
    codec::write_uleb(out, actors_.size());
    for (const ActorId& actor : actors_) {
      codec::write_uleb(out, actor.bytes().size());
      append(out, actor.bytes());
    }
    write_change_columns(out);
    write_op_columns(out);
    return out;
  }

 private:
  void number_actors() {
    for (const Change& change : changes_) {
      actors_.push_back(change.actor);
      actors_.insert(actors_.end(), change.other_actors.begin(), change.other_actors.end());
    }
    std::sort(actors_.begin(), actors_.end());
    actors_.erase(std::unique(actors_.begin(), actors_.end()), actors_.end());
  }

  ActorIndex number_of(const ActorId& actor) const {
    const auto at = std::lower_bound(actors_.begin(), actors_.end(), actor);
    return static_cast<ActorIndex>(at - actors_.begin());
  }

  // --------------------------------------------------------------------------------- change table

  void add_changes() {
    // Rows of this bundle; hashes that are not in it count on behind them.
    std::unordered_map<ChangeHash, std::int64_t, model::ChangeHashHasher> numbers;
    std::int64_t row = 0;
    for (const Change& change : changes_) {
      actor_.append(number_of(change.actor));
      seq_.append(change.seq);
      start_op_.append(change.start_op);
      max_op_.append(change.max_op());
      time_.append(change.time);
      if (change.message.empty()) {
        message_.append_null();
      } else {
        message_.append(change.message);
      }
      deps_count_.append(change.deps.size());
      for (const ChangeHash& dep : change.deps) {
        const auto next = static_cast<std::int64_t>(changes_.size() + externals_.size());
        const auto [number, is_external] = numbers.emplace(dep, next);
        if (is_external) externals_.push_back(dep);
        deps_.append(number->second);
      }
      extra_count_.append(change.extra.size());
      append(extra_raw_, change.extra);
      numbers.emplace(change.hash, row++);
    }
  }

  void write_change_columns(Bytes& out) {
    ColumnList columns;
    const auto add = [&](std::uint32_t spec, auto& writer) {
      writer.finish();
      columns.add(spec, writer.bytes());
    };
    add(bundle_column::kActor, actor_);
    add(bundle_column::kSeq, seq_);
    add(bundle_column::kStartOp, start_op_);
    add(bundle_column::kMaxOp, max_op_);
    add(bundle_column::kTime, time_);
    add(bundle_column::kMessage, message_);
    add(bundle_column::kDepsCount, deps_count_);
    add(bundle_column::kDeps, deps_);
    add(bundle_column::kExtraCount, extra_count_);
    columns.add(bundle_column::kExtraRaw, extra_raw_);
    write(columns, out);
  }

  // ------------------------------------------------------------------------------------- op table

  /// By author and sequence number, which is the order that ids count in: so their places are a
  /// run.
  void add_ops() {
    std::vector<std::size_t> order(changes_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const auto by_actor = changes_[a].actor <=> changes_[b].actor;
      return by_actor != 0 ? by_actor < 0 : changes_[a].seq < changes_[b].seq;
    });
    for (const std::size_t row : order) add_ops_of(changes_[row]);
  }

  void add_ops_of(const Change& change) {
    std::vector<ActorIndex> number{number_of(change.actor)};
    for (const ActorId& other : change.other_actors) number.push_back(number_of(other));
    const auto mapped = [&](OpId id) {
      return id.is_none() ? id : OpId{id.counter, number[id.actor]};
    };
    OpId id{change.start_op, number[0]};
    for (const OpRun& run : change.ops) {
      const OpId object = mapped(run.object);
      const OpId element = mapped(run.key.element);
      ops_.add_ids(id, run.count);
      switch (run.shape) {
        case OpRun::Shape::kText:
          ops_.add_text(object, element, id, run.count, run.text);
          ops_.add_no_groups(run.count);
          break;
        case OpRun::Shape::kDelete:
          ops_.add_deletes(object, element, run.step, run.count);
          ops_.add_group_run(run.count, element, run.step);
          break;
        case OpRun::Shape::kSingle: {
          model::Key key = run.key;
          key.element = element;
          ops_.add_single(
              {object, key, run.action, run.insert, run.expand, run.value, run.mark_name});
          ops_.begin_group(run.pred_count);
          for (std::uint32_t i = 0; i < run.pred_count; ++i) {
            ops_.add_group_cell(mapped(change.preds[run.pred_begin + i]));
          }
          break;
        }
      }
      id.counter += run.count;
    }
    rows_ += change.op_count;
  }

  void write_op_columns(Bytes& out) {
    ColumnList plain;
    ops_.finish(OpWriter::Table::kBundle, plain);
    Bytes object_counters;
    ColumnList columns;
    plain.for_each([&](std::uint32_t spec, ByteView bytes) {
      if (spec == op_column::kObjectCounter) {
        object_counters = as_differences(bytes);
        columns.add(bundle_column::kObjectCounter, object_counters);
      } else {
        columns.add(spec, bytes);
      }
    });
    codec::DeltaWriter order;
    order.append_run(0, 1, rows_);
    order.finish();
    columns.add(bundle_column::kIdOrder, order.bytes());
    write(columns, out);
  }

  /// Plain numbers everywhere else, differences here: one writer serves all tables.
  static Bytes as_differences(ByteView plain) {
    codec::UintReader in(plain);
    codec::DeltaWriter out;
    for (std::uint64_t count = in.available(); count > 0; count = in.available()) {
      if (in.is_null()) {
        out.append_null(count);
      } else {
        out.append_run(static_cast<std::int64_t>(in.value()), 0, count);
      }
      in.take(count);
    }
    out.finish();
    return to_bytes(out.bytes());
  }

  static void write(ColumnList& columns, Bytes& out) {
    std::vector<Bytes> storage;
    storage.reserve(ColumnSet::kMax);
    columns.deflate(storage);
    columns.write_metadata(out);
    columns.write_data(out);
  }

  std::span<const Change> changes_;
  std::vector<ActorId> actors_;
  std::vector<ChangeHash> externals_;
  codec::UintWriter actor_;
  codec::DeltaWriter seq_;
  codec::DeltaWriter start_op_;
  codec::DeltaWriter max_op_;
  codec::DeltaWriter time_;
  codec::StringWriter message_;
  codec::UintWriter deps_count_;
  codec::DeltaWriter deps_;
  codec::UintWriter extra_count_;
  Bytes extra_raw_;
  OpWriter ops_;
  std::uint64_t rows_ = 0;
};

}  // namespace

Bytes encode_bundle(std::span<const Change> changes) { return BundleEncoder(changes).encode(); }

}  // namespace converge::format
