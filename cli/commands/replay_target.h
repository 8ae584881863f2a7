#pragma once

#include "cli/commands/session.h"
#include "core/base/bytes.h"
#include "core/model/document_id.h"
#include "core/model/ids.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace converge::cli {

/// One change, deletion or naming of a log.
struct ReplayStep {
  enum class Kind { kChange, kDelete, kName };

  Kind kind = Kind::kChange;
  /// Nothing: the log is of one document and does not name it; of a naming: the name means nothing
  /// any more.
  std::optional<DocumentId> id;
  std::string name;
  std::uint64_t seq = 0;
  std::optional<std::int64_t> at_ms;
  ChangeHash hash;
  Bytes chunk;
  std::string where;  ///< "the file "x", line 7,": for errors
};

/// What a log is replayed into: always empty at first.
class ReplayTarget {
 public:
  virtual ~ReplayTarget() = default;
  /// Errors: those of the document, with the step's place.
  virtual Result<void> apply(const ReplayStep& step) = 0;
  /// Everything given is there. Errors: change.missing_deps, with the place of a change that
  /// depends on one that never came; those of apply.
  virtual Result<void> finish() = 0;
  /// As "doc.digest" answers.
  virtual Result<nlohmann::json> digest() = 0;
};

std::unique_ptr<ReplayTarget> replay_into_memory();

/// A store in a directory that does not exist or is empty, opened for this command only. Errors:
/// output.exists, io, those of the store.
Result<std::unique_ptr<ReplayTarget>> replay_into_store(Session& session,
                                                        const std::string& directory);

}  // namespace converge::cli
