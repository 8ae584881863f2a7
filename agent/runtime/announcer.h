#pragma once

#include "agent/runtime/context.h"
#include "agent/session/connection_id.h"

#include <chrono>
#include <deque>
#include <map>
#include <string>

namespace converge::runtime {

/// Offers every document of the store to the peers that are announced to: the catalog first, then a
/// window of documents at a time, so that a peer with a million documents does not get a million
/// messages at once. Documents that change meanwhile are offered by their shards. Control thread
/// only.
class Announcer {
 public:
  explicit Announcer(Context& context) : context_(context) {}

  /// Begins the walk, or begins it again.
  void peer_up(session::ConnectionId connection);
  void peer_down(session::ConnectionId connection) { passes_.erase(connection); }
  /// Both sides have the same of the document.
  void settled(session::ConnectionId connection, const DocumentId& document);
  /// Documents that have not been offered yet; 0 when the walk is over.
  std::uint64_t remaining(session::ConnectionId connection) const;
  /// Gives up waiting for documents that a peer does not settle.
  void tick();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Pass {
    std::string after;  ///< place in the store's listing
    bool listed_all = false;
    std::deque<DocumentId> queue;
    std::map<DocumentId, Time> outstanding;
    std::uint64_t offered = 0;
  };

  void advance(session::ConnectionId connection, Pass& pass);
  void offer(session::ConnectionId connection, Pass& pass, const DocumentId& document);

  Context& context_;
  std::map<session::ConnectionId, Pass> passes_;
};

}  // namespace converge::runtime
