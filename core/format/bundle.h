#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/change.h"

#include <span>
#include <vector>

namespace converge::format {

/// Unpacks the body of a type-3 chunk (automerge-format 5, experimental there) into its changes, in
/// the sender's order, each encoded, hashed and verified as decode_change_body would. Errors: as
/// decode_change.
Result<std::vector<model::Change>> decode_bundle(ByteView body);

/// The body of a type-3 chunk: the same changes in common columns, a fraction of their bytes. Ops
/// stand by author and sequence number. REQUIRES: no change twice, each behind those it depends on.
/// Cost: by runs, and deflating.
Bytes encode_bundle(std::span<const model::Change> changes);

}  // namespace converge::format
