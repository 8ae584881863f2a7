#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/format/chunk.h"
#include "core/model/snapshot.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace converge::format {

/// Document chunks from and to bytes (automerge-format 4).

/// Parses the body of a type-0 chunk (checksum already verified by ChunkStream) into runs. Verified
/// here: strict columns (automerge-format 2.9), tables, actor indices, seq 1, 2, 3.. per actor,
/// max_op ascending per actor, dep rows before their dependents, values, actions, key and object
/// rules, ids smaller where they must be, successors ascending; row order by automerge-format 4.4:
/// objects ascending, map keys by bytes and ids ascending inside a key, each list element's insert
/// first and its other rows directly behind it by ascending id.
///
/// Not verified here: hashes, heads and that every op belongs to a change (for_each_change); that
/// objects exist and have the kind their rows use, and that list elements stand in sequence order
/// (automerge-format 6.5), which falls out when core/crdt builds its trees and must be checked
/// there.
///
/// Actors that authored nothing are dropped. head_rows is empty when the chunk carries none.
/// The snapshot owns copies of what it points to. Cost: inflating plus column runs; a run of text
/// rows costs the same as one row. Errors: kCorrupt, kTruncated, kUnsupported, kLimitExceeded.
Result<model::Snapshot> decode_document(ByteView body);

/// Called per change in row order. `body` is valid during the call only.
using ChangeCallback =
    std::function<void(std::uint32_t row, const model::ChangeHash& hash, ByteView body)>;

/// Rebuilds the body of every change from the rows (automerge-format 4.5), hashes it and verifies
/// that every op belongs to exactly one change, that counters are without gap, that start_op lies
/// above every dep, and that the computed heads are snapshot.heads. Returns the hashes, one a row.
/// `callback` may be empty. Cost: by runs and changes, about 0.4 us for a change of one keystroke.
/// Errors: kCorrupt; the callback may have seen changes by then.
Result<std::vector<model::ChangeHash>> for_each_change(const model::Snapshot& snapshot,
                                                       const ChangeCallback& callback);

/// The rows of the change table that no other row depends on, with their hashes: what
/// snapshot.heads and snapshot.head_rows must be, ascending by hash.
void set_heads(model::Snapshot& snapshot, const std::vector<model::ChangeHash>& hashes);

struct EncodeDocumentOptions {
  bool deflate = true;  ///< columns of 256 bytes and more (automerge-format 2.8)
};

/// The whole type-0 chunk, canonical per automerge-format 4.6. REQUIRES: a snapshot that keeps its
/// invariants, with head_rows set. Without deflate the bytes are what every implementation writes
/// for the same change order. Runs need not be maximal. Cost: by runs plus text bytes.
Bytes encode_document(const model::Snapshot& snapshot, const EncodeDocumentOptions& options);

}  // namespace converge::format
