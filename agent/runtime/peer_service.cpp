#include "agent/runtime/peer_service.h"

#include "agent/config/units.h"
#include "agent/control/catalog_access.h"
#include "agent/control/invites.h"
#include "agent/control/workspace_digest.h"
#include "core/codec/sha256.h"
#include "core/control/error_table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <future>
#include <utility>

namespace converge::runtime {

using control::ErrorId;
using control::make_error;
using handlers::Json;
using handlers::PeerSettings;
using handlers::PeerView;
using session::ConnectionId;
using telemetry::Level;

namespace {

constexpr std::chrono::milliseconds kTick{500};
constexpr std::chrono::milliseconds kGossipDelay{150};
constexpr std::chrono::milliseconds kJoinPoll{50};
constexpr std::chrono::seconds kJoinPatience{15};
constexpr std::chrono::milliseconds kPingTimeout{5'000};
constexpr const char* kGossipKey = "converge";

store::PeerKey key_of(const std::string& name) { return codec::sha256(as_bytes("peer:" + name)); }

store::PeerRecord to_record(const PeerSettings& settings) {
  store::PeerRecord record;
  record.key = key_of(settings.name);
  record.name = settings.name;
  record.attributes = {{"url", settings.url},
                       {"key", settings.key},
                       {"policy", settings.policy},
                       {"rate", settings.rate},
                       {"paused", settings.paused ? "true" : "false"}};
  for (const std::string& collection : settings.collections) {
    record.attributes.emplace_back("collection", collection);
  }
  return record;
}

PeerSettings from_record(const store::PeerRecord& record) {
  PeerSettings settings;
  settings.name = record.name;
  for (const auto& [name, value] : record.attributes) {
    if (name == "url") settings.url = value;
    if (name == "key") settings.key = value;
    if (name == "policy") settings.policy = value;
    if (name == "rate") settings.rate = value;
    if (name == "paused") settings.paused = value == "true";
    if (name == "collection") settings.collections.push_back(value);
  }
  return settings;
}

Error no_peer(const std::string& name) {
  return make_error(ErrorId::kPeerNotFound, fmt::format("no peer is called \"{}\"", name),
                    "\"syncctl peer ls\" lists them");
}

/// "SHA256:..." or bare hex, as the hub wants it.
std::string bare_fingerprint(const std::string& key) {
  constexpr std::string_view kPrefix = "SHA256:";
  return key.starts_with(kPrefix) ? key.substr(kPrefix.size()) : key;
}

Level level_of(char letter) {
  return letter == 'w' ? Level::kWarn : letter == 'i' ? Level::kInfo : Level::kDebug;
}

}  // namespace

/// An invitation being used: dialled, waiting for the handshake.
struct PeerService::JoinJob {
  PeerSettings settings;
  DocumentId catalog;
  handlers::Reply reply;
  std::chrono::steady_clock::time_point deadline;
};

PeerService::PeerService(Context& context) : context_(context), announcer_(context) {
  std::array<std::byte, 8> session{};
  context_.random.fill(session);
  gossip_session_ = to_hex(session);
}

PeerService::~PeerService() = default;

Result<std::optional<std::uint16_t>> PeerService::start() {
  load_invitations();
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
    const DocumentId document = session::document_of(message);
    context_.shard_of(document).run(
        [connection, message = std::move(message)](handlers::ShardAccess&,
                                                   DocumentExchange& exchange) mutable {
          exchange.receive(connection, std::move(message));
        });
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
  options.refuse = [this](const session::PeerInfo& info) { return refuse(info); };
  hub_ = std::make_unique<net::PeerHub>(context_.net->io(), std::move(options), std::move(handlers),
                                        context_.random);
  if (context_.config.listen == "off") return std::optional<std::uint16_t>{};
  const auto place = config::parse_host_port(context_.config.listen);
  if (!place) return place.error();
  net::PeerHub::ListenOptions listen_options;
  listen_options.address = place->host;
  listen_options.port = place->port;
  listen_options.origins = {"*"};
  const auto port = hub_->listen(listen_options);
  if (!port) return port.error();
  return std::optional<std::uint16_t>(*port);
}

session::Metadata PeerService::metadata() const {
  session::Metadata metadata;
  metadata.storage_id = context_.facts.store_id;
  metadata.ephemeral = context_.config.ephemeral;
  session::Extension extension;
  extension.capabilities = {"digest"};
  extension.catalog = context_.catalog().to_base58();
  metadata.extension = std::move(extension);
  return metadata;
}

/// Only who shows an invitation is judged: whoever knows a document's id may read and write it.
std::optional<session::Refusal> PeerService::refuse(const session::PeerInfo& info) {
  if (info.role != session::Role::kServer || !info.metadata.extension) return std::nullopt;
  const auto& token = info.metadata.extension->invite;
  if (!token) return std::nullopt;
  const std::string key = handlers::invitation_key(*token);
  bool valid = false;
  {
    const std::scoped_lock lock(invitations_mutex_);
    const auto found = invitations_.find(key);
    valid = found != invitations_.end() && found->second > context_.clock.wall_now_ms();
    if (found != invitations_.end()) invitations_.erase(found);
  }
  context_.store->put_setting(key, std::nullopt, [](const Result<store::CommitNumber>&) {
    // Used up in memory; at worst it could be used again after a crash before it expires.
  });
  if (valid) return std::nullopt;
  return session::Refusal{session::CloseCode::kForbidden,
                          "the invitation is unknown, used or expired"};
}

void PeerService::peer_up(const session::PeerInfo& info) {
  Live live;
  live.info = info;
  live.name = info.dialled.empty() ? info.peer_id : info.dialled;
  live.is_agent = info.metadata.extension.has_value();
  const bool same_workspace =
      live.is_agent && info.metadata.extension->catalog == context_.catalog().to_base58();
  // While a join is under way the own catalog is about to be given up: nobody is to see it.
  live.announce = same_workspace || (!info.dialled.empty() && !(joining_ && live.is_agent));
  PeerLink link;
  link.link.connection = info.connection;
  link.link.peer_id = info.peer_id;
  if (info.is_persistent()) link.link.storage_id = info.metadata.storage_id;
  link.name = live.name;
  link.announce = live.announce;
  for (const auto& shard : context_.shards) {
    shard->run(
        [link](handlers::ShardAccess&, DocumentExchange& exchange) { exchange.peer_up(link); });
  }
  context_.log.write(Level::kInfo, "peer.up", "peer connected",
                     {{"peer", live.name}, {"address", info.address}});
  context_.control->post([this, live] {
    live_[live.info.connection] = live;
    if (live.announce) announcer_.peer_up(live.info.connection);
    gossip_due_ = true;
  });
}

void PeerService::peer_down(ConnectionId connection) {
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
    if (settings.url.empty()) continue;
    configured_[settings.name] = settings;
    if (settings.paused) continue;
    dial(settings, std::nullopt, [this, name = settings.name](const Result<void>& done) {
      if (!done)
        context_.log.write(Level::kWarn, "peer.dial", done.error().message, {{"peer", name}});
    });
  }
}

void PeerService::load_invitations() {
  const auto settings = context_.store->settings("invite/");
  if (!settings) return;
  for (const auto& [key, value] : *settings) {
    const auto expires = config::parse_integer(as_text(value), 0, std::int64_t{1} << 62);
    if (expires && *expires > context_.clock.wall_now_ms()) {
      expect_invitation(key, *expires);
    } else {
      context_.store->put_setting(key, std::nullopt, [](const Result<store::CommitNumber>&) {});
    }
  }
}

void PeerService::expect_invitation(const std::string& key, std::int64_t expires_ms) {
  const std::scoped_lock lock(invitations_mutex_);
  invitations_[key] = expires_ms;
}

void PeerService::dial(const PeerSettings& settings, std::optional<std::string> token,
                       std::function<void(Result<void>)> done) {
  context_.net->post([this, settings, token = std::move(token), done = std::move(done)] {
    net::PeerHub::DialOptions options;
    options.name = settings.name;
    options.url = settings.url;
    options.fingerprint = bare_fingerprint(settings.key);
    if (settings.url.starts_with("ws://")) options.fingerprint.clear();
    options.invite = token;
    auto result = hub_->dial(options);
    context_.control->post([done, result = std::move(result)] { done(result); });
  });
}

void PeerService::undial(const std::string& name) {
  context_.net->post([this, name] { hub_->undial(name); });
}

void PeerService::add(const PeerSettings& settings, bool replace, handlers::Reply reply) {
  const auto present = configured_.find(settings.name);
  if (present != configured_.end()) {
    if (present->second == settings) return show(settings.name, true, reply);
    if (!replace) {
      return reply(
          make_error(ErrorId::kPeerExists,
                     fmt::format("the peer \"{}\" exists with other settings", settings.name),
                     fmt::format("use \"syncctl peer set {}\" to change it", settings.name)));
    }
    undial(settings.name);
  }
  if (settings.paused) return store_peer(settings, std::move(reply), false);
  dial(settings, std::nullopt,
       [this, settings, reply = std::move(reply)](const Result<void>& dialled) {
         if (!dialled) return reply(dialled.error());
         store_peer(settings, reply, false);
       });
}

void PeerService::store_peer(const PeerSettings& settings, handlers::Reply reply, bool unchanged) {
  configured_[settings.name] = settings;
  context_.store->put_peer(to_record(settings),
                           [this, name = settings.name, unchanged,
                            reply = std::move(reply)](const Result<store::CommitNumber>& done) {
                             context_.control->post([this, name, unchanged, reply, done] {
                               if (!done) return reply(done.error());
                               show(name, unchanged, reply);
                             });
                           });
}

void PeerService::show(const std::string& name, bool unchanged, const handlers::Reply& reply) {
  list([name, unchanged, reply](const std::vector<PeerView>& peers) {
    const auto found = std::find_if(peers.begin(), peers.end(), [&name](const PeerView& peer) {
      return peer.configured && peer.name == name;
    });
    if (found == peers.end()) return reply(no_peer(name));
    Json json = handlers::to_json(*found);
    json["unchanged"] = unchanged;
    reply(std::move(json));
  });
}

void PeerService::remove(const std::string& name, const handlers::Reply& reply) {
  const auto found = configured_.find(name);
  if (found == configured_.end()) return reply(no_peer(name));
  PeerView view;
  view.name = name;
  view.url = found->second.url;
  view.state = "removed";
  configured_.erase(found);
  undial(name);
  context_.store->remove_peer(key_of(name), [reply, view](const Result<store::CommitNumber>& done) {
    if (!done) return reply(done.error());
    reply(handlers::to_json(view));
  });
}

void PeerService::pause(const std::string& name, bool paused, const handlers::Reply& reply) {
  const auto found = configured_.find(name);
  if (found == configured_.end()) return reply(no_peer(name));
  PeerSettings settings = found->second;
  if (settings.paused == paused) return show(name, true, reply);
  settings.paused = paused;
  if (paused) {
    undial(name);
    return store_peer(settings, reply, false);
  }
  dial(settings, std::nullopt, [this, settings, reply](const Result<void>& dialled) {
    if (!dialled) return reply(dialled.error());
    store_peer(settings, reply, false);
  });
}

void PeerService::ping(const std::string& name, handlers::Reply reply) {
  const auto found = std::find_if(live_.begin(), live_.end(),
                                  [&name](const auto& each) { return each.second.name == name; });
  if (found == live_.end()) {
    if (!configured_.contains(name)) return reply(no_peer(name));
    return reply(make_error(ErrorId::kPeerUnreachable, fmt::format("{} is not connected", name)));
  }
  context_.net->post([this, name, connection = found->first, reply = std::move(reply)] {
    hub_->ping(
        connection, kPingTimeout, [name, reply](std::optional<std::chrono::microseconds> time) {
          if (!time) {
            return reply(
                make_error(ErrorId::kPeerUnreachable, fmt::format("{} does not answer", name)));
          }
          reply(Json{{"kind", "Ping"},
                     {"v", 1},
                     {"peer", name},
                     {"rtt_ms", static_cast<double>(time->count()) / 1000.0}});
        });
  });
}

void PeerService::nudge(const std::string& name) {
  context_.net->post([this, name] { hub_->redial(name); });
}

std::vector<std::string> PeerService::addresses() const {
  std::vector<std::string> out;
  if (!context_.config.advertise.empty()) out.push_back(context_.config.advertise);
  const auto place = config::parse_host_port(context_.config.listen);
  if (!place || port_ == 0) return out;
  const bool v6 = place->host.find(':') != std::string::npos;
  out.push_back(fmt::format(fmt::runtime(v6 ? "ws://[{}]:{}" : "ws://{}:{}"), place->host, port_));
  return out;
}

void PeerService::join(const PeerSettings& settings, const DocumentId& catalog,
                       const std::string& token, handlers::Reply reply) {
  if (const auto present = configured_.find(settings.name); present != configured_.end()) {
    if (present->second.url == settings.url && context_.catalog() == catalog) {
      return show(settings.name, true, reply);
    }
    return reply(make_error(ErrorId::kPeerExists,
                            fmt::format("a peer is already called \"{}\"", settings.name),
                            "choose another name with --name"));
  }
  const DocumentId own = context_.catalog();
  const auto job = std::make_shared<JoinJob>();
  job->settings = settings;
  job->catalog = catalog;
  job->reply = std::move(reply);
  job->deadline = context_.clock.steady_now() + kJoinPatience;
  context_.shard_of(own).run(
      [this, own, job, token](handlers::ShardAccess& shard, DocumentExchange&) {
        const auto document = handlers::open_catalog(shard, own);
        Result<bool> busy = document ? Result<bool>(repo::has_names((*document)->now()))
                                     : Result<bool>(document.error());
        context_.control->post([this, own, job, token, busy] {
          if (!busy) return job->reply(busy.error());
          if (*busy && own != job->catalog) {
            return job->reply(
                Error{ErrorCode::kConflict,
                      "this replica already belongs to another workspace with names in it",
                      "doc.exists", "join from a fresh replica, or remove the names first"});
          }
          joining_ = true;
          dial(job->settings, token, [this, job](const Result<void>& dialled) {
            if (!dialled) joining_ = false;
            if (!dialled) return job->reply(dialled.error());
            await_join(job);
          });
        });
      });
}

/// Until the handshake is done, refused, or time is up.
void PeerService::await_join(const std::shared_ptr<JoinJob>& job) {
  const auto up = std::find_if(live_.begin(), live_.end(), [&job](const auto& each) {
    return each.second.info.dialled == job->settings.name;
  });
  if (up != live_.end()) return accept_join(job);
  context_.net->post([this, job] {
    std::string error;
    for (const net::DialStatus& dial : hub_->dials()) {
      if (dial.name == job->settings.name) error = dial.last_error;
    }
    context_.control->post([this, job, error] {
      const bool refused = error.find("invitation") != std::string::npos;
      if (refused || context_.clock.steady_now() >= job->deadline) {
        joining_ = false;
        undial(job->settings.name);
        const std::string why = error.empty() ? "no answer" : error;
        return job->reply(
            refused ? make_error(ErrorId::kAuthDenied, why, "ask for a new invitation")
                    : make_error(ErrorId::kPeerUnreachable,
                                 fmt::format("{} does not answer: {}", job->settings.url, why)));
      }
      context_.control->after(kJoinPoll, [this, job] { await_join(job); });
    });
  });
}

/// The token is used up, so the next connection goes without; by then both sides name one catalog.
void PeerService::accept_join(const std::shared_ptr<JoinJob>& job) {
  const DocumentId own = context_.catalog();
  undial(job->settings.name);
  const auto finish = [this, job] {
    joining_ = false;
    dial(job->settings, std::nullopt, [this, job](const Result<void>& dialled) {
      if (!dialled) return job->reply(dialled.error());
      store_peer(job->settings, job->reply, false);
    });
  };
  if (own == job->catalog) return finish();
  context_.store->put_setting(
      "catalog", to_bytes(job->catalog.bytes),
      [this, job, own, finish](const Result<store::CommitNumber>& done) {
        context_.control->post([this, job, own, finish, done] {
          if (!done) joining_ = false;
          if (!done) return job->reply(done.error());
          context_.set_catalog(job->catalog);
          catalog_changed();
          // Nobody ever saw the empty catalog of a fresh replica; it goes before anything is
          // offered.
          context_.shard_of(own).run([this, own, finish](handlers::ShardAccess& shard,
                                                         DocumentExchange&) {
            shard.repo.remove(
                own, {}, [this, finish](const Result<void>&) { context_.control->post(finish); });
          });
        });
      });
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
  view.digest = live.digest;
  view.documents_compared = progress.compared;
  view.documents_behind = progress.behind + announcer_.remaining(live.info.connection);
  if (view.documents_behind == 0) live.last_sync_ms = context_.clock.wall_now_ms();
  view.last_sync_ms = live.last_sync_ms;
  for (const net::ConnectionStatus& status : connections) {
    if (status.peer.connection != live.info.connection) continue;
    view.sent_messages = status.counters.frames_out;
    view.received_messages = status.counters.frames_in;
    view.sent_bytes = status.counters.bytes_out;
    view.received_bytes = status.counters.bytes_in;
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
    view.state = settings.paused ? "paused" : "connecting";
    for (const net::DialStatus& dial : dials) {
      if (dial.name == name) view.last_error = dial.last_error;
    }
    for (auto& [connection, live] : live_) {
      if (live.name == name) fill_view(view, live, progress[connection], connections);
    }
    if (view.state == "up") view.last_error.clear();
    out.push_back(std::move(view));
  }
  for (auto& [connection, live] : live_) {
    if (configured_.contains(live.name)) continue;
    PeerView view;
    view.name = live.name;
    view.configured = false;
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
          gathering->progress[connection].compared += progress.compared;
          gathering->progress[connection].behind += progress.behind;
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
  if (gossip_due_) return;
  gossip_due_ = true;
  context_.control->after(kGossipDelay, [this] { gossip(); });
}

/// Tells the agents connected what we hold, as a transient message on the catalog: equal digests
/// are what "converged" means. Stock peers that have the catalog open see a message they ignore.
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
  const Json text{{kGossipKey, 1}, {"digest", workspace_digest()}};
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

void PeerService::received_ephemeral(const session::Ephemeral& message) {
  if (message.document != context_.catalog()) return;
  const auto text = as_text(message.data);
  const Json json = Json::from_cbor(text.begin(), text.end(), true, false);
  if (!json.is_object() || !json.contains(kGossipKey)) return;
  const Json digest = json.value("digest", Json());
  if (!digest.is_string()) return;
  for (auto& [connection, live] : live_) {
    if (live.info.peer_id == message.sender) live.digest = digest.get<std::string>();
  }
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
