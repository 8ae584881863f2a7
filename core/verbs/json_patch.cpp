#include "core/control/error_table.h"
#include "core/verbs/diff.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Error nothing_at(const Pointer& pointer, std::size_t parts) {
  return make_error(ErrorId::kPathNotFound,
                    fmt::format("there is nothing at {}", pointer.prefix_text(parts)));
}

/// The first `parts` parts of a pointer.
Result<json*> walk(json& root, const Pointer& pointer, std::size_t parts) {
  json* at = &root;
  for (std::size_t i = 0; i < parts; ++i) {
    const std::string& part = pointer.parts[i];
    if (at->is_object()) {
      const auto it = at->find(part);
      if (it == at->end()) return nothing_at(pointer, i + 1);
      at = &*it;
    } else if (at->is_array()) {
      const auto index = parse_index(part);
      if (!index && part != "-")
        return make_error(ErrorId::kPathType,
                          fmt::format("{}: \"{}\" is no index", pointer.text(), part));
      if (!index || *index >= at->size()) return nothing_at(pointer, i + 1);
      at = &(*at)[*index];
    } else {
      return make_error(ErrorId::kPathType,
                        fmt::format("{}: {} has no parts", pointer.text(), pointer.prefix_text(i)));
    }
  }
  return at;
}

Result<void> add(json& root, const Pointer& pointer, json value) {
  if (pointer.is_root()) {
    root = std::move(value);
    return {};
  }
  auto parent = walk(root, pointer, pointer.parts.size() - 1);
  if (!parent) return parent.error();
  const std::string& part = pointer.parts.back();
  if ((*parent)->is_object()) {
    (**parent)[part] = std::move(value);
    return {};
  }
  if (!(*parent)->is_array())
    return make_error(ErrorId::kPathType,
                      fmt::format("{}: its parent has no parts", pointer.text()));
  const auto index = part == "-" ? std::optional((*parent)->size()) : parse_index(part);
  if (!index)
    return make_error(ErrorId::kPathType,
                      fmt::format("{}: \"{}\" is no index", pointer.text(), part));
  if (*index > (*parent)->size()) return nothing_at(pointer, pointer.parts.size());
  (*parent)->insert((*parent)->begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
  return {};
}

Result<void> remove(json& root, const Pointer& pointer) {
  if (auto there = walk(root, pointer, pointer.parts.size()); !there) return there.error();
  if (pointer.is_root()) {
    root = nullptr;
    return {};
  }
  json& parent = **walk(root, pointer, pointer.parts.size() - 1);
  if (parent.is_object())
    parent.erase(pointer.parts.back());
  else
    parent.erase(*parse_index(pointer.parts.back()));
  return {};
}

Result<Pointer> pointer_of(const json& operation, const char* name) {
  const auto member = operation.find(name);
  if (member == operation.end() || !member->is_string())
    return make_error(ErrorId::kInputJson, fmt::format("a patch operation has no \"{}\"", name));
  return Pointer::parse(member->get_ref<const std::string&>());
}

Result<void> transfer(json& root, const Pointer& from, const Pointer& to, bool move) {
  const bool inside = from.parts.size() < to.parts.size() &&
                      std::equal(from.parts.begin(), from.parts.end(), to.parts.begin());
  if (move && inside)
    return make_error(ErrorId::kPathType, fmt::format("{} cannot move into itself", from.text()));
  const auto source = walk(root, from, from.parts.size());
  if (!source) return source.error();
  json value = **source;
  if (move)
    if (auto done = remove(root, from); !done) return done;
  return add(root, to, std::move(value));
}

Result<void> run(json& root, const json& operation) {
  if (!operation.is_object() || !operation.contains("op") || !operation["op"].is_string())
    return make_error(ErrorId::kInputJson, "a patch operation has no \"op\"");
  const auto& op = operation["op"].get_ref<const std::string&>();
  const auto path = pointer_of(operation, "path");
  if (!path) return path.error();
  if (op == "remove") return remove(root, *path);
  if (op == "move" || op == "copy") {
    const auto from = pointer_of(operation, "from");
    if (!from) return from.error();
    return transfer(root, *from, *path, op == "move");
  }
  if (op != "add" && op != "replace" && op != "test")
    return make_error(ErrorId::kInputJson, fmt::format("\"{}\" is no patch operation", op));
  const auto value = operation.find("value");
  if (value == operation.end())
    return make_error(ErrorId::kInputJson, fmt::format("a patch's {} has no \"value\"", op));
  if (op == "add") return add(root, *path, *value);
  auto target = walk(root, *path, path->parts.size());
  if (!target) return target.error();
  if (op == "replace") {
    **target = *value;
  } else if (**target != *value) {
    return make_error(ErrorId::kValueMismatch,
                      fmt::format("the patch's test failed at \"{}\"", path->text()));
  }
  return {};
}

void merge_patch(json& target, const json& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = json::object();
  for (auto it = patch.begin(); it != patch.end(); ++it) {
    if (it->is_null())
      target.erase(it.key());
    else
      merge_patch(target[it.key()], *it);
  }
}

}  // namespace

Result<json> apply_patch_to_json(json value, const json& patch) {
  if (!patch.is_array())
    return make_error(ErrorId::kInputJson, "a JSON patch is a list of operations");
  for (const auto& operation : patch)
    if (auto done = run(value, operation); !done) return done.error();
  return value;
}

json apply_merge_patch_to_json(json value, const json& patch) {
  merge_patch(value, patch);
  return value;
}

}  // namespace converge::verbs
