#include "core/base/limits.h"
#include "core/codec/deflate.h"
#include "core/codec/leb128.h"
#include "core/codec/utf8.h"
#include "core/format/document.h"
#include "core/format/document_rows.h"

#include <algorithm>
#include <array>
#include <limits>

namespace converge::format {
namespace {

using model::ActorId;
using model::ActorIndex;
using model::ChangeRow;
using model::OpId;
using model::Snapshot;

constexpr std::size_t kHashBytes = 32;
constexpr std::uint64_t kExtraType = static_cast<std::uint64_t>(model::ScalarType::kBytes);

constexpr std::array kChangeColumns{
    change_column::kActor,     change_column::kSeq,       change_column::kMaxOp,
    change_column::kTime,      change_column::kMessage,   change_column::kDepsCount,
    change_column::kDepsIndex, change_column::kExtraMeta, change_column::kExtraRaw,
};
constexpr std::array kOpColumns{
    op_column::kObjectActor, op_column::kObjectCounter, op_column::kKeyActor,
    op_column::kKeyCounter,  op_column::kKeyName,       op_column::kIdActor,
    op_column::kIdCounter,   op_column::kInsert,        op_column::kAction,
    op_column::kValueMeta,   op_column::kValueRaw,      op_column::kSuccCount,
    op_column::kSuccActor,   op_column::kSuccCounter,   op_column::kExpand,
    op_column::kMarkName,
};

Error corrupt(std::string what) { return Error{ErrorCode::kCorrupt, std::move(what)}; }

Result<void> read_actors(codec::Reader& in, Snapshot& snapshot) {
  const auto count = codec::read_uleb(in);
  if (!count) return count.error();
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto size = codec::read_uleb(in);
    if (!size) return size.error();
    if (*size > in.remaining()) {
      return Error{ErrorCode::kTruncated, "actor table is longer than the chunk"};
    }
    if (*size > limits::kActorIdBytesMax) {
      return Error{ErrorCode::kLimitExceeded, "actor of " + std::to_string(*size) +
                                                  " bytes, allowed are " +
                                                  std::to_string(limits::kActorIdBytesMax)};
    }
    ActorId actor(in.take(static_cast<std::size_t>(*size)));
    if (!snapshot.actors.empty() && actor <= snapshot.actors.back()) {
      return corrupt("actors are not ascending and distinct");
    }
    snapshot.actors.push_back(std::move(actor));
  }
  return {};
}

Result<void> read_heads(codec::Reader& in, Snapshot& snapshot) {
  const auto count = codec::read_uleb(in);
  if (!count) return count.error();
  if (*count > in.remaining() / kHashBytes) {
    return Error{ErrorCode::kTruncated,
                 "input is too short for " + std::to_string(*count) + " heads"};
  }
  for (std::uint64_t i = 0; i < *count; ++i) {
    model::ChangeHash head;
    const ByteView bytes = in.take(kHashBytes);
    std::copy(bytes.begin(), bytes.end(), head.bytes.begin());
    if (!snapshot.heads.empty() && head <= snapshot.heads.back()) {
      return corrupt("heads are not ascending and distinct");
    }
    snapshot.heads.push_back(head);
  }
  return {};
}

// Old writers left the indices out. Wrong ones inside the table harm nobody: verification knows
// better.
Result<void> read_head_rows(codec::Reader& in, Snapshot& snapshot) {
  if (in.at_end()) return {};
  for (std::size_t i = 0; i < snapshot.heads.size(); ++i) {
    const auto row = codec::read_uleb(in);
    if (!row) return row.error();
    if (*row >= snapshot.changes.size()) return corrupt("head index out of range");
    snapshot.head_rows.push_back(static_cast<std::uint32_t>(*row));
  }
  if (!in.at_end()) return corrupt("bytes left over behind the head indices");
  return {};
}

/// The change table, row by row: it is small beside the ops, and every row is a change anyway.
class ChangeTableDecoder {
 public:
  ChangeTableDecoder(const ColumnSet& columns, std::uint64_t expanded, Snapshot& snapshot)
      : snapshot_(snapshot),
        actor_(columns.find(change_column::kActor)),
        seq_(columns.find(change_column::kSeq), 1, kU32Max),
        max_op_(columns.find(change_column::kMaxOp), 0, kU32Max),
        deps_count_(columns.find(change_column::kDepsCount)),
        deps_index_(columns.find(change_column::kDepsIndex), 0, kU32Max),
        extra_meta_(columns.find(change_column::kExtraMeta)),
        extra_raw_(as_text(columns.find(change_column::kExtraRaw))),
        rows_max_(std::min(limits::kChangesPerDocumentMax, expanded)),
        authors_(snapshot.actors.size()) {
    if (const auto bytes = columns.find(change_column::kTime); !bytes.empty()) {
      time_ = codec::DeltaReader(bytes, -(limits::kChangeTimeMax - 1), limits::kChangeTimeMax - 1);
    }
    if (const auto bytes = columns.find(change_column::kMessage); !bytes.empty()) {
      message_ = codec::StringReader(bytes);
    }
  }

  Result<void> decode() {
    while (actor_.available() > 0) {
      if (snapshot_.changes.size() >= rows_max_) {
        return Error{ErrorCode::kLimitExceeded, "too many changes in one document"};
      }
      if (auto done = read_row(); !done) {
        return Error{done.error().code, "change row " + std::to_string(snapshot_.changes.size()) +
                                            ": " + done.error().message};
      }
    }
    if (!actor_.exhausted() || !seq_.exhausted() || !max_op_.exhausted() || !time_.exhausted() ||
        !message_.exhausted() || !deps_count_.exhausted() || !deps_index_.exhausted() ||
        !extra_meta_.exhausted() || !extra_raw_.empty()) {
      return corrupt("change columns malformed or with more cells than rows");
    }
    return {};
  }

 private:
  static constexpr std::int64_t kU32Max = std::numeric_limits<std::uint32_t>::max();
  struct Author {
    std::uint32_t seq = 0;
    std::uint32_t max_op = 0;
  };

  Result<void> read_row() {
    // A reader that has nothing is short or malformed; absent ones never are.
    if (seq_.available() == 0 || max_op_.available() == 0 || time_.available() == 0 ||
        message_.available() == 0 || deps_count_.available() == 0 || extra_meta_.available() == 0) {
      return corrupt("column missing, malformed or with fewer cells than rows");
    }
    if (actor_.is_null() || seq_.is_null() || max_op_.is_null() || deps_count_.is_null() ||
        extra_meta_.is_null() || (time_.is_null() && !time_.absent())) {
      return corrupt("empty cell");
    }
    if (actor_.value() >= snapshot_.actors.size()) return corrupt("actor index out of range");

    ChangeRow row;
    row.actor = static_cast<ActorIndex>(actor_.value());
    row.seq = static_cast<std::uint32_t>(seq_.first());
    row.max_op = static_cast<std::uint32_t>(max_op_.first());
    row.time = time_.is_null() ? 0 : time_.first();
    model::ChangeText said;
    if (!message_.is_null()) said.message = message_.value();
    Author& author = authors_[row.actor];
    if (row.seq != author.seq + 1) return corrupt("sequence numbers of an actor have a gap");
    if (row.max_op < author.max_op) return corrupt("op counters of an actor fall");
    author = {row.seq, row.max_op};
    if (auto done = read_deps(row); !done) return done;
    if (auto done = read_extra(said); !done) return done;
    snapshot_.set_text(row, said);

    actor_.take(1);
    seq_.take(1);
    max_op_.take(1);
    time_.take(1);
    message_.take(1);
    deps_count_.take(1);
    extra_meta_.take(1);
    snapshot_.changes.push_back(row);
    return {};
  }

  Result<void> read_deps(ChangeRow& row) {
    const std::uint64_t count = deps_count_.value();
    if (count > limits::kDepsPerChangeMax) {
      return Error{ErrorCode::kLimitExceeded, std::to_string(count) + " dependencies"};
    }
    row.deps_begin = static_cast<std::uint32_t>(snapshot_.deps.size());
    row.deps_count = static_cast<std::uint32_t>(count);
    if (snapshot_.deps.size() + count > rows_max_) {
      return Error{ErrorCode::kLimitExceeded, "too many dependencies in one document"};
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      if (deps_index_.available() == 0 || deps_index_.is_null()) {
        return corrupt("dependency missing");
      }
      if (static_cast<std::uint64_t>(deps_index_.first()) >= snapshot_.changes.size()) {
        return corrupt("depends on itself or a later row");
      }
      snapshot_.deps.push_back(static_cast<std::uint32_t>(deps_index_.first()));
      deps_index_.take(1);
    }
    return {};
  }

  Result<void> read_extra(model::ChangeText& said) {
    const std::uint64_t size = extra_meta_.value() >> 4;
    if ((extra_meta_.value() & 15) != kExtraType) return corrupt("extra bytes of another type");
    if (size > extra_raw_.size()) return corrupt("extra bytes are missing");
    said.extra = extra_raw_.substr(0, static_cast<std::size_t>(size));
    extra_raw_.remove_prefix(static_cast<std::size_t>(size));
    return {};
  }

  Snapshot& snapshot_;
  codec::UintReader actor_;
  codec::DeltaReader seq_;
  codec::DeltaReader max_op_;
  codec::DeltaReader time_;
  codec::StringReader message_;
  codec::UintReader deps_count_;
  codec::DeltaReader deps_index_;
  codec::UintReader extra_meta_;
  std::string_view extra_raw_;
  std::uint64_t rows_max_;
  std::vector<Author> authors_;
};

// Views may outlive the chunk and the inflated columns, so the columns they point into move in with
// the snapshot.
void keep(ColumnSet& columns, std::initializer_list<std::uint32_t> specs, Snapshot& snapshot) {
  for (Column& column : columns.all()) {
    if (std::find(specs.begin(), specs.end(), column.spec) == specs.end()) continue;
    snapshot.storage.push_back(to_bytes(column.bytes));
    column.bytes = snapshot.storage.back();
  }
}

// Other writers leave actors in the table that authored nothing; we keep none. An op that names one
// cannot belong to any change.
Result<void> drop_idle_actors(Snapshot& snapshot) {
  constexpr ActorIndex kIdle = std::numeric_limits<ActorIndex>::max();
  std::vector<ActorIndex> renumbered(snapshot.actors.size(), kIdle);
  for (const ChangeRow& row : snapshot.changes) renumbered[row.actor] = 0;
  std::vector<ActorId> authors;
  for (std::size_t i = 0; i < renumbered.size(); ++i) {
    if (renumbered[i] == kIdle) continue;
    renumbered[i] = static_cast<ActorIndex>(authors.size());
    authors.push_back(snapshot.actors[i]);
  }
  if (authors.size() == snapshot.actors.size()) return {};

  bool all_known = true;
  const auto renumber = [&](OpId& id) {
    if (id.is_none()) return;
    id.actor = renumbered[id.actor];
    if (id.actor == kIdle) all_known = false;
  };
  for (ChangeRow& row : snapshot.changes) row.actor = renumbered[row.actor];
  for (model::RowRun& run : snapshot.rows) {
    renumber(run.id);
    renumber(run.object);
    renumber(run.succ);
    if (!run.key.is_map) renumber(run.key.element);
  }
  for (OpId& succ : snapshot.succs) renumber(succ);
  if (!all_known) return corrupt("an op names an actor without changes");
  snapshot.actors = std::move(authors);
  return {};
}

}  // namespace

Result<Snapshot> decode_document(ByteView body) {
  Result<Snapshot> result{Snapshot{}};
  Snapshot& snapshot = *result;
  codec::Reader in(body);
  if (auto done = read_actors(in, snapshot); !done) return done.error();
  if (auto done = read_heads(in, snapshot); !done) return done.error();

  ColumnSet change_columns;
  ColumnSet op_columns;
  if (auto done = change_columns.read_metadata(in, kChangeColumns, true); !done) {
    return done.error();
  }
  if (auto done = op_columns.read_metadata(in, kOpColumns, true); !done) return done.error();
  if (auto done = change_columns.read_data(in); !done) return done.error();
  if (auto done = op_columns.read_data(in); !done) return done.error();

  std::vector<Bytes> inflated;
  std::size_t budget = codec::inflate_limit(body.size());
  const std::uint64_t expanded = expanded_max(body.size());
  if (auto done = change_columns.inflate(budget, inflated); !done) return done.error();
  if (auto done = op_columns.inflate(budget, inflated); !done) return done.error();
  keep(change_columns, {change_column::kMessage, change_column::kExtraRaw}, snapshot);
  keep(op_columns, {op_column::kKeyName, op_column::kValueRaw, op_column::kMarkName}, snapshot);

  if (auto done = ChangeTableDecoder(change_columns, expanded, snapshot).decode(); !done) {
    return done.error();
  }
  if (auto done = read_head_rows(in, snapshot); !done) return done.error();
  if (auto done = DocumentRowsDecoder(op_columns, expanded, snapshot).decode(); !done) {
    return done.error();
  }
  if (auto done = drop_idle_actors(snapshot); !done) return done.error();
  return result;
}

}  // namespace converge::format
