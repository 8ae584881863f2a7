#include "agent/runtime/peer_service.h"

#include "agent/config/units.h"
#include "agent/control/invites.h"
#include "agent/runtime/endpoint.h"
#include "agent/runtime/peer_limits.h"
#include "agent/runtime/peer_records.h"
#include "core/repo/catalog.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <future>
#include <utility>

namespace converge::runtime {

using Json = nlohmann::json;
using handlers::PeerSettings;
using session::ConnectionId;
using telemetry::Level;

namespace {

constexpr std::chrono::milliseconds kTick{500};
/// Two agents may dial each other at once; by then one of the connections has given way. Who was
/// called waits longer, so that of two without names only one takes over the other's workspace.
constexpr std::chrono::milliseconds kAdoptDelay{300};

/// Many names made at once are one walk through the documents.
constexpr std::chrono::milliseconds kReviewDelay{200};

Level level_of(char letter) {
  return letter == 'w' ? Level::kWarn : letter == 'i' ? Level::kInfo : Level::kDebug;
}

}  // namespace

PeerService::PeerService(Context& context) : context_(context), announcer_(context) {
  std::array<std::byte, 8> session{};
  context_.random.fill(session);
  gossip_session_ = to_hex(session);
}

PeerService::~PeerService() = default;

Result<std::optional<std::uint16_t>> PeerService::start() {
  load_invitations();
  load_revoked();
  load_known();
  std::promise<Result<std::optional<std::uint16_t>>> promise;
  auto result = promise.get_future();
  context_.net->post([this, &promise] { promise.set_value(listen()); });
  auto port = result.get();
  if (!port) return port;
  port_ = port->value_or(0);
  context_.control->post([this] {
    load_peers();
    tick();
  });
  return port;
}

void PeerService::stop(std::chrono::milliseconds deadline, std::function<void()> stopped) {
  context_.net->post([this, deadline, stopped = std::move(stopped)]() mutable {
    if (!hub_) return stopped();
    hub_->stop(deadline, std::move(stopped));
  });
}

/// Network thread.
Result<std::optional<std::uint16_t>> PeerService::listen() {
  net::PeerHub::Handlers handlers;
  handlers.peer_up = [this](const session::PeerInfo& info) { peer_up(info); };
  handlers.peer_down = [this](ConnectionId connection) { peer_down(connection); };
  handlers.message = [this](ConnectionId connection, session::DocumentMessage message) {
    hand_over(connection, std::move(message));
  };
  handlers.congested = [this](ConnectionId connection, bool congested) {
    for (const auto& shard : context_.shards) {
      shard->run([connection, congested](handlers::ShardAccess&, DocumentExchange& exchange) {
        exchange.set_congested(connection, congested);
      });
    }
  };
  handlers.log = [this](char level, const std::string& line) {
    context_.log.write(level_of(level), "net", line);
  };
  net::PeerHub::Options options;
  options.peer_id = context_.facts.peer_id;
  options.metadata = metadata();
  if (context_.identity) options.tls = &*context_.identity;
  options.is_member = [this](const session::PeerInfo& info) { return is_member(info); };
  options.refuse = [this](const session::PeerInfo& info) { return refuse(info); };
  hub_ = std::make_unique<net::PeerHub>(context_.net->io(), std::move(options), std::move(handlers),
                                        context_.random);
  if (context_.config.listen == "off") return std::optional<std::uint16_t>{};
  const auto place = config::parse_host_port(context_.config.listen);
  if (!place) return place.error();
  net::PeerHub::ListenOptions listen_options;
  listen_options.address = place->host;
  listen_options.port = place->port;
  const Transport transport = transport_of(context_.config);
  listen_options.tls = transport.tls;
  listen_options.plain_too = transport.plain;
  listen_options.origins = context_.config.origins;
  const auto port = hub_->listen(listen_options);
  if (!port) return port.error();
  return std::optional<std::uint16_t>(*port);
}

session::Metadata PeerService::metadata() const {
  session::Metadata metadata;
  metadata.storage_id = context_.facts.store_id;
  metadata.ephemeral = context_.config.ephemeral;
  session::Extension extension;
  extension.capabilities = {"digest", std::string(session::kFetchCapability),
                            std::string(session::kBundleCapability)};
  extension.catalog = context_.catalog().to_base58();
  metadata.extension = std::move(extension);
  return metadata;
}

/// To the document's shard, and counted until what came of it is stored: the peer may send only so
/// much more than we work off. Network thread.
void PeerService::hand_over(ConnectionId connection, session::DocumentMessage message) {
  constexpr std::size_t kMessageOverhead = 512;  // so that small ones count, too
  const auto place = inflows_.find(connection);
  if (place == inflows_.end()) return;
  const std::shared_ptr<Inflow> inflow = place->second;
  const std::size_t bytes = session::size_of(message) + kMessageOverhead;
  if (inflow->add(bytes)) hub_->hold(connection, true);
  const DocumentId document = session::document_of(message);
  context_.shard_of(document).run(
      [this, connection, document, inflow, bytes, message = std::move(message)](
          handlers::ShardAccess& shard, DocumentExchange& exchange) mutable {
        exchange.receive(connection, std::move(message));
        shard.repo.when_durable(document, [this, connection, inflow, bytes](const Result<void>&) {
          if (!inflow->remove(bytes)) return;
          context_.net->post([this, connection] { hub_->hold(connection, false); });
        });
      });
}

/// Who shows an invitation is judged by it; a peer that is paused stays away. Everybody else is
/// admitted: whoever knows a document's id may read and write it. Network thread.
std::optional<session::Refusal> PeerService::refuse(const session::PeerInfo& info) {
  if (!info.fingerprint.empty() && context_.revoked.contains(info.fingerprint)) {
    return session::Refusal{session::CloseCode::kForbidden, "this key is revoked here"};
  }
  if (info.role != session::Role::kServer) return std::nullopt;
  if (const auto settings = settings_of(info); settings && settings->paused) {
    return session::Refusal{session::CloseCode::kTryAgainLater, "this peer is paused here"};
  }
  if (!info.metadata.extension || !info.metadata.extension->invite) return std::nullopt;
  const std::string key = handlers::invitation_key(*info.metadata.extension->invite);
  std::optional<handlers::InvitationTerms> terms;
  {
    const std::scoped_lock lock(known_mutex_);
    if (const auto found = invitations_.find(key); found != invitations_.end()) {
      if (found->second.expires_ms > context_.clock.wall_now_ms()) terms = found->second;
      invitations_.erase(found);
    }
  }
  context_.store->put_setting(key, std::nullopt, [](const Result<store::CommitNumber>&) {
    // Used up in memory; at worst it could be used again after a crash before it expires.
  });
  if (!terms) {
    return session::Refusal{session::CloseCode::kForbidden,
                            "the invitation is unknown, used or expired"};
  }
  if (!terms->is_limited()) return std::nullopt;
  if (info.fingerprint.empty()) {
    return session::Refusal{session::CloseCode::kForbidden,
                            "this invitation is for a peer with a key: join over wss://"};
  }
  grant(info, *terms);
  return std::nullopt;
}

/// Who names our catalog, was invited, or has a key that the operator knows. Everybody else may ask
/// for documents by their ids, but has to know those.
bool PeerService::is_member(const session::PeerInfo& info) const {
  const auto& extension = info.metadata.extension;
  if (!extension) return false;
  const bool was_invited = extension->invite.has_value();  // refuse() has judged it
  return was_invited || extension->catalog == context_.catalog().to_base58() ||
         settings_of(info).has_value();
}

/// The limits of an invitation stay with the key that used it. Network thread.
void PeerService::grant(const session::PeerInfo& info, const handlers::InvitationTerms& terms) {
  PeerSettings settings;
  settings.name = repo::check_name(info.peer_id) ? info.peer_id : info.fingerprint;
  settings.key = "SHA256:" + info.fingerprint;
  if (const auto present = settings_of(info)) settings = *present;
  settings.policy = terms.read_only ? "push" : "sync";
  settings.collections = terms.collections;
  remember(settings);
  context_.control->post([this, settings] {
    store_peer(
        settings,
        [](const Result<Json>&) {
          // Known in memory; a store that cannot be written says so elsewhere.
        },
        false);
  });
}

/// What the operator set for the peer on a connection: by the name that was dialled, else by the
/// key that it proved. Any thread.
std::optional<PeerSettings> PeerService::settings_of(const session::PeerInfo& info) const {
  const std::scoped_lock lock(known_mutex_);
  if (!info.dialled.empty()) {
    const auto found = known_.find(info.dialled);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
  }
  if (info.fingerprint.empty()) return std::nullopt;
  for (const auto& [name, settings] : known_) {
    if (bare_fingerprint(settings.key) == info.fingerprint) return settings;
  }
  return std::nullopt;
}

void PeerService::remember(const PeerSettings& settings) {
  const std::scoped_lock lock(known_mutex_);
  known_[settings.name] = settings;
}

void PeerService::forget(const std::string& name) {
  const std::scoped_lock lock(known_mutex_);
  known_.erase(name);
}

void PeerService::peer_up(const session::PeerInfo& info) {
  Live live;
  live.info = info;
  const PeerSettings settings = settings_of(info).value_or(PeerSettings{});
  live.name = !settings.name.empty() ? settings.name
              : info.dialled.empty() ? info.peer_id
                                     : info.dialled;
  live.is_agent = info.metadata.extension.has_value();
  const bool same_workspace =
      live.is_agent && info.metadata.extension->catalog == context_.catalog().to_base58();
  // An agent of another workspace is asked, and answered, but nothing is pushed into it.
  live.is_foreign = live.is_agent && !same_workspace;
  live.announce = same_workspace || (!info.dialled.empty() && !live.is_agent);
  live.is_limited = settings.policy != "sync" || !settings.collections.empty();
  PeerLink link;
  link.link.connection = info.connection;
  link.link.peer_id = info.peer_id;
  if (info.is_persistent()) link.link.storage_id = info.metadata.storage_id;
  const auto& extension = info.metadata.extension;
  link.link.reads_bundles = extension && extension->can(session::kBundleCapability);
  link.name = live.name;
  link.announce = live.announce;
  link.ask = !info.dialled.empty();
  link.read = settings.policy != "pull";
  link.write = settings.policy != "push";
  link.collections = settings.collections;
  link.catalog = context_.catalog();
  link.inflow = inflows_
                    .emplace(info.connection,
                             std::make_shared<Inflow>(kInflightBytesMax, kInflightBytesMax / 2))
                    .first->second;
  if (const auto rate = parse_rate(settings.rate)) hub_->limit_rate(info.connection, *rate);
  for (const auto& shard : context_.shards) {
    shard->run(
        [link](handlers::ShardAccess&, DocumentExchange& exchange) { exchange.peer_up(link); });
  }
  context_.log.write(Level::kInfo, "peer.up", "peer connected",
                     {{"peer", live.name}, {"address", info.address}});
  context_.control->post([this, live] {
    live_[live.info.connection] = live;
    if (live.announce) announcer_.peer_up(live.info.connection);
    gossip_soon();
    if (!live.is_foreign) return;
    const auto delay = live.info.dialled.empty() ? 5 * kAdoptDelay : kAdoptDelay;
    context_.control->after(
        delay, [this, connection = live.info.connection] { consider_adopting(connection); });
  });
}

void PeerService::peer_down(ConnectionId connection) {
  inflows_.erase(connection);
  for (const auto& shard : context_.shards) {
    shard->run([connection](handlers::ShardAccess&, DocumentExchange& exchange) {
      exchange.peer_down(connection);
    });
  }
  context_.control->post([this, connection] {
    announcer_.peer_down(connection);
    const auto found = live_.find(connection);
    if (found == live_.end()) return;
    context_.log.write(Level::kInfo, "peer.down", "peer disconnected",
                       {{"peer", found->second.name}});
    live_.erase(found);
  });
}

void PeerService::load_peers() {
  const auto records = context_.store->peers();
  if (!records) {
    context_.log.write(Level::kError, "peers.unreadable", records.error().message);
    return;
  }
  for (const store::PeerRecord& record : *records) {
    const PeerSettings settings = from_record(record);
    if (settings.url.empty() && settings.key.empty()) continue;
    configured_[settings.name] = settings;
    if (settings.paused || settings.url.empty()) continue;
    dial(settings, std::nullopt, [this, name = settings.name](const Result<void>& done) {
      if (!done)
        context_.log.write(Level::kWarn, "peer.dial", done.error().message, {{"peer", name}});
    });
  }
}

/// Before the first handshake: a limited peer must not get in before its limits are known. An
/// unreadable list is reported by load_peers().
void PeerService::load_known() {
  const auto records = context_.store->peers();
  if (!records) return;
  for (const store::PeerRecord& record : *records) remember(from_record(record));
}

void PeerService::load_invitations() {
  const auto settings = context_.store->settings("invite/");
  if (!settings) return;
  for (const auto& [key, value] : *settings) {
    const auto terms = handlers::decode_terms(as_text(value));
    if (terms && terms->expires_ms > context_.clock.wall_now_ms()) {
      expect_invitation(key, *terms);
    } else {
      context_.store->put_setting(key, std::nullopt, [](const Result<store::CommitNumber>&) {});
    }
  }
}

void PeerService::expect_invitation(const std::string& key,
                                    const handlers::InvitationTerms& terms) {
  const std::scoped_lock lock(known_mutex_);
  invitations_[key] = terms;
}

void PeerService::names_changed() {
  if (std::exchange(review_due_, true)) return;
  context_.control->after(kReviewDelay, [this] { review_peers(); });
}

void PeerService::review_peers() {
  review_due_ = false;
  const auto is_scoped = [this](const auto& each) {
    const auto settings = settings_of(each.second.info);
    return settings && !settings->collections.empty();
  };
  if (std::none_of(live_.begin(), live_.end(), is_scoped)) return;
  for (const auto& shard : context_.shards) {
    shard->run([](handlers::ShardAccess&, DocumentExchange& exchange) { exchange.review(); });
  }
  for (const auto& [connection, live] : live_) {
    if (live.announce && is_scoped(std::pair(connection, live))) announcer_.peer_up(connection);
  }
}

void PeerService::catalog_changed() {
  context_.net->post([this] {
    hub_->set_metadata(metadata());
    for (const net::ConnectionStatus& connection : hub_->connections()) {
      if (!connection.up) continue;
      hub_->close(connection.peer.connection, session::CloseCode::kNormal, "the workspace changed");
    }
  });
}

void PeerService::send(ConnectionId to, session::DocumentMessage message) {
  context_.net->post([this, to, message = std::move(message)] { hub_->send(to, message); });
}

void PeerService::close(ConnectionId connection, session::CloseCode code,
                        const std::string& reason) {
  context_.net->post([this, connection, code, reason] { hub_->close(connection, code, reason); });
}

void PeerService::tick() {
  announcer_.tick();
  // A digest may be lost on its way; peers that differ are told again.
  const std::string own = live_.empty() ? std::string() : digest_;
  const bool differs = std::any_of(live_.begin(), live_.end(), [&own](const auto& each) {
    return each.second.is_agent && (own.empty() || each.second.digest != own);
  });
  if (differs) {
    gossip_due_ = true;
    gossip();
  }
  context_.metrics.gauge("syncd_peers_up", "Peers connected now")
      .set(static_cast<double>(live_.size()));
  context_.control->after(kTick, [this] { tick(); });
}

}  // namespace converge::runtime
