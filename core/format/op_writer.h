#pragma once

#include "core/base/bytes.h"
#include "core/codec/column_writer.h"
#include "core/format/columns.h"
#include "core/model/change.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace converge::format {

/// Builds the columns that op tables of changes and documents share, from runs. Actor indices are
/// those to be written: the caller maps. Strings must stay until finish(). clear() keeps memory, so
/// one writer encodes many changes without allocating.
class OpWriter {
 public:
  enum class Table : std::uint8_t { kChange, kDocument, kBundle };

  void clear();

  /// `count` inserted strings of one code point each, the first behind `reference`, which are ops
  /// {id.counter + i, id.actor}. Groups are added apart, as for the others.
  void add_text(model::OpId object, model::OpId reference, model::OpId id, std::uint32_t count,
                std::string_view text);
  /// `count` deletes of elements {element.counter + i * step, element.actor}.
  void add_deletes(model::OpId object, model::OpId element, int step, std::uint32_t count);
  struct Single {
    model::OpId object;
    model::Key key;
    model::Action action = model::Action::kSet;
    bool insert = false;
    bool expand = false;
    model::ScalarRef value;
    std::optional<std::string_view> mark_name;
  };
  void add_single(const Single& op);

  /// Predecessors or successors of the rows added: none, one each, or several of one row.
  void add_no_groups(std::uint64_t rows) { group_count_.append(0, rows); }
  void add_group_run(std::uint64_t rows, model::OpId first, int step) {
    group_count_.append(1, rows);
    group_actor_.append(first.actor, rows);
    group_counter_.append_run(first.counter, step, rows);
  }
  void begin_group(std::uint64_t cells) { group_count_.append(cells); }
  void add_group_cell(model::OpId id) {
    group_actor_.append(id.actor);
    group_counter_.append(id.counter);
  }

  /// Documents and bundles: the ids of the next `count` rows.
  void add_ids(model::OpId first, std::uint32_t count) {
    id_actor_.append(first.actor, count);
    id_counter_.append_run(first.counter, 1, count);
  }

  /// The finished columns, in order, elided as automerge-format 2.9 says. They point into this
  /// writer.
  void finish(Table table, ColumnList& out);

 private:
  void add_object(model::OpId object, std::uint64_t count);
  void add_element(model::OpId element);

  codec::UintWriter object_actor_;
  codec::UintWriter object_counter_;
  codec::UintWriter key_actor_;
  codec::DeltaWriter key_counter_;
  codec::StringWriter key_name_;
  codec::UintWriter id_actor_;
  codec::DeltaWriter id_counter_;
  codec::BooleanWriter insert_;
  codec::UintWriter action_;
  codec::UintWriter value_meta_;
  Bytes value_raw_;
  codec::UintWriter group_count_;
  codec::UintWriter group_actor_;
  codec::DeltaWriter group_counter_;
  codec::BooleanWriter expand_;
  codec::StringWriter mark_name_;
};

}  // namespace converge::format
