
#include "core/engine/operations.h"

#include "core/control/error_table.h"
#include "core/verbs/history.h"
#include "core/verbs/value.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace converge::verbs {
namespace {

using nlohmann::json;

/// The names of automerge-format 3.3.
const char* action_name(model::Action action) {
  switch (action) {
    case model::Action::kMakeMap:
      return "makeMap";
    case model::Action::kSet:
      return "set";
    case model::Action::kMakeList:
      return "makeList";
    case model::Action::kDel:
      return "del";
    case model::Action::kMakeText:
      return "makeText";
    case model::Action::kInc:
      return "inc";
    case model::Action::kMakeTable:
      return "makeTable";
    case model::Action::kMark:
      return "mark";
  }
  return "unknown";
}

/// Strings stand bare: an op has no text objects to confuse them with.
json value_json(const model::Scalar& value) {
  if (value.ref().is(ScalarType::kString)) return value.raw;
  return scalar_to_json(value, Form::kTyped);
}

json operation_json(const engine::Operation& operation) {
  json out{{"id", operation.id},
           {"action", action_name(operation.action)},
           {"object", operation.object},
           {"insert", operation.insert},
           {"pred", operation.preds}};
  if (operation.key)
    out["key"] = *operation.key;
  else
    out["element"] = operation.element;
  if (operation.value) out["value"] = value_json(*operation.value);
  if (operation.mark_name) out["mark"] = *operation.mark_name;
  if (operation.action == model::Action::kMark) out["expand"] = operation.expand;
  return out;
}

}  // namespace

Result<json> operations_json(const engine::Document& document, const ChangeHash& hash) {
  const auto operations = engine::operations(document, hash);
  if (!operations) {
    if (operations.error().code != ErrorCode::kNotFound) return operations.error();
    return control::make_error(control::ErrorId::kRevNotFound,
                               fmt::format("the document has no change {}", hash.to_hex()));
  }
  json out = json::array();
  for (const auto& operation : *operations) out.push_back(operation_json(operation));
  return out;
}

}  // namespace converge::verbs
