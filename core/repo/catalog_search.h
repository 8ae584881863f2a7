#pragma once

#include "core/base/result.h"
#include "core/model/document_id.h"
#include "core/store/store.h"

#include <optional>

namespace converge::repo {

/// The catalog of a store that has forgotten which of its documents that is: among those without a
/// name, the one that begins with the change that only the catalog of its id begins with; of
/// several the one with the most changes. Cost: every document without a name is loaded once.
Result<std::optional<DocumentId>> search_catalog(store::Store& store);

}  // namespace converge::repo
