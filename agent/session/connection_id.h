#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace converge::session {

/// Names one connection while the process lives; never reused. 0 is nobody (this agent itself).
struct ConnectionId {
  std::uint64_t value = 0;
  auto operator<=>(const ConnectionId&) const = default;
};

struct ConnectionIdHasher {
  std::size_t operator()(ConnectionId id) const { return std::hash<std::uint64_t>{}(id.value); }
};

}  // namespace converge::session
