#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/verbs/pointer.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace converge::verbs {

/// Where a diff of two states looks.
enum class DiffScope : std::uint8_t {
  kWritten,  ///< into the objects that the changes between wrote: for near versions, many times
  kAll,      ///< everywhere: cheaper once, for a document just loaded (see Document::change_bytes)
};

/// The RFC 6902 patch (operations add, remove, replace, values in the input form) that turns the
/// value at `before` into that at `after`: its application by edits.h to the old state gives the
/// new one. Objects and list elements are followed by identity, so a list insert is one `add`. Text
/// is replaced as a string. Iterative; cost O(objects written), or O(both states) with kAll or for
/// versions far apart. Errors: rev.not_found for unknown heads, limit.exceeded for nesting.
Result<nlohmann::json> diff_patch(const engine::Document& document, const Heads& before,
                                  const Heads& after, DiffScope scope = DiffScope::kWritten);

/// The same between JSON values, where nothing has an identity: lists by longest common
/// subsequence. Both in one form; applying the result to `before` gives `after`.
nlohmann::json diff_values(const nlohmann::json& before, const nlohmann::json& after);

/// A patch's operations at or below the pointer.
nlohmann::json filter_patch(const nlohmann::json& patch, const Pointer& pointer);

/// {"added":n,"removed":n,"replaced":n}
nlohmann::json patch_stat(const nlohmann::json& patch);

struct DiffOptions {
  std::optional<Pointer> path = {};
};

/// A Diff object (contract 8.3) without the ids that only the caller knows: kind, v, from, to,
/// equal, patch, stat, only_left, only_right (changes in the history of one side only). Between two
/// documents, `right` may be another copy or an unrelated one.
Result<nlohmann::json> diff(const engine::Document& left, const Heads& from,
                            const engine::Document& right, const Heads& to,
                            const DiffOptions& options = {});

/// Changes in the history of `of` and not in that of `without`, in application order.
Result<std::vector<ChangeHash>> changes_between(const engine::Document& document,
                                                const Heads& without, const Heads& of);

/// A JSON value after a patch, without a document: add, remove, replace, move, copy, test.
/// Errors: input.json (not a patch), path.not_found, path.type, value.mismatch.
Result<nlohmann::json> apply_patch_to_json(nlohmann::json value, const nlohmann::json& patch);
/// RFC 7396.
nlohmann::json apply_merge_patch_to_json(nlohmann::json value, const nlohmann::json& patch);

}  // namespace converge::verbs
