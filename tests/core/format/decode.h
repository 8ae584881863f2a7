#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/snapshot.h"

namespace converge::testing {

/// The snapshot of a whole document chunk.
Result<model::Snapshot> decode_document_chunk(ByteView chunk);

/// Decodes and verifies a document body; ok or the error.
Result<void> verify_document_body(ByteView body);

}  // namespace converge::testing
