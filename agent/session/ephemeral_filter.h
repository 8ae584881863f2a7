#pragma once

#include "agent/session/peer_registry.h"

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

namespace converge::session {

/// Remembers the greatest count seen of each (author, session), so that a transient message passes
/// once, whatever loops and echoes the network makes. Stock clients send every relayed message
/// straight back. Bounded: least recently used authors are forgotten. Source: repo-protocol 8.
/// Network thread only.
class EphemeralFilter {
 public:
  struct Options {
    std::size_t authors_max = 4096;
    Duration author_lifetime = std::chrono::minutes(10);
  };

  explicit EphemeralFilter(Options options) : options_(options) {}
  EphemeralFilter() : EphemeralFilter(Options{}) {}

  /// True exactly when the message is news; it is then recorded. Our own messages are passed here
  /// when they are sent, so that their echoes die.
  bool accept(const std::string& author, const std::string& session_id, std::uint64_t count,
              Time now);
  std::size_t size() const { return index_.size(); }

 private:
  struct Entry {
    std::string key;
    std::uint64_t count = 0;
    Time last_used;
  };

  void expire(Time now);

  Options options_;
  std::list<Entry> recent_;  ///< most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> index_;
};

}  // namespace converge::session
