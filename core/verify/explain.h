#pragma once

#include "core/base/bytes.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>

/// Says what the bytes mean that changes and messages travel in, for people who debug. Total:
/// whatever the bytes are, the answer is a list of what could be read, and what could not says so
/// under "error". Nothing is trusted: the limits of the formats hold.
namespace converge::verify {

/// The chunks of a document's file or of a stream of changes, in order: one object each, with
/// "offset", "bytes", "type", "checksum_ok" and what its header says. A wrong checksum is told and
/// the chunk read all the same; bytes that are no chunk are one item, up to the next magic number.
/// With `details` also "fields" and "columns" with their places, and "operations".
nlohmann::json explain_chunks(ByteView stream, bool details);

/// One sync message (first byte 0x42 or 0x43), or frames of the automerge-repo protocol, one behind
/// the other; one object each. With `details` also what they carry: filters, changes, other fields.
nlohmann::json explain_messages(ByteView bytes, bool details);

/// How many objects, at any depth, say "error".
std::size_t count_errors(const nlohmann::json& explained);

}  // namespace converge::verify
