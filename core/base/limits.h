#pragma once

#include <cstddef>
#include <cstdint>

/// Every bound on what a file, a peer or a user can make the program do. Each has a test at the
/// limit and one past it.
namespace converge::limits {

inline constexpr std::size_t kActorIdBytesMax = 64 * 1024;
inline constexpr std::size_t kDepsPerChangeMax = 1u << 16;
/// Rows that one change or one document chunk may claim. A 7-byte run can claim 2^40 rows, so the
/// budget is checked before anything is expanded.
inline constexpr std::uint64_t kRowsPerChangeMax = 1u << 22;
inline constexpr std::uint64_t kRowsPerDocumentMax = 1u << 28;
inline constexpr std::uint64_t kChangesPerDocumentMax = 1u << 26;
/// What a chunk's columns may expand to in memory (single op rows, predecessors, change rows): a
/// floor for small chunks, so many for each byte of the chunk as stored, and a ceiling. Real
/// histories stay below one a byte; runs of text and of deletes are not expanded and do not count.
inline constexpr std::uint64_t kExpandedFloor = 1u << 20;
inline constexpr std::uint64_t kExpandedPerByteMax = 4;
inline constexpr std::uint64_t kExpandedMax = 1u << 24;
/// One inflated chunk: whichever of the two is smaller, but never below kInflateFloorBytes.
inline constexpr std::size_t kInflatedBytesMax = 256u << 20;
inline constexpr std::size_t kInflateRatioMax = 1024;
inline constexpr std::size_t kInflateFloorBytes = 1u << 20;
/// |time| of a change: differences of neighbouring rows must fit an i64.
inline constexpr std::int64_t kChangeTimeMax = std::int64_t{1} << 62;
/// A change whose startOp is further above the document's greatest op is counter poisoning.
inline constexpr std::uint64_t kStartOpLeapMax = 1u << 20;
inline constexpr std::size_t kOrphansPerDocumentMax = 10'000;
inline constexpr std::size_t kOrphanBytesPerDocumentMax = 16u << 20;
/// A Bloom filter's probes; the wire allows 2^32.
inline constexpr std::uint32_t kBloomProbesMax = 64;
/// Statements of what a peer has, in one sync message; everybody sends one.
inline constexpr std::size_t kSyncHavesMax = 64;
inline constexpr std::size_t kChangeBytesMax = 16u << 20;
inline constexpr std::size_t kFrameBytesMax = 100u << 20;
inline constexpr std::size_t kControlMessageBytesMax = 64u << 20;
inline constexpr std::size_t kNameBytesMax = 512;
inline constexpr std::size_t kPeerIdBytesMax = 256;
inline constexpr int kJsonDepthMax = 128;

}  // namespace converge::limits
