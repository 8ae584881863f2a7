#include "core/verbs/touched.h"

#include "core/control/error_table.h"
#include "core/engine/operations.h"

#include <fmt/format.h>

#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using engine::ObjType;

bool makes_object(model::Action action) {
  return action == model::Action::kMakeMap || action == model::Action::kMakeList ||
         action == model::Action::kMakeText || action == model::Action::kMakeTable;
}

std::optional<engine::OpId> element_at(const engine::View& view, engine::ObjId list,
                                       std::size_t index) {
  std::optional<engine::OpId> out;
  std::size_t at = 0;
  view.for_each_element(list, [&](engine::OpId element, const engine::Value&, std::size_t) {
    if (at++ == index) out = element;
  });
  return out;
}

}  // namespace

Result<PathWatcher> PathWatcher::make(const engine::View& view, const Pointer& pointer) {
  PathWatcher out;
  std::optional<engine::ObjId> object = model::kRoot;  // nothing: the way leads through the past
  for (std::size_t i = 0; i < pointer.parts.size(); ++i) {
    Step step;
    step.key = pointer.parts[i];
    engine::Prop prop = step.key;
    if (object && view.object_type(*object) == ObjType::kList) {
      const auto index = parse_index(step.key);
      if (!index)
        return make_error(ErrorId::kPathType,
                          fmt::format("{}: {} is a list, \"{}\" is no index", pointer.text(),
                                      pointer.prefix_text(i), step.key));
      const auto element = element_at(view, *object, *index);
      if (!element)
        return make_error(ErrorId::kPathNotFound,
                          fmt::format("there is nothing at {}", pointer.prefix_text(i + 1)));
      step.element = *element;
      prop = *index;
    }
    const auto value = object ? view.get(*object, prop) : std::nullopt;
    object = value && value->object ? std::optional(value->id) : std::nullopt;
    out.steps_.push_back(std::move(step));
  }
  if (out.steps_.empty())
    out.inside_.insert(packed(model::kRoot));
  else
    out.steps_.front().parents.insert(packed(model::kRoot));
  return out;
}

Result<bool> PathWatcher::touched_by(const engine::Document& document, const ChangeHash& hash) {
  bool touched = false;
  const auto look = [&](const engine::Operation& op) {
    const std::uint64_t object = packed(op.object);
    if (inside_.contains(object)) {
      touched = true;
      if (makes_object(op.action)) inside_.insert(packed(op.id));
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (!step.parents.contains(object)) continue;
      const bool here = step.element.is_none() ? op.key == step.key
                                               : (op.insert ? op.id : op.element) == step.element;
      if (!here) continue;
      touched = true;
      if (!makes_object(op.action)) continue;
      if (i + 1 < steps_.size())
        steps_[i + 1].parents.insert(packed(op.id));
      else
        inside_.insert(packed(op.id));
    }
  };
  if (auto done = engine::for_each_operation(document, hash, look); !done)
    return make_error(ErrorId::kRevNotFound, done.error().message);
  return touched;
}

Result<std::unordered_set<std::uint64_t>> written_objects(const engine::Document& document,
                                                          const engine::View& view,
                                                          const std::vector<ChangeHash>& changes) {
  std::unordered_set<std::uint64_t> out;
  std::vector<engine::ObjId> written;
  for (const auto& hash : changes) {
    const auto look = [&](const engine::Operation& op) {
      if (out.insert(packed(op.object)).second) written.push_back(op.object);
    };
    if (auto done = engine::for_each_operation(document, hash, look); !done)
      return make_error(ErrorId::kRevNotFound, done.error().message);
  }
  for (const auto& object : written) {
    const auto path = view.path(object);
    if (!path) continue;
    engine::ObjId at = model::kRoot;
    out.insert(packed(at));
    for (const auto& prop : *path) {
      const auto value = view.get(at, prop);
      if (!value || !value->object) break;
      at = value->id;
      out.insert(packed(at));
    }
  }
  return out;
}

}  // namespace converge::verbs
