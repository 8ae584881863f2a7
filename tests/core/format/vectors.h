#pragma once

#include "core/base/bytes.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace converge::testing {

/// The lines of a conformance vector file, parsed; nothing (and one loud warning) when the
/// hand-outs are not here.
std::optional<std::vector<nlohmann::json>> read_vectors(const std::string& name);

/// The bytes of a hex string; throws on anything else (tests only).
Bytes bytes_of(const std::string& hex);

}  // namespace converge::testing
