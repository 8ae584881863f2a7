#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::cli {

/// The kinds that have a schema, in alphabetical order.
std::vector<std::string> schema_kinds();

/// JSON Schema (draft 2020-12) of an output kind; nothing for an unknown one. Objects may hold more
/// fields than the schema names: within one "v" fields are only added.
std::optional<nlohmann::json> schema_of(std::string_view kind);

}  // namespace converge::cli
