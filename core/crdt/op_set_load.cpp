#include "core/base/assert.h"
#include "core/crdt/op_set.h"

#include <string>

namespace converge::crdt {

using model::Action;
using model::RowRun;

namespace {

/// Checks that elements arrive in the order of automerge-format 6.5: the pre-order walk of the tree
/// of references, siblings descending. Keeps the path from HEAD to the last element as stretches
/// of consecutive ids, so a run costs one step.
class OrderCheck {
 public:
  explicit OrderCheck(const ActorTable& actors) : actors_(&actors) {}

  void restart() { path_.clear(); }

  /// `count` elements from `first` on, each after the first behind the one before.
  bool accept(OpId first, OpId reference, std::uint32_t count) {
    if (!reference.is_none() && !actors_->less(reference, first)) return false;
    OpId sibling;  // the child of `reference` that was passed last
    while (!path_.empty()) {
      Stretch& top = path_.back();
      const std::uint32_t offset = reference.counter - top.first.counter;
      if (reference.actor == top.first.actor && !reference.is_none() && offset < top.length) {
        if (offset + 1 < top.length) {
          sibling = {top.first.counter + offset + 1, top.first.actor};
          top.length = offset + 1;
        }
        break;
      }
      sibling = top.first;
      path_.pop_back();
    }
    if (path_.empty() && !reference.is_none()) return false;
    if (!sibling.is_none() && !actors_->less(first, sibling)) return false;
    if (!path_.empty() && follows(path_.back(), first)) {
      path_.back().length += count;
    } else {
      path_.push_back({first, count});
    }
    return true;
  }

 private:
  struct Stretch {
    OpId first;
    std::uint32_t length;
  };
  static bool follows(const Stretch& stretch, OpId first) {
    return first.actor == stretch.first.actor &&
           first.counter == stretch.first.counter + stretch.length;
  }

  const ActorTable* actors_;
  std::vector<Stretch> path_;
};

}  // namespace

/// Builds an OpSet from document rows, one register at a time.
class SnapshotLoader {
 public:
  SnapshotLoader(OpSet& ops, const model::Snapshot& snapshot)
      : ops_(ops), snapshot_(snapshot), order_(ops.actors_) {}

  Result<void> load() {
    for (const ActorId& actor : snapshot_.actors) actor_of_.push_back(ops_.actors_.intern(actor));
    for (std::size_t i = 0; i < actor_of_.size(); ++i) identity_ &= actor_of_[i] == i;
    for (const RowRun& row : snapshot_.rows) {
      if (auto done = take(row); !done) return done;
    }
    if (auto done = finish_register(); !done) return done;
    finish_object();
    return {};
  }

 private:
  /// One op of the register being gathered; `text` and `succ` replace the row's own when the op is
  /// the last of a text run.
  struct GroupRow {
    const RowRun* row;
    OpId id;
    OpId succ;
    std::string_view text;
    bool from_run;
  };

  OpId mapped(OpId id) const {
    return identity_ || id.is_none() ? id : OpId{id.counter, actor_of_[id.actor]};
  }

  static Error corrupt(const RowRun& row, const char* what) {
    return {ErrorCode::kCorrupt,
            std::string(what) + ", at the row of op " + std::to_string(row.id.counter)};
  }

  Result<void> take(const RowRun& row) {
    if (!started_ || mapped(row.object) != object_id_) {
      if (auto done = finish_register(); !done) return done;
      finish_object();
      if (auto done = start_object(row); !done) return done;
    }
    if (row.key.is_map == is_sequence_) return corrupt(row, "key kind does not fit the object");
    if (!is_sequence_) return take_map_row(row);
    return row.insert ? take_insert(row) : take_element_row(row);
  }

  Result<void> start_object(const RowRun& row) {
    object_id_ = mapped(row.object);
    object_ = ops_.objects_.find(object_id_);
    if (object_ == ObjectTable::kNone) return corrupt(row, "unknown object");
    is_sequence_ = is_sequence(ops_.objects_.at(object_).type);
    started_ = true;
    order_.restart();
    if (!is_sequence_) reserve_keys(row);
    return {};
  }

  /// The map whose first row this is gets the room it will need: ops of one key stand together.
  void reserve_keys(const RowRun& first) {
    std::size_t keys = 0;
    const RowRun* previous = nullptr;
    const RowRun* const end = snapshot_.rows.data() + snapshot_.rows.size();
    for (const RowRun* row = &first; row != end && row->object == first.object; ++row) {
      if (previous == nullptr || previous->key.name != row->key.name) ++keys;
      previous = row;
    }
    ops_.objects_.map(ops_.objects_.at(object_)).reserve(keys);
    ops_.keys_.reserve(ops_.keys_.size() + keys);
  }

  void finish_object() {
    if (!started_ || !is_sequence_) return;
    ops_.forest_.finish_loading(sequence());
  }

  Sequence& sequence() { return ops_.objects_.sequence(ops_.objects_.at(object_)); }

  void gather(const RowRun& row) { group_.push_back({&row, mapped(row.id), {}, {}, false}); }

  Result<void> take_map_row(const RowRun& row) {
    if (!group_.empty() && group_[0].row->key.name != row.key.name) {
      if (auto done = finish_register(); !done) return done;
    }
    gather(row);
    return {};
  }

  Result<void> take_insert(const RowRun& row) {
    if (auto done = finish_register(); !done) return done;
    const OpId first = mapped(row.id);
    const OpId reference = mapped(row.key.element);
    if (!order_.accept(first, reference, row.count)) {
      return corrupt(row, "list elements are not in sequence order");
    }
    if (row.shape == RowRun::Shape::kSingle) {
      gather(row);
      return {};
    }
    append_text(row, first, reference);
    last_text_ = &row;
    return {};
  }

  Result<void> take_element_row(const RowRun& row) {
    if (group_.empty() && last_text_ != nullptr) reopen_last_element();
    if (group_.empty() || mapped(row.key.element) != group_[0].id) {
      return corrupt(row, "op is not behind the element it names");
    }
    gather(row);
    return {};
  }

  void append_text(const RowRun& row, OpId first, OpId reference) {
    const std::uint32_t content = ops_.content_.append(row.text);
    std::uint32_t done = 0;
    for_each_width(row.text, [&](std::size_t offset, std::uint32_t count, std::uint8_t width) {
      Span span;
      span.first = {first.counter + done, first.actor};
      span.reference = done == 0 ? reference : OpId{first.counter + done - 1, first.actor};
      span.content = content + static_cast<std::uint32_t>(offset);
      span.length = count;
      span.width = width;
      span.step = row.succ_step;
      if (row.has_succ) {
        const OpId succ = mapped(row.succ);
        span.deleter = {
            succ.counter + done * static_cast<std::uint32_t>(std::int32_t{row.succ_step}),
            succ.actor};
      }
      ops_.forest_.append(sequence(), span);
      done += count;
    });
  }

  /// The last element of a text run turns out to have more ops: it becomes a register again.
  void reopen_last_element() {
    Span& span = ops_.forest_.last_span();
    const Span last = span.slice(span.length - 1, 1);
    group_.push_back(
        {last_text_, last.first, last.deleter, ops_.content_.view(last.content, last.width), true});
    reopened_ = true;
    last_text_ = nullptr;
  }

  // ----------------------------------------------------------------------------------- registers

  Result<void> finish_register() {
    last_text_ = nullptr;
    if (group_.empty()) return {};
    if (is_sequence_) {
      if (auto done = finish_element(); !done) return done;
    } else {
      const KeyId key = ops_.keys_.intern(group_[0].row->key.name);
      Register ops;
      if (auto done = fill(ops, key, OpId{}); !done) return done;
      MapObject* const map = &ops_.objects_.map(ops_.objects_.at(object_));
      if (ops.visible > 0) ++map->visible_keys;
      map->append(key).ops = std::move(ops);
    }
    group_.clear();
    return {};
  }

  Result<void> finish_element() {
    const GroupRow& insert = group_[0];
    if (group_.size() == 1 && append_as_text(insert)) return {};
    const std::uint32_t number = ops_.forest_.new_record();
    Register ops;
    if (auto done = fill(ops, 0, insert.id); !done) return done;
    ElementRecord& record = ops_.forest_.record(number);
    record.ops = std::move(ops);
    record.metrics = ops_.forest_.measure(record.ops);
    if (insert.row->action == Action::kMark) ++sequence().marks;
    Span span;
    span.first = insert.id;
    span.length = 1;
    span.content = number;
    if (!reopened_) {
      span.reference = mapped(insert.row->key.element);
      ops_.forest_.append(sequence(), span);
      return {};
    }
    reopened_ = false;
    Span& last = ops_.forest_.last_span();
    span.reference = last.slice(last.length - 1, 1).reference;
    if (last.length == 1) {
      last = span;
    } else {
      --last.length;
      ops_.forest_.append(sequence(), span);
    }
    return {};
  }

  /// A lone character that came as a single row is still a text run of one.
  bool append_as_text(const GroupRow& group) {
    const RowRun& row = *group.row;
    const bool string = row.action == Action::kSet && row.value.is(model::ScalarType::kString);
    if (group.from_run || !string || row.succ_count > 1 || row.value.raw.empty() ||
        row.value.raw.size() > 4) {
      return false;
    }
    std::uint32_t code_points = 0;
    Span span;
    for_each_width(row.value.raw, [&](std::size_t, std::uint32_t count, std::uint8_t width) {
      code_points += count;
      span.width = width;
    });
    if (code_points != 1) return false;
    span.first = group.id;
    span.reference = mapped(row.key.element);
    span.length = 1;
    span.content = ops_.content_.append(row.value.raw);
    if (row.succ_count == 1) span.deleter = mapped(snapshot_.succs[row.succ_begin]);
    ops_.forest_.append(sequence(), span);
    return true;
  }

  Result<void> fill(Register& ops, KeyId key, OpId element) {
    for (const GroupRow& group : group_) {
      OpRecord op = record_of(group);
      if (op.makes_object()) {
        Object object;
        object.id = op.id;
        object.type = type_of(op.action);
        object.parent = object_;
        object.key = key;
        object.element = element;
        if (ops_.objects_.find(op.id) != ObjectTable::kNone) {
          return corrupt(*group.row, "two objects have one id");
        }
        op.extra = ops_.objects_.add(object);
      }
      ops.insert(op, ops_.actors_);
    }
    // Successors come second: whether one increments shows in the register itself.
    for (std::size_t i = 0; i < group_.size(); ++i) add_successors(ops, group_[i], ops[i]);
    for (const OpRecord& op : ops) {
      if (ops_.successors_.visible(op)) ++ops.visible;
    }
    return {};
  }

  void add_successors(Register& ops, const GroupRow& group, OpRecord& op) {
    const auto add = [&](OpId succ) {
      const OpRecord* const by = op.is_counter() ? ops.find(succ, ops_.actors_) : nullptr;
      const bool increments = by != nullptr && by->action == Action::kInc;
      ops_.successors_.add(op, succ, increments,
                           increments ? amount_of(ops_.value(*by)) : std::int64_t{0});
    };
    if (group.from_run) {
      if (!group.succ.is_none()) add(group.succ);
      return;
    }
    for (std::uint32_t i = 0; i < group.row->succ_count; ++i) {
      add(mapped(snapshot_.succs[group.row->succ_begin + i]));
    }
  }

  OpRecord record_of(const GroupRow& group) {
    const RowRun& row = *group.row;
    OpRecord op;
    op.id = group.id;
    if (group.from_run) {
      op.value_type = static_cast<std::uint8_t>(model::ScalarType::kString);
      op.value = ops_.content_.append(std::string(group.text));
      op.value_size = static_cast<std::uint32_t>(group.text.size());
      return op;
    }
    op.action = row.action;
    op.value_type = row.value.type;
    op.value = ops_.content_.append(row.value.raw);
    op.value_size = static_cast<std::uint32_t>(row.value.raw.size());
    if (row.expand) op.flags = OpRecord::kExpand;
    if (row.mark_name) {
      op.flags = static_cast<std::uint8_t>(op.flags | OpRecord::kNamed);
      op.extra = ops_.keys_.intern(*row.mark_name);
    }
    return op;
  }

  OpSet& ops_;
  const model::Snapshot& snapshot_;
  OrderCheck order_;
  std::vector<ActorIndex> actor_of_;
  bool identity_ = true;
  bool started_ = false;
  bool is_sequence_ = false;
  bool reopened_ = false;
  OpId object_id_;
  std::uint32_t object_ = 0;
  std::vector<GroupRow> group_;
  const RowRun* last_text_ = nullptr;
};

Result<void> OpSet::load(const model::Snapshot& snapshot) {
  return SnapshotLoader(*this, snapshot).load();
}

}  // namespace converge::crdt
