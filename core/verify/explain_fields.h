#pragma once

#include "core/base/bytes.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>

namespace converge::verify {

/// The fields of a change's body (type 1) in their order: name, offset, bytes, value. `base` is
/// where the body begins. Ends with an entry that has "error" where they cannot be followed.
nlohmann::json fields_of_change(ByteView body, std::size_t base);
/// The same of a document's body (type 0).
nlohmann::json fields_of_document(ByteView body, std::size_t base);

/// The same of a sync message, its first byte included.
nlohmann::json fields_of_sync(ByteView message, std::size_t base);

}  // namespace converge::verify
