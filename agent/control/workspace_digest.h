#pragma once

#include "core/base/result.h"
#include "core/store/store.h"

#include <string>

namespace converge::handlers {

/// The history digest of every document in the store, the catalog included: equal on two replicas
/// exactly when they hold the same history of the same documents. Cost: one header per document.
Result<std::string> workspace_digest(store::Store& store);

}  // namespace converge::handlers
