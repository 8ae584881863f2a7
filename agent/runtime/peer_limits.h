#pragma once

#include <cstddef>
#include <cstdint>

/// Bounds on what one peer can make the agent do, beside those of core/base/limits.h. Each has a
/// test at the limit and one past it. Source: store.md 20.
namespace converge::runtime {

/// What one connection has sent and the shards have not worked off and stored. Above it nothing
/// more is read from the connection; a single larger message is taken when nothing else is there.
inline constexpr std::size_t kInflightBytesMax = 32u << 20;
/// Documents that a peer may keep us busy with by asking for them; one more is answered like a
/// missing one.
inline constexpr std::size_t kDocumentsPerConnectionMax = 10'000;
/// A slower transfer would look like a dead peer.
inline constexpr std::uint64_t kPeerRateMin = 16 * 1024;

}  // namespace converge::runtime
