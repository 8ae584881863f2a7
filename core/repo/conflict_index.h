#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Entries of the conflict index: one for each document that shows several values somewhere, stored
/// under `k` in the batch of the changes that it is derived from, so that the conflicts of a store
/// are found without loading its documents.
///
///     version (1) = 1 · flags (1), bit 0: not exact · count (unsigned LEB128) · ids, 6 bytes each
///
/// A document with more than kConflictIdsMax conflicts has the ids of the first ones only. An entry
/// is not exact while a transfer that exceeds one batch is being stored: whoever wants to know
/// looks at the document.
namespace converge::repo {

using ConflictId = std::array<std::byte, 6>;
inline constexpr std::size_t kConflictIdsMax = 4096;

struct ConflictSummary {
  bool exact = true;
  std::uint64_t count = 0;
  std::vector<ConflictId> ids;
  /// Every conflict of the document is in `ids`.
  bool is_complete() const { return exact && ids.size() == count; }
  bool operator==(const ConflictSummary&) const = default;
};

/// Empty for an exact summary without conflicts: such documents have no entry.
Bytes encode(const ConflictSummary& summary);
/// Total. Errors: kCorrupt.
Result<ConflictSummary> decode_conflicts(ByteView entry);

/// "c-" and 12 hexadecimal digits, as verbs::Conflict::id has it.
std::string to_text(const ConflictId& id);
std::optional<ConflictId> parse_conflict_id(std::string_view text);

}  // namespace converge::repo
