#pragma once

#include "core/engine/document.h"
#include "core/model/change.h"

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace converge::engine {

/// Ops of one change with consecutive ids that one description covers: a single op, text typed in a
/// row, or elements deleted in a row. Ids are those of the document, as View gives them.
struct Operation {
  OpId id;  ///< of the first
  std::uint32_t count = 1;
  model::Action action = model::Action::kSet;
  ObjId object;
  std::optional<std::string_view> key;  ///< map key; else `element`
  OpId element;  ///< inserts: the element behind which (the rest of the text follows the op
                 ///< before); others: the target, for a row of deletes the first
  int step = 1;  ///< deletes in a row: counter distance of the targets, 1 or -1
  bool insert = false;
  std::optional<model::ScalarRef> value;  ///< kSet (text in a row: all of it), kInc, begin marks
  std::optional<std::string_view> mark_name;  ///< begin marks
  bool expand = false;                        ///< marks
  std::vector<OpId> preds;  ///< single ops; an element deleted in a row has itself as pred
};

/// Calls `f` for the ops of an applied change, in order. What an Operation borrows lives as long as
/// the call. Cost: O(runs and bytes), after that of Document::change_bytes. Errors: kNotFound.
Result<void> for_each_operation(const Document& document, const ChangeHash& hash,
                                const std::function<void(const Operation&)>& f);

}  // namespace converge::engine
