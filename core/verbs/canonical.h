#pragma once

#include "core/engine/document.h"

#include <array>
#include <cstddef>
#include <string>

namespace converge::verbs {

/// The document's values as compact JSON with one spelling: keys sorted by UTF-8 bytes at every
/// level, counters as numbers, text and strings as strings, bytes {"$bytes":base64}, timestamps
/// {"$timestamp":ISO}, numbers as ECMAScript writes them, NaN and infinities null, unknown types
/// {"$unknown":{"bytes":base64,"type":n}}. No depth bound. Cost O(output).
std::string canonical_json(const engine::View& view);

using Digest = std::array<std::byte, 32>;

/// SHA-256 of canonical_json: equal for equal values, whatever their history.
Digest state_digest(const engine::View& view);

/// SHA-256 over the concatenated heads, sorted: equal for equal history (equal documents,
/// automerge-format 7.5).
Digest history_digest(const Heads& heads);

}  // namespace converge::verbs
