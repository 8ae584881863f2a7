#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What `record` writes and `replay` and `verify` read: one JSON object a line.
///
///     {"kind":"Recording","v":1,"store_id":…,"payloads":"full","started_at":…}
///     {"kind":"RecordedChange","v":1,"seq":184221,"id":"automerge:…","name":"todo/home","hash":…,
///      "deps":[…],"at":…,"origin":"peer:nas","data":"base64 of the change's chunk"}
///     {"kind":"RecordedDelete","v":1,"seq":184221,"id":"automerge:…","at":…}
///     {"kind":"RecordedName","v":1,"seq":184222,"name":"todo/work","id":"automerge:…","at":…}
///     {"kind":"RecordedMark","v":1,"seq":184221,"documents":1,"changes":57,"digest":"9b1c…"}
///
/// First come the changes that were there when the recording began, document by document, then the
/// others as they were received, each with the document's first name at that time. What else became
/// of names is a line of its own: a name means another document from there on, or none where the id
/// is null. Marks hold what "digest --root" says of all lines before them; one
/// stands where the second part begins and one at the end. Lines with another kind are skipped, so
/// that later versions may add some; a "v" above 1 of the first line is refused.
namespace converge::cli {

struct RecordedChange {
  std::uint64_t seq = 0;
  std::string id;
  std::string name;
  std::string hash;
  std::string at;
  Bytes chunk;             ///< empty when the recording has no payloads
  bool is_delete = false;  ///< the document was deleted; no hash, no chunk
  bool is_name = false;    ///< `name` means `id` from here on, or nothing; no hash, no chunk
  std::size_t line = 0;    ///< of the file, from 1

  bool is_change() const { return !is_delete && !is_name; }
};

struct Recording {
  std::vector<RecordedChange> changes;  ///< in the order of the file
  std::string digest;                   ///< of the last mark; empty: none
  bool has_payloads = true;
  bool is_whole = true;  ///< false: the last line was cut off in the middle and left out
};

/// Whether the text begins like a recording.
bool is_recording(std::string_view content);

/// Errors: log.version, input.json and input.file with the line.
Result<Recording> parse_recording(std::string_view content, const std::string& file);

/// The same for who needs the changes themselves. Errors: also input.file when the recording was
/// made without payloads.
Result<Recording> parse_full_recording(std::string_view content, const std::string& file);

}  // namespace converge::cli
