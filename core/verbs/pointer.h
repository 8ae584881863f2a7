#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::verbs {

/// A JSON Pointer (RFC 6901), unescaped: "" is the whole document, "/a~1b/0" is {"a/b", "0"}.
struct Pointer {
  std::vector<std::string> parts;

  /// Errors: usage.argument, with the place, for a text that does not begin with "/" or holds a "~"
  /// that is neither "~0" nor "~1".
  static Result<Pointer> parse(std::string_view text);

  bool is_root() const { return parts.empty(); }
  /// The escaped text, as parse takes it.
  std::string text() const;
  /// The text of the first `count` parts: the place where a walk stood.
  std::string prefix_text(std::size_t count) const;
  bool operator==(const Pointer&) const = default;
};

/// One part with "~" and "/" escaped.
std::string escape_part(std::string_view part);

/// "/items/0" from the engine's path.
std::string pointer_text(const std::vector<engine::Prop>& path);

/// What a part means as a list index: digits without leading zeros, or nothing. "-" is not one.
std::optional<std::size_t> parse_index(std::string_view part);

/// Where a pointer leads: a register of an object, whether or not it shows a value.
struct Place {
  bool is_root = false;  ///< the document itself; the other fields then name the root map
  engine::ObjId object = model::kRoot;
  engine::ObjType object_type = engine::ObjType::kMap;
  engine::Prop prop;                   ///< list index == length: past the end ("-" or the length)
  std::optional<engine::Value> value;  ///< the winner there; nothing: absent
};

/// "a map", "text", "a counter", ... for messages.
std::string describe_kind(const engine::Value& value);

/// Walks `pointer`; everything but the last part must exist. Index "-" and index == length give a
/// place without value. Cost: O(parts) lookups.
/// Errors: path.not_found (a missing parent, an index beyond the end), path.type (a part below a
/// scalar or text, a list part that is no index); both name the pointer and the place of failure.
Result<Place> resolve(const engine::View& view, const Pointer& pointer);

/// The same, and the value must be there.
Result<Place> resolve_existing(const engine::View& view, const Pointer& pointer);

}  // namespace converge::verbs
