#pragma once

#include "core/base/result.h"
#include "core/codec/column_reader.h"
#include "core/format/columns.h"
#include "core/model/change.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace converge::format {

/// Order of op ids inside one actor table: counter, then actor bytes. In documents and bundles the
/// table is sorted, so indices compare; in a change index 0 is the author and the rest is sorted.
class ActorOrder {
 public:
  /// For a sorted table.
  ActorOrder() = default;
  /// For a change: how many of the other actors sort before the author.
  explicit ActorOrder(std::uint32_t before_author) : before_author_(before_author), plain_(false) {}

  std::uint32_t rank(model::ActorIndex actor) const {
    if (plain_) return actor;
    if (actor == 0) return before_author_;
    return actor <= before_author_ ? actor - 1 : actor;
  }
  bool less(model::OpId a, model::OpId b) const {
    if (a.counter != b.counter) return a.counter < b.counter;
    return rank(a.actor) < rank(b.actor);
  }

 private:
  std::uint32_t before_author_ = 0;
  bool plain_ = true;
};

/// How many single runs, group cells or change rows a chunk of so many bytes as stored may expand
/// to (limits::kExpanded*). Inflated columns do not count for more: DEFLATE makes bytes as cheap as
/// runs make rows.
std::uint64_t expanded_max(std::uint64_t stored_bytes);

/// How many of the first `rows` cells of `size` bytes each are one code point. REQUIRES: raw holds
/// rows * size bytes.
std::uint64_t count_code_points(std::string_view raw, std::uint64_t size, std::uint64_t rows);

/// Up to `rows` neighbouring op rows in which every column has one run: all fields are equal, or,
/// for key and group counters, advance by a fixed step.
struct OpBlock {
  std::uint64_t rows = 0;
  model::OpId object;
  model::Key key;               ///< of the first row
  std::int64_t key_step = 0;    ///< of key.element.counter
  std::uint64_t group = 0;      ///< cells of each row; blocks with more than one have rows == 1
  model::OpId group_first;      ///< group == 1: the first row's
  std::int64_t group_step = 0;  ///< group == 1
  model::Action action = model::Action::kSet;
  bool insert = false;
  bool expand = false;
  std::uint8_t value_type = 0;
  std::uint64_t value_size = 0;
  std::optional<std::string_view> mark_name;
};

/// What the columns of one op table have in common, in changes, documents and bundles. Walks them
/// block by block and checks what one row says about itself (automerge-format 2.6, 2.9, 3.2, 3.3);
/// ids are left to the caller.
class OpReader {
 public:
  enum class Table : std::uint8_t { kChange, kDocument, kBundle };

  /// The columns must outlive the reader. `actor_count` bounds actor indices.
  OpReader(const ColumnSet& columns, Table table, std::uint64_t actor_count);

  /// No row is left, and every column says so. False also after an error.
  bool at_end();
  /// Shows the block at the cursor without moving. Nothing on error: see error().
  bool peek(OpBlock& block);
  /// The value bytes of the block's first `rows` rows, one behind the other, unchecked. REQUIRES:
  /// they are there, which peek() has made sure of.
  std::string_view raw(const OpBlock& block, std::uint64_t rows) const;
  /// Checks one value. False with error().
  bool check_value(model::ScalarRef value);
  /// Appends the cells of a block with rows == 1, ascending by `order` or else an error.
  bool take_group(const OpBlock& block, const ActorOrder& order, std::uint64_t group_max,
                  std::vector<model::OpId>& out);
  /// Moves over `rows` rows of the block; their group cells must be taken apart: by take_group(),
  /// or for a block with group == 1 by skip_groups().
  void skip(const OpBlock& block, std::uint64_t rows);
  void skip_groups(std::uint64_t cells) {
    group_actor_.take(cells);
    group_counter_.take(cells);
  }

  /// REQUIRES: the reader said no.
  Error error() const;
  bool fail(ErrorCode code, const char* what);
  std::uint64_t row() const { return row_; }

 private:
  bool measure(OpBlock& block);
  bool read_object(OpBlock& block);
  bool read_key(OpBlock& block);
  bool read_value(OpBlock& block);
  bool read_group(OpBlock& block);
  bool check_rules(const OpBlock& block);
  bool find_fault() const;

  codec::UintReader object_actor_;
  codec::UintReader object_counter_;
  codec::UintReader key_actor_;
  codec::DeltaReader key_counter_;
  codec::StringReader key_name_;
  codec::BooleanReader insert_;
  codec::UintReader action_;
  codec::UintReader value_meta_;
  codec::UintReader group_count_;
  codec::UintReader group_actor_;
  codec::DeltaReader group_counter_;
  codec::BooleanReader expand_;
  codec::StringReader mark_name_;
  std::string_view raw_;
  std::uint64_t actor_count_ = 0;
  std::uint64_t row_ = 0;
  Table table_ = Table::kChange;
  mutable std::optional<Error> error_;
};

}  // namespace converge::format
