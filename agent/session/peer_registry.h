#pragma once

#include "agent/session/connection_id.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace converge::session {

using Time = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// Who is dialling: the client sends join, the server answers peer. After the handshake both are
/// equal.
enum class Role : std::uint8_t { kClient, kServer };

/// Which connection speaks for which peer id. One connection per peer id: a newer one displaces the
/// older, unless that begins to flap (two processes configured with one id displace each other for
/// ever). Two agents that dial each other keep the connection dialled by the smaller id. Invariant:
/// every entry is a connection that was admitted and not yet removed. Source: repo-protocol 13.
/// Network thread only.
class PeerRegistry {
 public:
  struct Options {
    std::size_t flap_displacements_max = 3;  ///< tolerated within flap_window
    Duration flap_window = std::chrono::seconds(60);
    Duration flap_penalty = std::chrono::seconds(30);
    std::size_t flap_records_max = 4096;  ///< peer ids remembered; least recent go first
  };

  struct Candidate {
    ConnectionId connection = {};
    std::string peer_id = {};
    Role role = Role::kServer;    ///< ours on that connection
    std::string address = {};     ///< of the remote end, without port
    std::string storage_id = {};  ///< empty: none
  };

  struct Decision {
    enum class Kind : std::uint8_t {
      kAdmit,      ///< and close `displaced`, where set
      kOwnId,      ///< a dial of ourselves, or an impostor: refuse with an error
      kFlapping,   ///< refuse with an error
      kDuplicate,  ///< the other direction already serves this peer: close 1000 after the handshake
    };
    Kind kind = Kind::kAdmit;
    std::optional<ConnectionId> displaced = {};
  };

  PeerRegistry(std::string own_id, Options options);
  explicit PeerRegistry(std::string own_id) : PeerRegistry(std::move(own_id), Options{}) {}

  Decision admit(const Candidate& candidate, Time now);
  /// The connection is gone. Does nothing when it does not speak for a peer (any more).
  void remove(ConnectionId connection);

  const std::string& own_id() const { return own_id_; }
  std::optional<ConnectionId> find(const std::string& peer_id) const;
  std::size_t size() const { return by_peer_.size(); }

 private:
  struct History {
    std::deque<Time> displacements;
    std::optional<Time> refuse_until = {};
    Time last_used = {};
  };

  bool is_flapping(const Candidate& candidate, const Candidate& current, Time now);
  void forget_old_history(Time now);

  std::string own_id_;
  Options options_;
  std::unordered_map<std::string, Candidate> by_peer_;
  std::unordered_map<ConnectionId, std::string, ConnectionIdHasher> by_connection_;
  std::unordered_map<std::string, History> history_;
};

}  // namespace converge::session
