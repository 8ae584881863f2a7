#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/verbs/pointer.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>

namespace converge::verbs {

struct BlameOptions {
  Pointer pointer = {};   ///< what to look at; the root: the whole document
  std::size_t depth = 0;  ///< levels below the pointer that are taken apart; 0: all
};

/// Which change each value comes from, as of `heads`:
///
///     {"path":"/items/0/title","value":"milk","change":…,"actor":…,"seq":…,"message":…,
///      "author_time":…}
///
/// in document order, one item for a scalar, a container that is not taken apart or is empty, and a
/// stretch of text by one change (with "start" and "length" in code points). The first item is the
/// place itself where it is not the root, with the value left out when it is taken apart.
/// Recursive, bounded by kReadDepthMax. Cost: O(what is below the pointer).
/// Errors: path.not_found, path.type, rev.not_found, limit.exceeded.
Result<nlohmann::json> blame(const engine::Document& document, const Heads& heads,
                             const BlameOptions& options);

}  // namespace converge::verbs
