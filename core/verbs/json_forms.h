#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/verbs/value.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// The typed forms of value.h, one JSON node at a time. Private to the module.
namespace converge::verbs {

/// What one JSON node means when it is written.
struct Node {
  enum class Kind : std::uint8_t { kMap, kList, kText, kScalar };
  Kind kind = Kind::kScalar;
  model::Scalar scalar;                       ///< kScalar
  const std::string* text = nullptr;          ///< kText; points into the JSON
  const nlohmann::json* container = nullptr;  ///< kMap, kList
  bool plain = false;  ///< bare JSON that does not name a type: it equals whatever reads as it
};

/// What a bare JSON string becomes.
enum class BareString : std::uint8_t { kText, kScalar };

/// kScalar exactly when the value says "$text" somewhere (see value.h). Iterative.
BareString bare_strings_of(const nlohmann::json& value);

/// Reads one node. Errors: input.json (a "$" form that is not whole); the message has no place, the
/// caller knows it.
Result<Node> read_node(const nlohmann::json& node, BareString bare);

/// The node of a value that passed check_writable.
Node node_of(const nlohmann::json& node, BareString bare);

/// "$$a" is the key "$a". REQUIRES: the key does not begin with a single "$".
std::string_view real_key(std::string_view json_key);
/// The reverse.
std::string json_key(std::string_view real_key);

/// The plain form of what would be written. REQUIRES: check_writable.
nlohmann::json plain_of(const nlohmann::json& node, BareString bare);

/// put_json, insert_json and equals_json for a part of a larger value, whose bare strings the whole
/// decides.
Result<void> put_part(engine::Transaction& edit, engine::ObjId object, const engine::Prop& prop,
                      const nlohmann::json& part, BareString bare);
Result<void> insert_part(engine::Transaction& edit, engine::ObjId list, std::size_t index,
                         const nlohmann::json& part, BareString bare);
bool equals_part(const engine::View& view, const engine::Value& present, const nlohmann::json& part,
                 BareString bare, Match match);
/// One scalar against one leaf.
bool scalar_equals(const model::Scalar& present, const Node& said, Match match);

/// Whether an object is one of the typed forms rather than a map.
bool is_typed_form(const nlohmann::json& node);

}  // namespace converge::verbs
