#include "core/base/limits.h"
#include "core/codec/column_writer.h"
#include "core/codec/deflate.h"
#include "core/codec/leb128.h"
#include "core/format/bundle.h"
#include "core/format/bundle_columns.h"
#include "core/format/change.h"
#include "core/format/op_reader.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace converge::format {
namespace {

using model::ActorId;
using model::ActorIndex;
using model::Change;
using model::ChangeHash;
using model::OpId;
using model::OpRun;

constexpr std::array kChangeColumns{
    bundle_column::kActor,     bundle_column::kSeq,  bundle_column::kStartOp,
    bundle_column::kMaxOp,     bundle_column::kTime, bundle_column::kMessage,
    bundle_column::kDepsCount, bundle_column::kDeps, bundle_column::kExtraCount,
    bundle_column::kExtraRaw,
};
constexpr std::array kOpColumns{
    op_column::kObjectActor, bundle_column::kObjectCounter,
    op_column::kKeyActor,    op_column::kKeyCounter,
    op_column::kKeyName,     op_column::kIdActor,
    op_column::kIdCounter,   op_column::kInsert,
    op_column::kAction,      op_column::kValueMeta,
    op_column::kValueRaw,    op_column::kPredCount,
    op_column::kPredActor,   op_column::kPredCounter,
    op_column::kExpand,      op_column::kMarkName,
    bundle_column::kIdOrder,
};

constexpr std::size_t kHashBytes = 32;
constexpr std::int64_t kU32Max = std::numeric_limits<std::uint32_t>::max();

Error corrupt(std::string what) { return Error{ErrorCode::kCorrupt, std::move(what)}; }

struct ChangeRow {
  ActorIndex actor = 0;
  std::uint32_t seq = 0;
  std::uint32_t start_op = 0;
  std::uint32_t max_op = 0;
  std::int64_t time = 0;
  std::string_view message;
  std::vector<std::uint32_t> deps;
  std::string_view extra;

  std::uint64_t op_count() const { return std::uint64_t{max_op} + 1 - start_op; }
};

struct OpRow {
  ActorIndex actor = 0;
  OpRun run;  // kSingle, in the bundle's actor table; preds in BundleDecoder::preds_
};

class BundleDecoder {
 public:
  Result<std::vector<Change>> decode(ByteView body) {
    codec::Reader in(body);
    std::size_t budget = codec::inflate_limit(body.size());
    expanded_max_ = expanded_max(body.size());
    if (auto done = read_tables(in); !done) return done.error();
    ColumnSet columns;
    if (auto done = read_columns(in, kChangeColumns, budget, columns); !done) return done.error();
    if (auto done = read_changes(columns); !done) return done.error();
    columns = {};
    if (auto done = read_columns(in, kOpColumns, budget, columns); !done) return done.error();
    if (!in.at_end()) return corrupt("bytes left over behind the op columns");
    if (auto done = read_ops(columns); !done) return done.error();
    if (auto done = place_ops(columns); !done) return done.error();
    return build();
  }

 private:
  Result<void> read_tables(codec::Reader& in) {
    const auto externals = codec::read_uleb(in);
    if (!externals) return externals.error();
    if (*externals > in.remaining() / kHashBytes) {
      return Error{ErrorCode::kTruncated, "input is too short for its dependencies"};
    }
    for (std::uint64_t i = 0; i < *externals; ++i) {
      const ByteView bytes = in.take(kHashBytes);
      std::copy(bytes.begin(), bytes.end(), externals_.emplace_back().bytes.begin());
    }
    const auto actors = codec::read_uleb(in);
    if (!actors) return actors.error();
    for (std::uint64_t i = 0; i < *actors; ++i) {
      const auto size = codec::read_uleb(in);
      if (!size) return size.error();
      if (*size > in.remaining() || *size > limits::kActorIdBytesMax) {
        return Error{ErrorCode::kTruncated, "actor table is longer than the chunk"};
      }
      ActorId actor(in.take(static_cast<std::size_t>(*size)));
      if (!actors_.empty() && actor <= actors_.back()) {
        return corrupt("actors are not ascending and distinct");
      }
      actors_.push_back(std::move(actor));
    }
    return {};
  }

  Result<void> read_columns(codec::Reader& in, std::span<const std::uint32_t> known,
                            std::size_t& budget, ColumnSet& out) {
    if (auto done = out.read_metadata(in, known, true); !done) return done;
    if (auto done = out.read_data(in); !done) return done;
    return out.inflate(budget, storage_);
  }

  Result<void> read_changes(const ColumnSet& columns) {
    codec::UintReader actor(columns.find(bundle_column::kActor));
    codec::DeltaReader seq(columns.find(bundle_column::kSeq), 1, kU32Max);
    codec::DeltaReader start_op(columns.find(bundle_column::kStartOp), 1, kU32Max);
    codec::DeltaReader max_op(columns.find(bundle_column::kMaxOp), 0, kU32Max);
    codec::DeltaReader time(columns.find(bundle_column::kTime), -(limits::kChangeTimeMax - 1),
                            limits::kChangeTimeMax - 1);
    codec::StringReader message;
    if (const auto bytes = columns.find(bundle_column::kMessage); !bytes.empty()) {
      message = codec::StringReader(bytes);
    }
    codec::UintReader deps_count(columns.find(bundle_column::kDepsCount));
    codec::DeltaReader deps(columns.find(bundle_column::kDeps), 0, kU32Max);
    codec::UintReader extra_count(columns.find(bundle_column::kExtraCount));
    std::string_view extra = as_text(columns.find(bundle_column::kExtraRaw));

    while (actor.available() > 0) {
      if (changes_.size() >= expanded_max_) {
        return Error{ErrorCode::kLimitExceeded, "too many changes in one bundle"};
      }
      const auto has_cell = [](auto& reader) {
        return reader.available() > 0 && !reader.is_null();
      };
      if (!has_cell(actor) || !has_cell(seq) || !has_cell(start_op) || !has_cell(max_op) ||
          !has_cell(time) || message.available() == 0 || !has_cell(deps_count) ||
          !has_cell(extra_count) || actor.value() >= actors_.size()) {
        return corrupt("change table with a malformed or missing cell");
      }
      ChangeRow row;
      row.actor = static_cast<ActorIndex>(actor.value());
      row.seq = static_cast<std::uint32_t>(seq.first());
      row.start_op = static_cast<std::uint32_t>(start_op.first());
      row.max_op = static_cast<std::uint32_t>(max_op.first());
      row.time = time.first();
      if (!message.is_null()) row.message = message.value();
      if (std::uint64_t{row.max_op} + 1 < row.start_op || extra_count.value() > extra.size() ||
          deps_count.value() > limits::kDepsPerChangeMax) {
        return corrupt("change table with a number out of range");
      }
      for (std::uint64_t i = 0; i < deps_count.value(); ++i, deps.take(1)) {
        if (!has_cell(deps)) return corrupt("dependency missing");
        row.deps.push_back(static_cast<std::uint32_t>(deps.first()));
      }
      row.extra = extra.substr(0, static_cast<std::size_t>(extra_count.value()));
      extra.remove_prefix(row.extra.size());
      changes_.push_back(std::move(row));
      actor.take(1);
      seq.take(1);
      start_op.take(1);
      max_op.take(1);
      time.take(1);
      message.take(1);
      deps_count.take(1);
      extra_count.take(1);
    }
    const bool done = actor.exhausted() && seq.exhausted() && start_op.exhausted() &&
                      max_op.exhausted() && time.exhausted() && message.exhausted() &&
                      deps_count.exhausted() && deps.exhausted() && extra_count.exhausted() &&
                      extra.empty();
    if (!done) return corrupt("change columns malformed or with more cells than rows");
    return {};
  }

  // The object counters are differences here and plain numbers elsewhere: rewritten, so that one
  // reader serves all tables.
  Result<void> plain_object_counters(ColumnSet& columns) {
    for (Column& column : columns.all()) {
      if (column.spec != bundle_column::kObjectCounter || column.bytes.empty()) continue;
      codec::DeltaReader in(column.bytes, 0, kU32Max);
      codec::UintWriter out;
      std::uint64_t rows = 0;
      while (in.available() > 0) {
        // Only differences of 0 and nulls stay runs.
        const bool run = in.is_null() || in.step() == 0;
        const std::uint64_t count = run ? in.available() : 1;
        if (!run && ++rows > expanded_max_) {
          return Error{ErrorCode::kLimitExceeded, "too many ops in one bundle"};
        }
        if (in.is_null()) {
          out.append_null(count);
        } else {
          out.append(static_cast<std::uint64_t>(in.first()), count);
        }
        in.take(count);
      }
      if (!in.exhausted()) {
        return codec::column_error(in.fault(), bundle_column::kObjectCounter, in.position());
      }
      out.finish();
      storage_.push_back(to_bytes(out.bytes()));
      column.spec = op_column::kObjectCounter;
      column.bytes = storage_.back();
    }
    return {};
  }

  Result<void> read_ops(ColumnSet& columns) {
    if (auto done = plain_object_counters(columns); !done) return done;
    OpReader reader(columns, OpReader::Table::kBundle, actors_.size());
    codec::UintReader actor(columns.find(op_column::kIdActor));
    while (!reader.at_end()) {
      OpBlock block;
      if (!reader.peek(block)) return reader.error();
      if (ops_.size() + preds_.size() >= expanded_max_) {
        return Error{ErrorCode::kLimitExceeded, "too many ops in one bundle"};
      }
      if (actor.available() == 0 || actor.is_null() || actor.value() >= actors_.size()) {
        return corrupt("op with a malformed or missing actor");
      }
      OpRow& op = ops_.emplace_back();
      op.actor = static_cast<ActorIndex>(actor.value());
      op.run.action = block.action;
      op.run.insert = block.insert;
      op.run.expand = block.expand;
      op.run.object = block.object;
      op.run.key = block.key;
      op.run.value = {block.value_type, reader.raw(block, 1)};
      op.run.mark_name = block.mark_name;
      op.run.pred_begin = static_cast<std::uint32_t>(preds_.size());
      op.run.pred_count = static_cast<std::uint32_t>(block.group);
      if (!reader.take_group(block, ActorOrder(), expanded_max_ - preds_.size(), preds_)) {
        return reader.error();
      }
      reader.skip(block, 1);
      actor.take(1);
    }
    if (!actor.exhausted()) return corrupt("op actors malformed or with more cells than rows");
    return {};
  }

  // Fills places_: for each change, in row order, the rows of its ops by ascending counter.
  Result<void> place_ops(const ColumnSet& columns) {
    places_.resize(changes_.size());
    const ByteView order = columns.find(bundle_column::kIdOrder);
    const ByteView counters = columns.find(op_column::kIdCounter);
    if (!order.empty() && !counters.empty()) return corrupt("op ids given twice");
    return counters.empty() ? place_by_order(order) : place_by_counter(counters);
  }

  std::vector<std::uint32_t> changes_by_author() const {
    std::vector<std::uint32_t> rows(changes_.size());
    std::iota(rows.begin(), rows.end(), 0u);
    std::sort(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(changes_[a].actor, changes_[a].seq) <
             std::pair(changes_[b].actor, changes_[b].seq);
    });
    return rows;
  }

  Result<void> place_by_order(ByteView column) {
    codec::DeltaReader order(column, 0, kU32Max);
    std::vector<bool> taken(ops_.size());
    for (const std::uint32_t row : changes_by_author()) {
      const std::uint64_t count = changes_[row].op_count();
      if (count > ops_.size()) return corrupt("change with more ops than the bundle has");
      for (std::uint64_t i = 0; i < count; ++i, order.take(1)) {
        if (order.available() == 0 || order.is_null()) return corrupt("too few op positions");
        const auto place = static_cast<std::uint64_t>(order.first());
        if (place >= ops_.size() || taken[place] || ops_[place].actor != changes_[row].actor) {
          return corrupt("op position wrong or given twice");
        }
        taken[place] = true;
        places_[row].push_back(static_cast<std::uint32_t>(place));
      }
    }
    if (!order.exhausted() || std::find(taken.begin(), taken.end(), false) != taken.end()) {
      return corrupt("op positions do not cover the ops");
    }
    return {};
  }

  Result<void> place_by_counter(ByteView column) {
    codec::DeltaReader counter(column, 1, kU32Max);
    std::vector<std::pair<std::uint64_t, std::uint32_t>> ids;  // (actor, counter), row
    for (std::uint32_t i = 0; i < ops_.size(); ++i, counter.take(1)) {
      if (counter.available() == 0 || counter.is_null()) return corrupt("op without counter");
      ids.emplace_back(
          std::uint64_t{ops_[i].actor} << 32 | static_cast<std::uint64_t>(counter.first()), i);
    }
    if (!counter.exhausted()) return corrupt("more op counters than ops");
    std::sort(ids.begin(), ids.end());
    std::size_t next = 0;
    for (const std::uint32_t row : changes_by_author()) {
      const ChangeRow& change = changes_[row];
      for (std::uint64_t c = change.start_op; c <= change.max_op; ++c, ++next) {
        if (next == ids.size() || ids[next].first != (std::uint64_t{change.actor} << 32 | c)) {
          return corrupt("an op is missing or there twice");
        }
        places_[row].push_back(ids[next].second);
      }
    }
    return next == ids.size() ? Result<void>{} : corrupt("an op belongs to no change");
  }

  Result<std::vector<Change>> build() {
    std::vector<Change> out;
    for (std::uint32_t row = 0; row < changes_.size(); ++row) {
      auto change = build_one(row, out);
      if (!change) {
        return Error{change.error().code,
                     "change " + std::to_string(row) + " of the bundle: " + change.error().message};
      }
      out.push_back(std::move(*change));
    }
    return out;
  }

  // The actors that the change's ops name besides its author, ascending.
  std::vector<ActorIndex> others_of(std::uint32_t row) const {
    std::vector<ActorIndex> out;
    const auto use = [&](OpId id) {
      if (!id.is_none() && id.actor != changes_[row].actor) out.push_back(id.actor);
    };
    for (const std::uint32_t place : places_[row]) {
      const OpRun& run = ops_[place].run;
      use(run.object);
      if (!run.key.is_map) use(run.key.element);
      for (std::uint32_t i = 0; i < run.pred_count; ++i) use(preds_[run.pred_begin + i]);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  Result<Change> build_one(std::uint32_t row, const std::vector<Change>& before) {
    const ChangeRow& from = changes_[row];
    Change change;
    change.actor = actors_[from.actor];
    change.seq = from.seq;
    change.start_op = from.start_op;
    change.time = from.time;
    change.message = from.message;
    change.extra = as_bytes(from.extra);
    for (const std::uint32_t dep : from.deps) {
      if (dep < changes_.size()) {
        if (dep >= row) return corrupt("depends on itself or a later change");
        change.deps.push_back(before[dep].hash);
      } else if (dep - changes_.size() < externals_.size()) {
        change.deps.push_back(externals_[dep - changes_.size()]);
      } else {
        return corrupt("dependency out of range");
      }
    }

    const std::vector<ActorIndex> others = others_of(row);
    for (const ActorIndex other : others) change.other_actors.push_back(actors_[other]);
    const auto local = [&](OpId id) {
      if (id.is_none()) return id;
      if (id.actor == from.actor) return OpId{id.counter, 0};
      const auto place = std::lower_bound(others.begin(), others.end(), id.actor);
      return OpId{id.counter, static_cast<ActorIndex>(place - others.begin()) + 1};
    };
    for (const std::uint32_t place : places_[row]) {
      OpRun run = ops_[place].run;
      run.object = local(run.object);
      if (!run.key.is_map) run.key.element = local(run.key.element);
      const std::uint32_t pred_begin = run.pred_begin;
      run.pred_begin = static_cast<std::uint32_t>(change.preds.size());
      for (std::uint32_t i = 0; i < run.pred_count; ++i) {
        change.preds.push_back(local(preds_[pred_begin + i]));
      }
      change.ops.push_back(run);
    }
    return decode_change_body(encode_change_body(change));
  }

  std::uint64_t expanded_max_ = 0;
  std::vector<Bytes> storage_;
  std::vector<ChangeHash> externals_;
  std::vector<ActorId> actors_;
  std::vector<ChangeRow> changes_;
  std::vector<OpRow> ops_;
  std::vector<OpId> preds_;
  std::vector<std::vector<std::uint32_t>> places_;
};

}  // namespace

Result<std::vector<Change>> decode_bundle(ByteView body) { return BundleDecoder().decode(body); }

}  // namespace converge::format
