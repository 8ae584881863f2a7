#pragma once

#include "core/format/columns.h"

#include <cstdint>

/// The change table of a bundle (automerge-format 5), whose numbers differ from a document's, and
/// what its op table has of its own.
namespace converge::format::bundle_column {

inline constexpr std::uint32_t kActor = 0x01;
inline constexpr std::uint32_t kSeq = 0x03;
inline constexpr std::uint32_t kStartOp = 0x13;
inline constexpr std::uint32_t kMaxOp = 0x23;
inline constexpr std::uint32_t kTime = 0x33;
inline constexpr std::uint32_t kMessage = 0x45;
inline constexpr std::uint32_t kDepsCount = 0x50;
inline constexpr std::uint32_t kDeps = 0x53;
inline constexpr std::uint32_t kExtraCount = 0x60;
inline constexpr std::uint32_t kExtraRaw = 0x67;
inline constexpr std::uint32_t kObjectCounter = 0x03;  // of the op table: differences here
inline constexpr std::uint32_t kIdOrder = 0xb3;

}  // namespace converge::format::bundle_column
