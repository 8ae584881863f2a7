#include "cli/commands/dump.h"

#include "cli/output/text.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace converge::cli {
namespace {

using nlohmann::json;

// What is told on lines of its own, below the line of what holds it.
constexpr std::array kInner{"fields", "operations", "records", "data"};

bool is_inner(const std::string& name, const json& value) {
  if (std::find(kInner.begin(), kInner.end(), name) == kInner.end()) return false;
  return name == "data" ? value.is_object() : value.is_array();
}

/// What there is, in the order it is told; `depth` is how far it is indented.
std::string lines_of(const json& item, std::size_t depth) {
  std::string line;
  if (!item.is_object()) line = item.dump();
  for (const auto& [name, value] : item.items()) {
    if (!item.is_object() || is_inner(name, value)) continue;
    if (!line.empty()) line += "  ";
    line += name + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  std::string out = std::string(2 * depth, ' ') + printable(line) + "\n";
  if (!item.is_object()) return out;
  for (const char* inner : kInner) {
    const auto found = item.find(inner);
    if (found == item.end() || !is_inner(inner, *found)) continue;
    if (found->is_object()) {
      out += lines_of(*found, depth + 1);
      continue;
    }
    for (const json& each : *found) out += lines_of(each, depth + 1);
  }
  return out;
}

}  // namespace

Result<int> print_dump(Session& session, const Result<json>& dump) {
  if (!dump) return dump.error();
  const auto text = [&] {
    json head = *dump;
    for (const char* field : {"items", "kind", "v"}) head.erase(field);
    std::string out = lines_of(head, 0);
    for (const json& item : (*dump)["items"]) out += lines_of(item, 0);
    return out;
  };
  if (auto done = session.out().result(*dump, {.text = text, .pages = true}); !done)
    return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
