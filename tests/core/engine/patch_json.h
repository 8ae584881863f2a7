#pragma once

#include "core/engine/patch.h"

#include <nlohmann/json.hpp>

namespace converge::testing {

/// Patches as the vectors write them: action, path with the key or index at its end, value.
nlohmann::json patches_to_json(const engine::Patches& patches);

}  // namespace converge::testing
