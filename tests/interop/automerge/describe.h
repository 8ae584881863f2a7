#pragma once

#include "core/engine/document.h"

#include <nlohmann/json.hpp>

namespace converge::interop {

/// Everything a reader can see of a document at one moment, as JSON that another implementation can
/// write too: every value of every register with its op id, losers of conflicts included, down
/// through all objects; texts with their marks and spans.
///
///     register  [[type, payload, op id], ...]  ascending by op id, as scalar_from_json
///     map       {"map": [[key, register], ...]}          keys in the engine's order
///     list      {"list": [register, ...]}
///     text      {"text": s, "length": UTF-16 units, "marks": [...], "spans": [...]}
/// A value that is an object is [type, object, op id]. Differs from what programs show users:
/// nothing is hidden.
nlohmann::json describe(const engine::Document& document, const engine::View& view);

/// ["int", 5], ["uint", 5], ["f64", "16 hex digits, big-endian"], ["str", s], ["bytes", hex],
/// ["counter", n], ["timestamp", ms], ["boolean", b], ["null"]. Throws std::invalid_argument.
Scalar scalar_from_json(const nlohmann::json& value);
nlohmann::json scalar_to_json(const Scalar& scalar);

}  // namespace converge::interop
