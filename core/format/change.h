#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/format/chunk.h"
#include "core/model/change.h"

namespace converge::format {

/// Changes from and to bytes (automerge-format 3). Decoding proves everything that can be proved
/// without the document:
///
/// - the bytes are the only ones that encode this change: numbers are of shortest form, columns
///   canonical (core/codec/column_reader.h), none is unknown, double, empty or without a value,
///   other actors are sorted, unique and used. So encoding it again gives the bytes received, which
///   debug builds and fuzzers check;
/// - every op can live in a document chunk: a delete has preds and nothing else, an insert has no
///   preds and an element key, preds ascend, object < op, element < op, pred < op, actions and
///   values are what their kind allows, marks are well formed, root is a map;
/// - seq >= 1, 1 <= start_op, max_op <= 2^32-1, |time| < 2^62, valid UTF-8 everywhere.
///
/// Left to whoever applies it, because it needs the document: deps known, seq without gap, start_op
/// above the max_op of every dep, actors known, objects and elements exist and fit the key kind,
/// preds are ops of the same register.
///
/// Costs: one copy of the body, one array each for deps and op runs; time by runs of the columns,
/// not by ops, plus one SHA-256 where the hash is not given. Errors: kCorrupt, kTruncated,
/// kUnsupported (a later format's column or action), kLimitExceeded (core/base/limits.h).

/// From one whole chunk of type 1 or 2.
Result<model::Change> decode_change(ByteView chunk);

/// From a chunk that ChunkStream found. REQUIRES: type 1 (checksum verified) or 2.
Result<model::Change> decode_change(const Chunk& chunk);

/// From a type-1 body. The second form trusts `hash` to be its hash.
Result<model::Change> decode_change_body(Bytes body);
Result<model::Change> decode_change_body(Bytes body, const model::ChangeHash& hash);

/// The same into a change whose memory is used again: what a batch unpacks costs no allocation.
/// After an error `out` holds nothing of use.
Result<void> decode_change_body(ByteView body, const model::ChangeHash& hash, model::Change& out);

/// Reads the header alone, to put changes in order before their ops are looked at; decoding the
/// body does the rest. The envelope borrows the chunk's bytes unless it had to inflate them.
/// Errors: as above, as far as the header goes.
Result<model::ChangeEnvelope> open_change(ByteView chunk);
Result<model::ChangeEnvelope> open_change(const Chunk& chunk);
Result<model::ChangeEnvelope> open_change_body(ByteView body, const model::ChangeHash& hash);

/// The type-1 body inside a type-2 chunk, inflated within limits::kInflate*, checksum verified.
Result<Bytes> inflate_change(const Chunk& chunk);

/// The canonical body (automerge-format 3.4) from runs; `body` and `hash` of the argument are not
/// looked at. REQUIRES: other_actors ascending and each used (see canonicalize_actors), runs as
/// model::OpRun describes them. Cost: by runs plus text bytes.
Bytes encode_change_body(const model::Change& change);
/// The same into memory that is used again.
void encode_change_body(const model::Change& change, Bytes& out);

/// Makes other_actors what the format asks for: drops those that no op names, sorts the rest and
/// renumbers every OpId of ops and preds. For a builder that numbered actors as it met them. Index
/// 0 stays the author. Actor ids in the table must be unique.
void canonicalize_actors(model::Change& change);

/// Encodes, hashes and re-points a freshly built change: canonicalize_actors, then body, hash, and
/// every view of the change made to point into body. Afterwards it is what decode_change_body would
/// have returned. Errors: kLimitExceeded (limits::kChangeBytesMax, ops per change), after which the
/// change is unchanged but for the order of its actors. Any other fault of the change is a bug.
Result<void> seal_change(model::Change& change);

/// The chunk that stores or sends a change. `compress` yields type 2 where that is allowed (plain
/// chunk over 256 bytes) and smaller.
Bytes change_chunk(const model::Change& change, bool compress = false);

}  // namespace converge::format
