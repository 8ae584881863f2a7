#pragma once

#include "core/model/document_id.h"

#include <string_view>
#include <utility>
#include <vector>

namespace converge::store {

/// Inclusive ranges of ids outside which no id's base58check text begins with `prefix`. Ids inside
/// may still differ in their last digits, so the caller compares text. At most four ranges; none
/// when no text can begin so.
std::vector<std::pair<DocumentId, DocumentId>> id_ranges(std::string_view prefix);

}  // namespace converge::store
