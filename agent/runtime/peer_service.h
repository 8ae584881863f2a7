#pragma once

#include "agent/control/services.h"
#include "agent/net/peer_hub.h"
#include "agent/runtime/announcer.h"
#include "agent/runtime/context.h"
#include "agent/runtime/inflow.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace converge::runtime {

/// The agent's peers: those configured (kept in the store), those connected, and what each of them
/// is known to have. Owns the hub of connections on the network thread and hands its events to
/// shards and control thread. Control thread only, except where it says otherwise.
class PeerService {
 public:
  explicit PeerService(Context& context);
  ~PeerService();
  PeerService(const PeerService&) = delete;
  PeerService& operator=(const PeerService&) = delete;

  /// Starts listening and dialling. Blocks; main thread, before any event. The port, or nothing
  /// when listening is off. Errors: kConflict when the port is taken, kInvalid, kDenied.
  Result<std::optional<std::uint16_t>> start();
  /// Ends every connection. `stopped` runs on the network thread. Any thread.
  void stop(std::chrono::milliseconds deadline, std::function<void()> stopped);

  void list(handlers::PeersReply reply);
  void heads(const std::string& name, handlers::PeerHeadsReply reply);
  void add(const handlers::PeerSettings& settings, bool replace, handlers::Reply reply);
  void remove(const std::string& name, const handlers::Reply& reply);
  void pause(const std::string& name, bool paused, const handlers::Reply& reply);
  void ping(const std::string& name, handlers::Reply reply);
  void nudge(const std::string& name);
  void join(const handlers::PeerSettings& settings, const handlers::Invitation& invitation,
            bool is_trial, handlers::Reply reply);
  void fetch_changes(const std::string& name, const DocumentId& document,
                     std::vector<ChangeHash> hashes,
                     std::function<void(Result<std::uint64_t>)> reply);
  void expect_invitation(const std::string& key, const handlers::InvitationTerms& terms);
  void revoke(const std::string& fingerprint, bool revoked, std::function<void(Result<void>)> done);
  std::vector<std::string> addresses() const;
  std::string workspace_digest();

  /// Something became durable: digests are stale, peers will be told.
  void changed();
  void settled(session::ConnectionId connection, const DocumentId& document) {
    announcer_.settled(connection, document);
  }
  void received_ephemeral(const session::Ephemeral& message);
  void send(session::ConnectionId to, session::DocumentMessage message);  ///< any thread
  void close(session::ConnectionId connection, session::CloseCode code,
             const std::string& reason);  ///< any thread
  /// The index of names changed: peers with only some of the collections are judged anew.
  void names_changed();
  /// The catalog is another one now: handshakes say so, connections start over.
  void catalog_changed();

 private:
  struct Live {
    session::PeerInfo info;
    std::string name;
    bool announce = false;
    bool is_agent = false;
    bool is_foreign = false;  ///< an agent of another workspace
    bool is_limited = false;  ///< it cannot get, or give, everything
    bool limits_us = false;   ///< it says so of us
    std::string digest;
    std::int64_t last_sync_ms = 0;
    std::uint64_t messages_in = 0, messages_out = 0;
  };
  struct JoinJob;

  void load_known();
  void load_peers();
  void load_invitations();
  void load_revoked();
  Result<std::optional<std::uint16_t>> listen();
  session::Metadata metadata() const;
  void hand_over(session::ConnectionId connection, session::DocumentMessage message);
  void grant(const session::PeerInfo& info, const handlers::InvitationTerms& terms);
  std::optional<handlers::PeerSettings> settings_of(const session::PeerInfo& info) const;
  void remember(const handlers::PeerSettings& settings);                  ///< any thread
  void forget(const std::string& name);                                   ///< any thread
  bool is_member(const session::PeerInfo& info) const;                    ///< network thread
  std::optional<session::Refusal> refuse(const session::PeerInfo& info);  ///< network thread
  void peer_up(const session::PeerInfo& info);                            ///< network thread
  void peer_down(session::ConnectionId connection);                       ///< network thread
  void dial(const handlers::PeerSettings& settings, std::optional<std::string> token,
            std::function<void(Result<void>)> done);
  void undial(const std::string& name);
  void close_incoming(const std::string& name, const std::string& why);
  const Live* find_live(const std::string& name, const std::function<void(Error)>& refuse);
  void explain_away(const std::string& name, const std::function<void(Error)>& refuse);
  void store_peer(const handlers::PeerSettings& settings, handlers::Reply reply, bool unchanged);
  void show(const std::string& name, bool unchanged, const handlers::Reply& reply);
  void look_for_names(std::function<void(Result<bool>)> then);
  void adopt(const DocumentId& catalog, std::function<void(Result<void>)> done);
  void consider_adopting(session::ConnectionId connection);
  void dial_invitation(const std::shared_ptr<JoinJob>& job);
  void await_join(const std::shared_ptr<JoinJob>& job);
  void judge_join(const std::shared_ptr<JoinJob>& job, const std::string& error, bool untrusted);
  void accept_join(const std::shared_ptr<JoinJob>& job);
  void fill_view(handlers::PeerView& view, Live& live, const ExchangeProgress& progress,
                 const std::vector<net::ConnectionStatus>& connections);
  std::vector<handlers::PeerView> views(
      const std::vector<net::ConnectionStatus>& connections,
      const std::vector<net::DialStatus>& dials,
      std::map<session::ConnectionId, ExchangeProgress>& progress);
  void gather(const std::vector<net::ConnectionStatus>& connections,
              const std::vector<net::DialStatus>& dials, handlers::PeersReply reply);
  void tick();
  void gossip();
  void gossip_soon();
  void review_peers();

  Context& context_;
  Announcer announcer_;
  std::unique_ptr<net::PeerHub> hub_;  ///< network thread, apart from making and destroying it
  std::map<session::ConnectionId, std::shared_ptr<Inflow>> inflows_;  ///< network thread
  std::map<std::string, handlers::PeerSettings> configured_;
  std::map<session::ConnectionId, Live> live_;
  std::uint16_t port_ = 0;
  bool joining_ = false;  ///< the own catalog is about to be given up

  std::string digest_;  ///< empty: stale
  std::chrono::steady_clock::time_point gossip_not_before_{};
  bool gossip_due_ = false;
  bool review_due_ = false;
  std::uint64_t gossip_count_ = 0;
  std::string gossip_session_;

  mutable std::mutex known_mutex_;  ///< for what handshakes on the network thread look at
  std::unordered_map<std::string, handlers::InvitationTerms> invitations_;  ///< by key
  std::map<std::string, handlers::PeerSettings> known_;                     ///< configured_, copied
};

}  // namespace converge::runtime
