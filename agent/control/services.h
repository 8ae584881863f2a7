#pragma once

#include "agent/telemetry/log.h"
#include "agent/telemetry/metrics.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/model/document_id.h"
#include "core/repo/repo.h"
#include "core/store/store.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace converge::handlers {

/// What a task on a shard may touch, for as long as it runs.
struct ShardAccess {
  repo::Repo& repo;
  store::Store& store;
  const Clock& clock;
};
using ShardTask = std::function<void(ShardAccess&)>;

/// Blocking work on the store; ends early when `go_on` says false: the agent is stopping.
using StoreJob = std::function<void(const std::function<bool()>& go_on)>;

/// Facts about this process and replica.
struct AgentFacts {
  std::string version;
  int pid = 0;
  std::string store_id;        ///< hex
  std::string store_dir = {};  ///< empty: in memory
  std::string peer_id;
  std::string fingerprint;  ///< of the device's key, hex; empty without one
  std::chrono::steady_clock::time_point started;
};

/// One answer, exactly once, from any thread.
using Reply = std::function<void(Result<nlohmann::json>)>;

/// Events of one subscription, in order, from the control thread. False: the client is gone.
using EventSink = std::function<bool(const nlohmann::json& event)>;

/// A peer as the operator configured it and as it is now.
struct PeerView {
  std::string name;
  std::string url;
  std::string key;    ///< "SHA256:..." or empty
  std::string state;  ///< up, connecting, paused, down, incoming
  std::string policy = "sync";
  std::vector<std::string> collections;
  std::string last_error;
  bool is_foreign = false;  ///< an agent of another workspace
  bool is_limited = false;  ///< by policy or collections: not everything is shared
  std::string rate;         ///< as configured
  std::optional<double> rtt_ms = {};
  std::optional<std::uint64_t> bytes_behind = {};  ///< about; nothing while not looked at
  bool is_untrusted = false;                       ///< it shows another key than the pinned one
  bool configured = true;
  std::int64_t last_sync_ms = 0;  ///< 0: never
  std::uint64_t documents_behind = 0;
  std::uint64_t documents_compared = 0;
  // Since it connected.
  std::uint64_t changes_sent = 0, changes_received = 0;
  std::uint64_t sent_messages = 0, received_messages = 0;
  std::uint64_t sent_bytes = 0, received_bytes = 0;
  std::uint64_t round_trips = 0;
  std::string digest;     ///< the history digest it announced last; empty: none
  bool is_agent = false;  ///< a Converge agent, which announces its digest
};
/// The Peer object of the contract, 8.3.
nlohmann::json to_json(const PeerView& peer);
/// Why nothing can be asked of this peer now: peer.untrusted when it shows another key than the
/// pinned one, else peer.unreachable with what is known. REQUIRES: it is not up.
Error why_away(const PeerView& peer);
/// peer.not_found for the user's own word, with names that are close.
Error no_peer(const std::string& name, const std::vector<PeerView>& peers);
using PeersReply = std::function<void(std::vector<PeerView>)>;

/// What a connected peer has of our documents, by its last messages.
struct PeerHeads {
  /// Of documents that are in exchange with it; nothing where it has not said. No heads: it lacks
  /// the document.
  std::map<DocumentId, std::optional<Heads>> documents;
  /// All were compared: what is not among `documents` is the same on both sides.
  bool is_complete = false;
};
using PeerHeadsReply = std::function<void(Result<PeerHeads>)>;

/// What a subscription shows.
struct WatchRequest {
  std::vector<std::string> patterns;  ///< empty: all documents
  store::ReceiptNumber after = 0;     ///< the last receipt that is not shown
  bool initial = false;               ///< the present state first
  bool names = false;                 ///< what becomes of names, too: events "named"
  std::string path;                   ///< of a change, what is below this pointer
};

/// Settings of peer.add and peer.set.
struct PeerSettings {
  std::string name;
  std::string url;
  std::string key;
  std::vector<std::string> collections;
  std::string policy = "sync";
  std::string rate;
  bool paused = false;
  bool operator==(const PeerSettings&) const = default;
};

/// What an invitation is good for.
struct Invitation;

struct InvitationTerms {
  std::int64_t expires_ms = 0;
  std::vector<std::string> collections;  ///< empty: all
  bool read_only = false;                ///< its changes are not taken
  bool is_limited() const { return read_only || !collections.empty(); }
};

/// What came of reading the configuration again; keys as in syncd.toml.
struct ReloadReport {
  std::vector<std::string> changed;        ///< in force now
  std::vector<std::string> needs_restart;  ///< differ from what the agent runs with
};

/// The settings in force, as syncd.toml writes them.
struct SettingsView {
  std::string file;  ///< where they were read; empty: nowhere
  std::vector<std::pair<std::string, std::string>> values;
  std::vector<std::string> pending;  ///< differ from what a start would read now
};

/// A private key that was made on this machine.
struct KeyMade {
  std::string fingerprint;  ///< hex
  std::string path;
  bool unchanged = false;      ///< it was there already
  bool needs_restart = false;  ///< the agent still shows the one before
};

/// How much is logged now, and what the configuration says; as words.
struct LogLevel {
  std::string level;
  std::string configured;
};

/// Everything a request handler may ask of the rest of the agent. The functions are called on the
/// control thread unless they say otherwise.
class Services {
 public:
  virtual ~Services() = default;

  virtual store::Store& store() = 0;      ///< any thread
  virtual const Clock& clock() = 0;       ///< any thread
  virtual Random& random() = 0;           ///< any thread
  virtual const AgentFacts& facts() = 0;  ///< any thread
  virtual std::size_t shard_count() = 0;  ///< any thread

  /// The number of the shard that owns the document. Any thread.
  virtual std::size_t shard_of(const DocumentId& document) = 0;
  /// Runs the task on the thread that owns the document. Any thread.
  virtual void on_shard(const DocumentId& document, ShardTask task) = 0;
  virtual void on_shard_number(std::size_t number, ShardTask task) = 0;
  /// Runs blocking work on the store, one job at a time, on a thread that nothing waits for. Any
  /// thread.
  virtual void on_store(StoreJob job) = 0;
  /// Sets aside what of a document cannot be read, so that the rest can be. Any thread; answers on
  /// the control thread.
  virtual void heal(const DocumentId& document, std::function<void(Result<void>)> reply) = 0;
  /// After a repair of the store: documents in memory and in exchange begin anew. Any thread.
  virtual void refresh(const store::RepairReport& report) = 0;
  /// Runs the task on the control thread. Any thread.
  virtual void on_control(std::function<void()> task) = 0;
  virtual void after(std::chrono::milliseconds delay, std::function<void()> task) = 0;

  /// The workspace's catalog. Any thread; changes only when a workspace is joined.
  virtual DocumentId catalog() = 0;

  // The process.
  virtual void stop(std::chrono::milliseconds deadline) = 0;
  /// Errors: config.invalid; nothing has changed then.
  virtual Result<ReloadReport> reload() = 0;
  /// With `wanted` the level is changed first; it goes back to what the configuration says after
  /// `lasts`, unless that is 0. Errors: usage.argument (no level).
  virtual Result<LogLevel> log_level(const std::string& wanted,
                                     std::chrono::milliseconds lasts) = 0;
  virtual SettingsView settings() = 0;
  virtual telemetry::Log& log() = 0;  ///< any thread
  /// Kept lines behind `after` and from then on all, as LogLine objects, until the sink says no.
  virtual void follow_log(std::uint64_t after, telemetry::Level level, EventSink sink) = 0;
  /// With gauges that are only set when somebody looks.
  virtual telemetry::Metrics& metrics() = 0;

  // Peers.
  virtual void peers(PeersReply reply) = 0;
  /// Errors: peer.not_found, peer.unreachable.
  virtual void peer_heads(const std::string& peer, PeerHeadsReply reply) = 0;
  virtual void add_peer(const PeerSettings& settings, bool replace, Reply reply) = 0;
  virtual void remove_peer(const std::string& name, Reply reply) = 0;
  virtual void pause_peer(const std::string& name, bool paused, Reply reply) = 0;
  virtual void ping_peer(const std::string& name, Reply reply) = 0;
  /// Names of the peers that have everything the document holds here. Any thread; answers on the
  /// control thread.
  virtual void peers_with(const DocumentId& document,
                          std::function<void(std::vector<std::string>)> reply) = 0;
  /// Looks among the peers for a document that is not here. Any thread; answers on the control
  /// thread, at once when nobody can be asked, else within the exchange's deadlines (15 s a step).
  virtual void find_document(const DocumentId& document, std::function<void(bool)> reply) = 0;
  /// Asks a peer for exactly these changes of a document and stores those that it has and that are
  /// what was asked for. Answers on the control thread with how many came. Errors: kNotFound (no
  /// such peer), kUnavailable (not connected, or it does not know how), kTimeout.
  virtual void fetch_changes(const std::string& peer, const DocumentId& document,
                             std::vector<ChangeHash> hashes,
                             std::function<void(Result<std::uint64_t>)> reply) = 0;
  /// Dials now what waits for its next attempt; empty: all.
  virtual void nudge_peer(const std::string& name) = 0;
  /// Addresses under which this agent can be reached, as URLs.
  virtual std::vector<std::string> addresses() = 0;
  /// Dials with an invitation, one address after the other until one is right; when it is accepted,
  /// takes over the catalog and keeps the peer under that address. The settings' url is not read.
  /// A trial asks nobody and only says whether this replica can join, and as what.
  /// Errors: kConflict when this replica's own catalog is another one and not empty.
  virtual void join(const PeerSettings& settings, const Invitation& invitation, bool is_trial,
                    Reply reply) = 0;
  /// From now on a peer that shows the token of this key (see invitation_key) is admitted, once.
  virtual void expect_invitation(const std::string& key, const InvitationTerms& terms) = 0;
  /// Digest over the history of every document here; for comparing with a peer's.
  virtual std::string workspace_digest() = 0;

  // Keys.
  /// A key in the key directory: NAME.key, or the device's own when `name` is empty. One that is
  /// there stays. Errors: usage.argument (no file name; an agent that keeps its key in memory), io.
  virtual Result<KeyMade> make_key(const std::string& name) = 0;
  /// A new key for this device; the one before is kept beside it as device.key.old. Errors: as
  /// above.
  virtual Result<KeyMade> rotate_key() = 0;
  /// Keys that are refused whoever shows them; hex. Any thread.
  virtual std::vector<std::string> revoked_keys() = 0;
  /// Refuses a key from now on, or admits it again; connections that showed it are closed.
  virtual void revoke_key(const std::string& fingerprint, bool revoked,
                          std::function<void(Result<void>)> done) = 0;

  // Watching. A subscription ends when its sink says so.
  virtual void watch(WatchRequest request, EventSink sink) = 0;
  /// Highest receipt that is durable.
  virtual store::ReceiptNumber durable_receipt() = 0;
};

}  // namespace converge::handlers
