#pragma once

#include "core/engine/document.h"
#include "core/model/change.h"

#include <optional>
#include <string>
#include <vector>

namespace converge::engine {

/// One op of a change as a person reads it. Ids are text ("counter@actorhex", "_root", "_head"), so
/// they mean the same in every document.
struct Operation {
  std::string id;
  model::Action action = model::Action::kSet;
  std::string object;
  std::optional<std::string> key;  ///< map key; else `element`
  std::string element;             ///< inserts: the element behind which; others: the target
  bool insert = false;
  std::optional<model::Scalar> value;    ///< kSet, kInc, begin marks
  std::optional<std::string> mark_name;  ///< begin marks
  bool expand = false;                   ///< marks
  std::vector<std::string> preds;
};

/// The ops of an applied or queued change, in order; runs come apart. Cost: O(ops), after that of
/// Document::change_bytes. Errors: kNotFound.
Result<std::vector<Operation>> operations(const Document& document, const ChangeHash& hash);

}  // namespace converge::engine
