#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/model/ids.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace converge::engine {

/// A place in a text or list that stays with its element while others edit around it: made by
/// View::cursor, found again by View::position, in this or any other replica and version. Names the
/// element by its op, so it means something outside of the document that it came from.
///
/// When the element is gone, the cursor is where the next visible one is (kAfter) or at the nearest
/// visible one that the element was typed behind (kBefore).
struct Cursor {
  enum class Kind : std::uint8_t { kStart, kEnd, kElement };

  Kind kind = Kind::kStart;
  CursorMove move = CursorMove::kAfter;  ///< kElement only, as are the next two
  std::uint32_t counter = 0;             ///< of the op; >= 1
  model::ActorId actor;

  bool operator==(const Cursor&) const = default;
};

/// "s", "e", "counter@actorhex", and with a "-" in front if it moves before (automerge-format B).
std::string format_cursor(const Cursor& cursor);
/// Errors: kInvalid.
Result<Cursor> parse_cursor(std::string_view text);

/// The binary form, version 1 (automerge-format B).
Bytes encode_cursor(const Cursor& cursor);
/// Versions 0 and 1. Errors: kCorrupt, kTruncated, kUnsupported (a later version).
Result<Cursor> decode_cursor(ByteView bytes);

}  // namespace converge::engine
