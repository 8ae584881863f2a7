#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace converge::runtime {

/// What one connection has handed to the shards and is not worked off and stored yet; decides when
/// reading from it stops and goes on. Invariant: while stopped, exactly one remove() or add() will
/// say that reading goes on. Any thread.
class Inflow {
 public:
  /// Reading stops above `high` bytes and goes on at `low` or less. REQUIRES: low < high.
  Inflow(std::size_t high, std::size_t low) : high_(high), low_(low) {}

  /// A message was handed over. True: stop reading. Network thread.
  bool add(std::size_t bytes) {
    if (bytes_.fetch_add(bytes) + bytes <= high_ || stopped_.exchange(true)) return false;
    // The shards may have finished everything in between, and nobody is left to resume.
    return !(bytes_.load() <= low_ && stopped_.exchange(false));
  }
  /// It is worked off. True: go on reading.
  bool remove(std::size_t bytes) {
    return bytes_.fetch_sub(bytes) - bytes <= low_ && stopped_.exchange(false);
  }
  std::size_t bytes() const { return bytes_.load(); }

  /// Documents of which state is kept for the connection.
  void count_document() { documents_.fetch_add(1); }
  void release_document() { documents_.fetch_sub(1); }
  std::size_t documents() const { return documents_.load(); }

 private:
  const std::size_t high_;
  const std::size_t low_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<bool> stopped_{false};
  std::atomic<std::size_t> documents_{0};
};

}  // namespace converge::runtime
