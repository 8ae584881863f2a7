#include "core/base/assert.h"
#include "core/codec/utf8.h"
#include "core/format/change_encoder.h"
#include "core/format/document.h"
#include "core/format/op_pieces.h"

#include <algorithm>

namespace converge::format {
namespace {

using model::ActorIndex;
using model::ChangeHash;
using model::ChangeRow;
using model::OpId;
using model::RowRun;
using model::Snapshot;

/// Numbers of the actors that one change names: its author 0, the others ascending.
class LocalActors {
 public:
  explicit LocalActors(const std::vector<model::ActorId>& actors)
      : actors_(actors), seen_(actors.size(), 0), local_(actors.size(), 0) {}

  void begin(ActorIndex author) {
    ++round_;
    others_.clear();
    names_.clear();
    seen_[author] = round_;
    local_[author] = 0;
  }
  void use(OpId id) {
    if (id.is_none() || seen_[id.actor] == round_) return;
    seen_[id.actor] = round_;
    others_.push_back(id.actor);
  }
  void number() {
    std::sort(others_.begin(), others_.end());
    for (std::size_t i = 0; i < others_.size(); ++i) {
      local_[others_[i]] = static_cast<ActorIndex>(i + 1);
      names_.push_back(&actors_[others_[i]]);
    }
  }
  OpId map(OpId id) const { return id.is_none() ? id : OpId{id.counter, local_[id.actor]}; }
  const std::vector<const model::ActorId*>& names() const { return names_; }

 private:
  const std::vector<model::ActorId>& actors_;
  std::vector<std::uint32_t> seen_;  // the round in which it was last used
  std::vector<ActorIndex> local_;
  std::vector<ActorIndex> others_;
  std::vector<const model::ActorId*> names_;
  std::uint32_t round_ = 0;
};

/// Part of a piece that one change holds.
struct Slice {
  const OpPiece* piece = nullptr;
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
  std::string_view text;  // kText
};

/// Where the next change of an actor begins among the actor's pieces.
struct Cursor {
  std::size_t piece = 0;
  std::size_t end = 0;
  std::uint32_t offset = 0;     // ops of the piece already given out
  std::size_t text_offset = 0;  // their bytes
};

class Rebuilder {
 public:
  explicit Rebuilder(const Snapshot& snapshot)
      : snapshot_(snapshot),
        pieces_(collect_pieces(snapshot)),
        local_(snapshot.actors),
        cursors_(snapshot.actors.size()) {
    for (std::size_t a = 0; a < cursors_.size(); ++a) {
      cursors_[a] = {pieces_.actor_begin[a], pieces_.actor_begin[a + 1], 0, 0};
    }
  }

  Result<std::vector<ChangeHash>> run(const ChangeCallback& callback) {
    hashes_.reserve(snapshot_.changes.size());
    for (std::uint32_t row = 0; row < snapshot_.changes.size(); ++row) {
      const ChangeRow& change = snapshot_.changes[row];
      if (auto done = gather(change); !done) {
        return Error{done.error().code,
                     "change row " + std::to_string(row) + ": " + done.error().message};
      }
      const Bytes& body = encode(change);
      hashes_.push_back(change_hash(body));
      if (callback) callback(row, hashes_.back(), body);
    }
    for (const Cursor& cursor : cursors_) {
      if (cursor.piece != cursor.end) {
        return Error{ErrorCode::kCorrupt, "an op with counter " +
                                              std::to_string(pieces_.pieces[cursor.piece].counter) +
                                              " belongs to no change"};
      }
    }
    if (auto done = check_heads(); !done) return done.error();
    return std::move(hashes_);
  }

 private:
  // Takes the actor's next pieces up to the change's last counter; they must be without gap.
  Result<void> gather(const ChangeRow& change) {
    slices_.clear();
    Cursor& at = cursors_[change.actor];
    start_op_ = change.max_op + std::uint64_t{1};
    if (at.piece != at.end) {
      start_op_ = std::min(start_op_, std::uint64_t{pieces_.pieces[at.piece].counter} + at.offset);
    }
    if (start_op_ == 0 || start_op_ > 0xffffffffu) {
      return Error{ErrorCode::kCorrupt, "op counter out of range"};
    }
    for (std::uint64_t next = start_op_; next <= change.max_op;) {
      if (at.piece == at.end) return missing_op(next);
      const OpPiece& piece = pieces_.pieces[at.piece];
      if (std::uint64_t{piece.counter} + at.offset != next) return missing_op(next);
      const auto count = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(piece.count - at.offset, change.max_op - next + 1));
      slices_.push_back(take(at, piece, count));
      next += count;
    }
    return check_deps(change);
  }

  static Error missing_op(std::uint64_t counter) {
    return Error{ErrorCode::kCorrupt,
                 "op " + std::to_string(counter) + " is missing or there twice"};
  }

  Slice take(Cursor& at, const OpPiece& piece, std::uint32_t count) const {
    Slice slice{&piece, at.offset, count, {}};
    if (piece.kind == OpPiece::Kind::kText) {
      const std::string_view text = snapshot_.rows[piece.row].text;
      const std::string_view rest = text.substr(at.text_offset);
      const bool one_byte_each = text.size() == piece.count;
      const std::size_t size = one_byte_each ? count : codec::skip_code_points(rest, count);
      slice.text = rest.substr(0, size);
      at.text_offset += size;
    }
    at.offset += count;
    if (at.offset == piece.count) at = {at.piece + 1, at.end, 0, 0};
    return slice;
  }

  Result<void> check_deps(const ChangeRow& change) {
    deps_.clear();
    for (std::uint32_t i = 0; i < change.deps_count; ++i) {
      const std::uint32_t dep = snapshot_.deps[change.deps_begin + i];
      DEBUG_ASSERT(dep < hashes_.size());
      deps_.push_back(hashes_[dep]);
      if (snapshot_.changes[dep].max_op >= start_op_) {
        return Error{ErrorCode::kCorrupt, "op counters do not lie above those of a dependency"};
      }
    }
    return {};
  }

  const Bytes& encode(const ChangeRow& change) {
    local_.begin(change.actor);
    for (const Slice& slice : slices_) use_actors(slice);
    local_.number();

    OpWriter& ops = encoder_.begin();
    for (const Slice& slice : slices_) write(ops, slice);
    const model::ChangeText said = snapshot_.text(change);
    return encoder_.finish({deps_, &snapshot_.actors[change.actor], change.seq,
                            static_cast<std::uint32_t>(start_op_), change.time, said.message,
                            local_.names(), as_bytes(said.extra)});
  }

  void use_actors(const Slice& slice) {
    const OpPiece& piece = *slice.piece;
    const RowRun& run = snapshot_.rows[piece.row];
    local_.use(run.object);
    switch (piece.kind) {
      case OpPiece::Kind::kText:
        if (slice.offset == 0) local_.use(run.key.element);
        return;
      case OpPiece::Kind::kTextDeletes:
        local_.use(run.id);
        return;
      case OpPiece::Kind::kSingle:
        if (!run.key.is_map) local_.use(run.key.element);
        break;
      case OpPiece::Kind::kSingleDelete:
        if (!run.key.is_map) local_.use(element_of(run));
        break;
    }
    for (std::uint32_t i = 0; i < piece.pred_count; ++i) {
      local_.use(pieces_.preds[piece.pred_begin + i]);
    }
  }

  void write(OpWriter& ops, const Slice& slice) const {
    const OpPiece& piece = *slice.piece;
    const RowRun& run = snapshot_.rows[piece.row];
    const OpId object = local_.map(run.object);
    switch (piece.kind) {
      case OpPiece::Kind::kText: {
        const OpId id{piece.counter + slice.offset, 0};
        const OpId reference =
            slice.offset == 0 ? local_.map(run.key.element) : OpId{id.counter - 1, 0};
        ops.add_text(object, reference, id, slice.count, slice.text);
        ops.add_no_groups(slice.count);
        return;
      }
      case OpPiece::Kind::kTextDeletes: {
        // Ascending by delete, so falling successors mean elements from the last to the first.
        const std::uint32_t place = run.succ_step > 0 ? slice.offset : run.count - 1 - slice.offset;
        const OpId element = local_.map({run.id.counter + place, run.id.actor});
        ops.add_deletes(object, element, run.succ_step, slice.count);
        ops.add_group_run(slice.count, element, run.succ_step);
        return;
      }
      case OpPiece::Kind::kSingle:
        write_single(ops, object, piece);
        return;
      case OpPiece::Kind::kSingleDelete:
        write_delete(ops, object, piece);
        return;
    }
  }

  void write_single(OpWriter& ops, OpId object, const OpPiece& piece) const {
    const RowRun& run = snapshot_.rows[piece.row];
    model::Key key = run.key;
    key.element = local_.map(key.element);
    ops.add_single({object, key, run.action, run.insert, run.expand, run.value, run.mark_name});
    write_preds(ops, piece);
  }

  void write_delete(OpWriter& ops, OpId object, const OpPiece& piece) const {
    const RowRun& run = snapshot_.rows[piece.row];
    model::Key key = run.key;
    if (!key.is_map) key.element = local_.map(element_of(run));
    ops.add_single({object, key, model::Action::kDel, false, false, {}, {}});
    write_preds(ops, piece);
  }

  void write_preds(OpWriter& ops, const OpPiece& piece) const {
    ops.begin_group(piece.pred_count);
    for (std::uint32_t i = 0; i < piece.pred_count; ++i) {
      ops.add_group_cell(local_.map(pieces_.preds[piece.pred_begin + i]));
    }
  }

  Result<void> check_heads() const {
    std::vector<bool> is_dep(hashes_.size());
    for (const std::uint32_t dep : snapshot_.deps) is_dep[dep] = true;
    model::Heads heads;
    for (std::size_t row = 0; row < hashes_.size(); ++row) {
      if (!is_dep[row]) heads.push_back(hashes_[row]);
    }
    std::sort(heads.begin(), heads.end());
    if (heads == snapshot_.heads) return {};
    return Error{ErrorCode::kCorrupt,
                 "mismatching heads: the hashes of the changes are not what the document claims"};
  }

  const Snapshot& snapshot_;
  OpPieces pieces_;
  LocalActors local_;
  std::vector<Cursor> cursors_;  // one an actor
  std::vector<ChangeHash> hashes_;
  ChangeEncoder encoder_;
  // Of the change being rebuilt.
  std::uint64_t start_op_ = 0;
  std::vector<Slice> slices_;
  std::vector<ChangeHash> deps_;
};

}  // namespace

Result<std::vector<ChangeHash>> for_each_change(const Snapshot& snapshot,
                                                const ChangeCallback& callback) {
  return Rebuilder(snapshot).run(callback);
}

void set_heads(Snapshot& snapshot, const std::vector<ChangeHash>& hashes) {
  ASSERT(hashes.size() == snapshot.changes.size());
  std::vector<bool> is_dep(hashes.size());
  for (const std::uint32_t dep : snapshot.deps) is_dep[dep] = true;
  snapshot.head_rows.clear();
  for (std::uint32_t row = 0; row < hashes.size(); ++row) {
    if (!is_dep[row]) snapshot.head_rows.push_back(row);
  }
  std::sort(snapshot.head_rows.begin(), snapshot.head_rows.end(),
            [&](std::uint32_t a, std::uint32_t b) { return hashes[a] < hashes[b]; });
  snapshot.heads.clear();
  for (const std::uint32_t row : snapshot.head_rows) snapshot.heads.push_back(hashes[row]);
}

}  // namespace converge::format
