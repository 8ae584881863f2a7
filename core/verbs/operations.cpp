#include "core/verbs/operations.h"

#include "core/control/error_table.h"
#include "core/engine/operations.h"
#include "core/verbs/history.h"
#include "core/verbs/value.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace converge::verbs {
namespace {

using nlohmann::json;

/// Strings stand bare: an op has no text objects to confuse them with.
json value_json(const model::ScalarRef& value) {
  if (value.is(ScalarType::kString)) return std::string(value.raw);
  return scalar_to_json(model::Scalar(value), Form::kTyped);
}

/// The element named, or the place before the first.
std::string element_text(const engine::Document& document, engine::OpId element) {
  return element.is_none() ? "_head" : document.format_id(element);
}

json operation_json(const engine::Document& document, const engine::Operation& operation) {
  json preds = json::array();
  for (const auto& pred : operation.preds) preds.push_back(document.format_id(pred));
  json out{{"id", document.format_id(operation.id)},
           {"action", action_name(operation.action)},
           {"object", operation.object.is_none() ? "_root" : document.format_id(operation.object)},
           {"insert", operation.insert},
           {"pred", std::move(preds)}};
  if (operation.key)
    out["key"] = std::string(*operation.key);
  else
    out["element"] = element_text(document, operation.element);
  if (operation.value) out["value"] = value_json(*operation.value);
  if (operation.mark_name) out["mark"] = std::string(*operation.mark_name);
  if (operation.action == model::Action::kMark) out["expand"] = operation.expand;
  if (operation.count > 1) {
    out["count"] = operation.count;
    if (operation.action == model::Action::kDel) out["step"] = operation.step;
  }
  return out;
}

}  // namespace

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

Result<json> operations_json(const engine::Document& document, const ChangeHash& hash) {
  json out = json::array();
  const auto done =
      engine::for_each_operation(document, hash, [&](const engine::Operation& operation) {
        out.push_back(operation_json(document, operation));
      });
  if (done) return out;
  if (done.error().code != ErrorCode::kNotFound) return done.error();
  return control::make_error(control::ErrorId::kRevNotFound,
                             fmt::format("the document has no change {}", hash.to_hex()));
}

}  // namespace converge::verbs
