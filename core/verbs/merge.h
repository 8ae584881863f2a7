#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/engine/document.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace converge::verbs {

/// What a merge did, or would do.
struct MergeOutcome {
  std::vector<ChangeHash> applied;         ///< in application order
  std::vector<ChangeHash> queued;          ///< their dependencies are missing
  std::vector<std::string> new_conflicts;  ///< pointers of registers that had no conflict before
  Heads heads;

  bool unchanged() const { return applied.empty() && queued.empty(); }
};

struct MergeOptions {
  bool fail_on_conflict = false;  ///< merge.conflict when new ones would appear; nothing is kept
  bool dry_run = false;
};

/// Merges a stream of chunks (a file, an export) into the document; all or nothing.
/// Errors: those of Document::load_incremental, merge.conflict.
Result<MergeOutcome> merge_chunks(engine::Document& document, ByteView chunks,
                                  const MergeOptions& options = {});
Result<MergeOutcome> merge_document(engine::Document& document, const engine::Document& other,
                                    const MergeOptions& options = {});

/// The pieces of a MergeReport: heads, merged, conflicts, unchanged.
nlohmann::json to_json(const MergeOutcome& outcome);

}  // namespace converge::verbs
