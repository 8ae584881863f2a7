#include "core/verbs/conflicts.h"

#include "core/codec/sha256.h"
#include "core/control/error_table.h"
#include "core/verbs/history.h"
#include "core/verbs/pointer.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace converge::verbs {
namespace {

using engine::ObjId;
using engine::ObjType;
using engine::Value;
using nlohmann::json;

constexpr std::size_t kIdHexDigits = 12;

/// Calls `found(object, prop, register name, path)` for every register with several values that the
/// document shows.
template <class Found>
void for_each_conflict(const engine::View& view, const Found& found) {
  struct Pending {
    ObjId object;
    ObjType type;
    std::string path;
  };
  std::vector<Pending> pending{{model::kRoot, ObjType::kMap, ""}};
  while (!pending.empty()) {
    const Pending here = std::move(pending.back());
    pending.pop_back();
    std::vector<Pending> children;
    const auto visit = [&](engine::Prop prop, auto&& name, const std::string& part,
                           const Value& value, std::size_t visible) {
      if (visible > 1) found(here.object, std::move(prop), name, here.path + "/" + part);
      if (value.object) children.push_back({value.id, *value.object, here.path + "/" + part});
    };
    if (here.type == ObjType::kMap || here.type == ObjType::kTable) {
      view.for_each_key(here.object,
                        [&](std::string_view key, const Value& value, std::size_t visible) {
                          if (visible > 1 || value.object)
                            visit(std::string(key), key, escape_part(key), value, visible);
                        });
    } else {
      std::size_t index = 0;
      view.for_each_element(here.object,
                            [&](engine::OpId element, const Value& value, std::size_t visible) {
                              if (visible > 1 || value.object)
                                visit(index, element, std::to_string(index), value, visible);
                              ++index;
                            });
    }
    // The first child is looked into first: document order.
    pending.insert(pending.end(), std::make_move_iterator(children.rbegin()),
                   std::make_move_iterator(children.rend()));
  }
}

std::string name_text(const engine::Document&, std::string_view key) {
  return "k" + std::string(key);
}
std::string name_text(const engine::Document& document, engine::OpId element) {
  return "e" + document.format_id(element);
}

std::string conflict_id(std::string_view document_id, const std::string& object,
                        const std::string& name) {
  const std::string parts = fmt::format("{}\n{}\n{}:{}", document_id, object, name.size(), name);
  return "c-" + to_hex(codec::sha256(as_bytes(parts))).substr(0, kIdHexDigits);
}

}  // namespace

std::vector<Conflict> conflicts(const engine::Document& document, std::string_view document_id) {
  std::vector<Conflict> out;
  const engine::View view = document.now();
  for_each_conflict(view, [&](ObjId object, engine::Prop prop, const auto& name, std::string path) {
    Conflict conflict;
    conflict.id = conflict_id(document_id, document.format_id(object), name_text(document, name));
    conflict.object = object;
    conflict.values = view.get_all(object, prop);
    std::reverse(conflict.values.begin(), conflict.values.end());
    conflict.prop = std::move(prop);
    conflict.path = std::move(path);
    out.push_back(std::move(conflict));
  });
  return out;
}

std::size_t count_conflicts(const engine::View& view) {
  std::size_t count = 0;
  for_each_conflict(view,
                    [&](ObjId, const engine::Prop&, const auto&, const std::string&) { ++count; });
  return count;
}

Result<json> to_json(const engine::Document& document, const Conflict& conflict, Form form) {
  const engine::View view = document.now();
  json values = json::array();
  for (std::size_t i = 0; i < conflict.values.size(); ++i) {
    const Value& value = conflict.values[i];
    auto shown = to_json(view, value, {.form = form});
    if (!shown) return shown.error();
    json item{{"n", i + 1},
              {"value", std::move(*shown)},
              {"actor", document.actor_of(value.id).to_hex()}};
    if (const auto change = document.change_of(value.id)) {
      item["change"] = change->to_hex();
      if (const auto info = document.change_info(*change))
        item["author_time"] = author_time(info->time);
    }
    values.push_back(std::move(item));
  }
  return json{{"kind", "Conflict"},         {"v", 1},          {"id", conflict.id},
              {"path", conflict.path},      {"type", "value"}, {"winner", 1},
              {"values", std::move(values)}};
}

}  // namespace converge::verbs
