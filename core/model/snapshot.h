#pragma once

#include "core/model/change.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace converge::model {

/// One change as the document chunk's change table tells it (automerge-format 4.2). A document may
/// have a million of them, so what hardly any has lies elsewhere.
struct ChangeRow {
  std::int64_t time = 0;
  ActorIndex actor = 0;
  std::uint32_t seq = 0;
  std::uint32_t max_op = 0;
  std::uint32_t deps_begin = 0;  ///< rows Snapshot::deps[deps_begin, +deps_count), in the change's
  std::uint32_t deps_count = 0;  ///< own order
  std::uint32_t text = 0;        ///< Snapshot::texts[text - 1]; 0: none
};
static_assert(sizeof(ChangeRow) == 32);

/// What a change says in words, and the bytes behind its columns.
struct ChangeText {
  std::string_view message;  ///< empty: none
  std::string_view extra;
};

/// A maximal group of op rows of a document chunk that one description covers
/// (automerge-format 4.3, 4.4). The same idea as OpRun, with successors in the place of
/// predecessors.
struct RowRun {
  enum class Shape : std::uint8_t {
    kSingle,
    /// `count` text elements with consecutive ids, each after the first inserted behind the one
    /// before, one code point each, action kSet. Successors: none, or one each with ids
    /// {succ.counter + i * succ_step, succ.actor}; such a successor is always a delete, because an
    /// element with further rows is a kSingle. The object may be a list of such strings as well.
    kText,
  };

  Shape shape = Shape::kSingle;
  Action action = Action::kSet;  ///< never kDel
  bool insert = false;
  bool expand = false;
  std::int8_t succ_step = 1;  ///< kText: +1 or -1
  bool has_succ = false;      ///< kText: each element has exactly one successor
  std::uint32_t count = 1;
  OpId id;  ///< of the first row
  OpId object;
  Key key;
  ScalarRef value;        ///< kSingle
  std::string_view text;  ///< kText
  std::optional<std::string_view> mark_name;
  OpId succ;  ///< kText with has_succ: of the first row
  std::uint32_t succ_begin =
      0;  ///< kSingle: Snapshot::succs[succ_begin, +succ_count), ascending op id
  std::uint32_t succ_count = 0;
};

/// The whole history of a document in document-chunk order: what format reads and writes, and what
/// crdt is built from and exported to. Actor indices point into `actors`. Views point into
/// `storage` (or, on export, into the document that exported it, which must then outlive the
/// snapshot unchanged).
struct Snapshot {
  std::vector<ActorId> actors;  ///< ascending, unique; each authored at least one change
  Heads heads;
  std::vector<std::uint32_t> head_rows;  ///< the change row of each head; empty: not known yet
  std::vector<ChangeRow> changes;        ///< parents first; per actor ascending seq
  std::vector<ChangeText> texts;         ///< shared array
  std::vector<std::uint32_t> deps;       ///< row indices, shared array
  std::vector<RowRun> rows;              ///< automerge-format 4.4
  std::vector<OpId> succs;               ///< shared array
  std::vector<Bytes> storage;            ///< inflated columns and the chunk itself

  ChangeText text(const ChangeRow& row) const {
    return row.text == 0 ? ChangeText{} : texts[row.text - 1];
  }
  void set_text(ChangeRow& row, const ChangeText& said) {
    if (said.message.empty() && said.extra.empty()) return;
    texts.push_back(said);
    row.text = static_cast<std::uint32_t>(texts.size());
  }

  Snapshot() = default;
  Snapshot(Snapshot&&) noexcept = default;
  Snapshot& operator=(Snapshot&&) noexcept = default;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
};

}  // namespace converge::model
