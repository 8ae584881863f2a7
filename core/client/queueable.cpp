#include "core/client/queueable.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace converge::client {
namespace {

using nlohmann::json;

/// "0" or "12": an index when it meets a list, and nobody knows now what it will meet.
bool is_index(std::string_view part) {
  return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Every part is a map key. `append`: the last may be "-", the end of a list.
bool names_keys(std::string_view pointer, bool append) {
  if (pointer.empty()) return true;
  if (pointer.front() != '/') return false;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string_view part = pointer.substr(0, end);
    pointer.remove_prefix(end);
    const bool is_end = part == "-";
    if (is_index(part) || (is_end && !(append && pointer.empty()))) return false;
  }
  return true;
}

bool is_stable(const json& pointer, bool append) {
  return pointer.is_string() && names_keys(pointer.get_ref<const std::string&>(), append);
}

bool all_stable(const json& params, const char* list, const char* member, bool append) {
  const auto found = params.find(list);
  if (found == params.end() || !found->is_array()) return false;
  return std::ranges::all_of(*found, [&](const json& item) {
    if (member == nullptr) return is_stable(item, append);
    return item.is_object() && is_stable(item.value(member, json()), append);
  });
}

/// An RFC 6902 patch without tests, moves and indices; any RFC 7396 patch.
bool is_stable_patch(const json& params) {
  if (params.value("type", json("json")) == "merge") return true;
  const auto patch = params.find("patch");
  if (patch == params.end() || !patch->is_array()) return false;
  return std::ranges::all_of(*patch, [](const json& operation) {
    if (!operation.is_object()) return false;
    const json op = operation.value("op", json());
    if (op != "add" && op != "replace" && op != "remove") return false;
    return is_stable(operation.value("path", json()), op == "add");
  });
}

bool has(const json& params, const char* name) {
  const auto found = params.find(name);
  return found != params.end() && !found->is_null() && *found != false;
}

}  // namespace

bool is_queueable(std::string_view method, const json& params) {
  for (const char* now_only : {"if_heads", "if_value", "if_absent", "dry_run", "purge"})
    if (has(params, now_only)) return false;
  if (has(params, "ack") && params["ack"] != "local") return false;
  if (method == "doc.new") return true;
  const bool has_base = has(params, "base");
  if (method == "doc.set") return has_base || all_stable(params, "edits", "pointer", false);
  if (method == "doc.unset") return has_base || all_stable(params, "pointers", nullptr, false);
  if (method == "doc.incr") return has_base || is_stable(params.value("pointer", json()), false);
  if (method == "doc.insert") {
    const json pointer = params.value("pointer", json());
    const bool appends =
        pointer.is_string() && pointer.get_ref<const std::string&>().ends_with("/-");
    return has_base || (appends && is_stable(pointer, true));
  }
  if (method == "doc.patch") return has_base || is_stable_patch(params);
  return has_base && (method == "doc.apply" || method == "doc.splice");
}

}  // namespace converge::client
