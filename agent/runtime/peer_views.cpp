#include "agent/control/workspace_digest.h"
#include "agent/runtime/peer_service.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace converge::runtime {

using Json = nlohmann::json;
using handlers::PeerView;
using session::ConnectionId;
using telemetry::Level;

namespace {

constexpr std::chrono::milliseconds kGossipDelay{150};
constexpr const char* kGossipKey = "converge";

}  // namespace

void PeerService::list(handlers::PeersReply reply) {
  context_.net->post([this, reply = std::move(reply)]() mutable {
    auto connections = hub_->connections();
    auto dials = hub_->dials();
    context_.control->post(
        [this, connections = std::move(connections), dials = std::move(dials),
         reply = std::move(reply)]() mutable { gather(connections, dials, std::move(reply)); });
  });
}

/// What is known of a peer that is connected.
void PeerService::fill_view(PeerView& view, Live& live, const ExchangeProgress& progress,
                            const std::vector<net::ConnectionStatus>& connections) {
  view.state = "up";
  view.is_agent = live.is_agent;
  view.is_foreign = live.is_foreign;
  view.is_limited = live.is_limited || live.limits_us;
  view.digest = live.digest;
  view.documents_compared = progress.compared;
  view.changes_sent = progress.changes_sent;
  view.changes_received = progress.changes_received;
  const std::uint64_t unseen = announcer_.remaining(live.info.connection);
  view.documents_behind = progress.behind + unseen;
  if (unseen == 0) view.bytes_behind = progress.bytes;  // else nobody has looked yet
  if (view.documents_behind == 0) live.last_sync_ms = context_.clock.wall_now_ms();
  view.last_sync_ms = live.last_sync_ms;
  for (const net::ConnectionStatus& status : connections) {
    if (status.peer.connection != live.info.connection) continue;
    view.round_trips = status.counters.round_trips;
    view.sent_messages = status.counters.frames_out;
    view.received_messages = status.counters.frames_in;
    view.sent_bytes = status.counters.bytes_out;
    view.received_bytes = status.counters.bytes_in;
    if (status.rtt) view.rtt_ms = static_cast<double>(status.rtt->count()) / 1000.0;
  }
}

/// Configured peers first, then those that came by themselves.
std::vector<PeerView> PeerService::views(const std::vector<net::ConnectionStatus>& connections,
                                         const std::vector<net::DialStatus>& dials,
                                         std::map<ConnectionId, ExchangeProgress>& progress) {
  std::vector<PeerView> out;
  for (const auto& [name, settings] : configured_) {
    PeerView view;
    view.name = name;
    view.url = settings.url;
    view.key = settings.key;
    view.policy = settings.policy;
    view.collections = settings.collections;
    view.rate = settings.rate;
    view.is_limited = settings.policy != "sync" || !settings.collections.empty();
    view.state = settings.paused ? "paused" : settings.url.empty() ? "down" : "connecting";
    for (const net::DialStatus& dial : dials) {
      if (dial.name != name) continue;
      view.last_error = dial.last_error;
      view.is_untrusted = dial.last_error_id == "peer.untrusted";
    }
    for (auto& [connection, live] : live_) {
      if (live.name == name) fill_view(view, live, progress[connection], connections);
    }
    if (view.state == "up") view.last_error.clear();
    view.is_untrusted = view.is_untrusted && view.state != "up";
    out.push_back(std::move(view));
  }
  for (auto& [connection, live] : live_) {
    if (configured_.contains(live.name)) continue;
    PeerView view;
    view.name = live.name;
    view.configured = false;
    if (!live.info.fingerprint.empty()) view.key = "SHA256:" + live.info.fingerprint;
    fill_view(view, live, progress[connection], connections);
    out.push_back(std::move(view));
  }
  return out;
}

/// Asks every shard how far each connection is, then puts the views together.
void PeerService::gather(const std::vector<net::ConnectionStatus>& connections,
                         const std::vector<net::DialStatus>& dials, handlers::PeersReply reply) {
  struct Gathering {
    std::map<ConnectionId, ExchangeProgress> progress;
    std::size_t missing = 0;
  };
  const auto gathering = std::make_shared<Gathering>();
  gathering->missing = context_.shards.size();
  std::vector<ConnectionId> ids;
  for (const auto& [connection, live] : live_) ids.push_back(connection);
  const auto finish = [this, connections, dials, gathering, reply = std::move(reply)] {
    reply(views(connections, dials, gathering->progress));
  };
  for (const auto& shard : context_.shards) {
    shard->run([this, ids, gathering, finish](handlers::ShardAccess&, DocumentExchange& exchange) {
      std::map<ConnectionId, ExchangeProgress> here;
      for (const ConnectionId connection : ids) here[connection] = exchange.progress(connection);
      context_.control->post([gathering, finish, here] {
        for (const auto& [connection, progress] : here) {
          gathering->progress[connection] += progress;
        }
        if (--gathering->missing == 0) finish();
      });
    });
  }
}

std::string PeerService::workspace_digest() {
  if (!digest_.empty()) return digest_;
  const auto started = context_.clock.steady_now();
  auto digest = handlers::workspace_digest(*context_.store);
  if (!digest) {
    context_.log.write(Level::kWarn, "digest", digest.error().message);
    return {};
  }
  digest_ = std::move(*digest);
  // A large store is not walked more than a tenth of the time.
  const auto now = context_.clock.steady_now();
  gossip_not_before_ =
      now + std::max<std::chrono::steady_clock::duration>(kGossipDelay, 10 * (now - started));
  return digest_;
}

void PeerService::changed() {
  digest_.clear();
  gossip_soon();
}

void PeerService::gossip_soon() {
  if (gossip_due_) return;
  gossip_due_ = true;
  context_.control->after(kGossipDelay, [this] { gossip(); });
}

/// Tells the agents connected what we hold, as a transient message on the catalog: equal digests
/// are what "converged" means. Who has not told his own is named, and answers: his message may have
/// come before the catalog was open on this side. Stock peers that have the catalog open see a
/// message they ignore. Who may not have everything is told so: it waits for no equal digest then.
void PeerService::gossip() {
  const bool anybody = std::any_of(live_.begin(), live_.end(),
                                   [](const auto& each) { return each.second.is_agent; });
  if (!anybody || !gossip_due_) {
    gossip_due_ = false;
    return;
  }
  const auto now = context_.clock.steady_now();
  if (now < gossip_not_before_) {
    context_.control->after(gossip_not_before_ - now, [this] { gossip(); });
    return;
  }
  gossip_due_ = false;
  Json unheard = Json::array();
  Json limited = Json::array();
  for (const auto& [connection, live] : live_) {
    if (live.is_agent && live.digest.empty()) unheard.push_back(live.info.peer_id);
    if (live.is_agent && live.is_limited) limited.push_back(live.info.peer_id);
  }
  const Json text{
      {kGossipKey, 1}, {"digest", workspace_digest()}, {"unheard", unheard}, {"limited", limited}};
  const std::vector<std::uint8_t> cbor = Json::to_cbor(text);
  session::Ephemeral message;
  message.sender = context_.facts.peer_id;
  message.document = context_.catalog();
  message.session_id = gossip_session_;
  message.count = ++gossip_count_;
  message.data = to_bytes(std::as_bytes(std::span(cbor)));
  context_.shard_of(message.document)
      .run([message](handlers::ShardAccess&, DocumentExchange& exchange) {
        exchange.send_ephemeral(message);
      });
}

void PeerService::fetch_changes(const std::string& name, const DocumentId& document,
                                std::vector<ChangeHash> hashes,
                                std::function<void(Result<std::uint64_t>)> reply) {
  const Live* live = find_live(name, reply);
  if (live == nullptr) return;
  const auto& extension = live->info.metadata.extension;
  if (!extension || !extension->can(session::kFetchCapability)) {
    return reply(Error{ErrorCode::kUnavailable, name + " cannot be asked for single changes",
                       "peer.unreachable", "it sends what is missing when it syncs"});
  }
  context_.shard_of(document).run(
      [this, connection = live->info.connection, document, hashes = std::move(hashes),
       reply = std::move(reply)](handlers::ShardAccess&, DocumentExchange& exchange) {
        exchange.fetch(connection, document, hashes, [this, reply](Result<std::uint64_t> got) {
          context_.control->post([reply, got = std::move(got)] { reply(got); });
        });
      });
}

void PeerService::received_ephemeral(const session::Ephemeral& message) {
  if (message.document != context_.catalog()) return;
  const auto text = as_text(message.data);
  const Json json = Json::from_cbor(text.begin(), text.end(), true, false);
  if (!json.is_object() || !json.contains(kGossipKey)) return;
  const Json digest = json.value("digest", Json());
  if (!digest.is_string()) return;
  const auto names_us = [this, &json](const char* list) {
    const Json peers = json.value(list, Json::array());
    return std::any_of(peers.begin(), peers.end(), [this](const Json& peer) {
      return peer.is_string() && peer.get_ref<const std::string&>() == context_.facts.peer_id;
    });
  };
  const bool limits_us = names_us("limited");
  for (auto& [connection, live] : live_) {
    if (live.info.peer_id != message.sender) continue;
    live.digest = digest.get<std::string>();
    live.limits_us = limits_us;
  }
  if (names_us("unheard")) gossip_soon();
}

}  // namespace converge::runtime
