#pragma once

#include "core/engine/document.h"

#include <nlohmann/json.hpp>

#include <string>

namespace converge::testing {

/// How values that JSON lacks are written.
enum class JsonStyle {
  kVectors,  ///< {"bytes":[..]}, ISO timestamps, "BIG.." for unsigned and large integers
  kDigest,   ///< {"$bytes":base64}, {"$timestamp":ISO}
};

/// The whole document as a view shows it; object keys sorted.
nlohmann::json to_json(const engine::View& view, engine::ObjId object, JsonStyle style);
inline nlohmann::json to_json(const engine::View& view, JsonStyle style = JsonStyle::kVectors) {
  return to_json(view, model::kRoot, style);
}

nlohmann::json scalar_to_json(const model::Scalar& scalar, JsonStyle style);
nlohmann::json marks_to_json(const engine::View& view, engine::ObjId text);
nlohmann::json spans_to_json(const engine::View& view, engine::ObjId text);

/// The object at a root key; fails the test when there is none.
engine::ObjId root_object(const engine::View& view, const std::string& key);

Bytes bytes_of_hex(const std::string& hex);
model::ActorId actor(const std::string& hex);

}  // namespace converge::testing
