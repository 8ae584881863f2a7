#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/change.h"

#include <vector>

namespace converge::format {

/// Unpacks the body of a type-3 chunk (automerge-format 5, experimental there) into its changes, in
/// the sender's order, each encoded, hashed and verified as decode_change_body would. Never written
/// by us. Errors: as decode_change.
Result<std::vector<model::Change>> decode_bundle(ByteView body);

}  // namespace converge::format
