#pragma once

#include "core/model/change.h"

namespace converge::verbs {

/// The names of automerge-format 3.3: "set", "makeMap" ...
const char* action_name(model::Action action);

}  // namespace converge::verbs
