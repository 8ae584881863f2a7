#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/verbs/pointer.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace converge::verbs {

/// A Change object (contract 8.3) as far as the document knows it: kind, v, hash, actor, seq, deps,
/// message, author_time, ops, size_bytes. The caller adds received_seq, received_at, origin and
/// signature. Errors: rev.not_found.
Result<nlohmann::json> change_json(const engine::Document& document, const ChangeHash& hash);

/// A change's author_time; null for 0: the author gave none, as in the first change of a named
/// document, which is the same wherever it is made.
nlohmann::json author_time(std::int64_t seconds);

struct LogOptions {
  std::optional<Pointer> path = {};       ///< only changes that wrote the place, what is below it,
                                          ///< or a place above it; a list index means the element
                                          ///< that stands there at `at`
  std::optional<std::string> actor = {};  ///< hex prefix
  std::optional<Heads> at = {};           ///< only ancestors of these (and themselves)
  std::size_t limit = 0;                  ///< 0: all
};

/// Hashes of the changes asked for, newest first (reverse application order). Cost: O(changes);
/// with `path` every change is decoded. Errors: rev.not_found; path.type for a list part that is no
/// index; path.not_found for an index that names no element.
Result<std::vector<ChangeHash>> log(const engine::Document& document, const LogOptions& options);

/// The change's operations, for `show --ops`: [{"id","action","object","key" or "element","insert",
/// "value","pred"}, ...] with ids as "counter@actor". Text typed in a row is one item, its "value"
/// the whole and its "count" the number of ops; so are elements deleted in a row, with "step".
/// Errors: rev.not_found.
Result<nlohmann::json> operations_json(const engine::Document& document, const ChangeHash& hash);

/// change_json with "patch" (from its dependencies to itself) and "stat"; with `with_operations`
/// also "operations".
Result<nlohmann::json> show(const engine::Document& document, const ChangeHash& hash,
                            bool with_operations);

}  // namespace converge::verbs
