#pragma once

#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <optional>
#include <string>

namespace converge::verify {

/// A JSON Schema, draft 2020-12: the core, applicator and validation vocabularies, "$ref" to places
/// in the same schema ("#", "#/$defs/x") and to its anchors. Annotations such as "format" and
/// "title" are not checked, as the draft says. "unevaluatedProperties", "unevaluatedItems",
/// "$dynamicRef" and references to other schemas are refused: what is not checked must not
/// look checked. Patterns are I-Regexp (RFC 9485) found anywhere in the text. Immutable; any
/// thread.
class JsonSchema {
 public:
  /// REQUIRES: nested at most limits::kJsonDepthMax. Errors: input.json for what is no schema,
  /// naming the place in it.
  static Result<JsonSchema> make(nlohmann::json schema);

  /// The first thing that is wrong, with its place: "/items/0/title: is not a string"; nothing when
  /// the value is valid. Errors: limit.exceeded when the schema refers to itself without end.
  Result<std::optional<std::string>> check(const nlohmann::json& value) const;

  static constexpr int kDepthMax = 512;

 private:
  explicit JsonSchema(std::shared_ptr<const nlohmann::json> root) : root_(std::move(root)) {}
  std::shared_ptr<const nlohmann::json> root_;
};

}  // namespace converge::verify
