#pragma once

#include "core/base/result.h"
#include "core/store/store.h"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace converge::store {

/// Where a store is cut: behind a receipt, or behind the last one received by a moment.
struct CutPoint {
  std::optional<ReceiptNumber> receipt;
  std::optional<std::int64_t> time_ms;
};

struct CutReport {
  ReceiptNumber receipt = 0;  ///< the last that is left
  std::uint64_t changes_removed = 0;
  std::uint64_t documents_changed = 0;
  std::uint64_t documents_removed = 0;  ///< first received after the cut
};

/// Takes a store that no process has open back to what it had received by then: changes behind the
/// cut and their receipts go, headers are computed anew, orphans of the documents concerned are
/// dropped. What was deleted meanwhile stays deleted. Nothing is written unless all of it can be
/// done. Errors: kInvalid (no such receipt), kConflict (a change behind the cut is inside a
/// snapshot already: only a backup from before can help), and those of open_store.
Result<CutReport> cut_store(const std::filesystem::path& directory, const CutPoint& point,
                            const OpenOptions& options);

}  // namespace converge::store
