#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The append-only file of the proof of concept: one JSON object a line, {"key", "value",
/// "timestamp", "node"}; "node_id" and "nodeId" mean "node", "deleted": true a key that went. It
/// was written without sync or checksum, so a crash leaves torn lines and zeros in the middle.
namespace converge::cli {

struct LegacyOperation {
  std::string key;
  std::string value;  ///< JSON
  bool is_removal = false;
  std::int64_t time_ms = 0;  ///< as written: wall clock of the node
  std::string node;
};

/// Bytes that are no operation.
struct LegacySpan {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t line = 0;  ///< from 1
  std::string why;
};

struct LegacyLog {
  std::vector<LegacyOperation> operations;  ///< as in the file
  std::vector<LegacySpan> damaged;          ///< ascending, apart from each other

  std::size_t keys() const;
  std::vector<std::string> nodes() const;  ///< sorted
};

/// Total: whatever is an operation is taken, also behind damage on the same line; every other byte,
/// line ends and blanks apart, is in a span.
LegacyLog read_legacy_log(std::string_view content);

/// The document that the operations come to: each is a change of its own by its node's author, in
/// the order of (timestamp, node, place in the file), so that the last writer wins as it did. What
/// is equal to what is there already makes no change. Errors: input.json for a value that no
/// document can hold.
Result<engine::Document> replay_legacy_log(const LegacyLog& log);

}  // namespace converge::cli
