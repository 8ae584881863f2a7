#include "tests/core/engine/patch_json.h"

#include "tests/core/engine/json_view.h"

#include <algorithm>

namespace converge::testing {

using engine::ObjType;
using nlohmann::json;

namespace {

json prop_to_json(const engine::Prop& prop) {
  if (const auto* const key = std::get_if<std::string>(&prop)) return *key;
  return std::get<std::size_t>(prop);
}

json value_to_json(const engine::Value& value) {
  if (!value.object) return scalar_to_json(value.scalar, JsonStyle::kVectors);
  if (*value.object == ObjType::kText) return "";
  return *value.object == ObjType::kList ? json::array() : json::object();
}

/// One action as an object without its path; `at` is what the path ends with, if anything.
struct Writer {
  json& out;
  json& path;

  void operator()(const engine::PutPatch& put) const {
    out["action"] = "put";
    path.push_back(prop_to_json(put.at));
    out["value"] = value_to_json(put.value);
    if (put.conflict) out["conflict"] = true;
  }
  void operator()(const engine::InsertPatch& insert) const {
    out["action"] = "insert";
    path.push_back(insert.index);
    json conflicts = json::array();
    bool any = false;
    for (const auto& item : insert.items) {
      out["values"].push_back(value_to_json(item.value));
      conflicts.push_back(item.conflict);
      any |= item.conflict;
    }
    if (any) out["conflicts"] = conflicts;
  }
  void operator()(const engine::SplicePatch& splice) const {
    out["action"] = "splice";
    path.push_back(splice.index);
    out["value"] = splice.text;
    for (const auto& [name, value] : splice.marks) {
      out["marks"][name] = scalar_to_json(value, JsonStyle::kVectors);
    }
  }
  void operator()(const engine::DeletePatch& erase) const {
    out["action"] = "del";
    path.push_back(prop_to_json(erase.at));
    if (erase.length != 1) out["length"] = erase.length;
  }
  void operator()(const engine::IncrementPatch& increment) const {
    out["action"] = "inc";
    path.push_back(prop_to_json(increment.at));
    out["value"] = increment.amount;
  }
  void operator()(const engine::ConflictPatch& conflict) const {
    out["action"] = "conflict";
    path.push_back(prop_to_json(conflict.at));
  }
  void operator()(const engine::MarkPatch& mark) const {
    out["action"] = "mark";
    for (const auto& range : mark.marks) {
      out["marks"].push_back({{"name", range.name},
                              {"value", scalar_to_json(range.value, JsonStyle::kVectors)},
                              {"start", range.start},
                              {"end", range.end}});
    }
  }
};

}  // namespace

json patches_to_json(const engine::Patches& patches) {
  json list = json::array();
  for (const engine::Patch& patch : patches.all()) {
    json out = json::object();
    json path = json::array();
    for (const auto& prop : patches.path(patch.object)) path.push_back(prop_to_json(prop));
    std::visit(Writer{out, path}, patch.action);
    out["path"] = std::move(path);
    list.push_back(std::move(out));
  }
  return list;
}

}  // namespace converge::testing
