#include "agent/runtime/endpoint.h"
#include "agent/runtime/peer_records.h"
#include "agent/runtime/peer_service.h"
#include "core/control/error_table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace converge::runtime {

using control::ErrorId;
using control::make_error;
using Json = nlohmann::json;
using handlers::PeerSettings;
using handlers::PeerView;
using telemetry::Level;

namespace {

constexpr std::chrono::milliseconds kPingTimeout{5'000};
constexpr const char* kRevokedPrefix = "revoked/";

Error no_peer(const std::string& name) {
  return make_error(ErrorId::kPeerNotFound, fmt::format("no peer is called \"{}\"", name),
                    "\"syncctl peer ls\" lists them");
}

}  // namespace

void PeerService::dial(const PeerSettings& settings, std::optional<std::string> token,
                       std::function<void(Result<void>)> done) {
  context_.net->post([this, settings, token = std::move(token), done = std::move(done)] {
    net::PeerHub::DialOptions options;
    options.name = settings.name;
    options.url = settings.url;
    options.fingerprint = bare_fingerprint(settings.key);
    options.invite = token;
    auto result = hub_->dial(options);
    context_.control->post([done, result = std::move(result)] { done(result); });
  });
}

void PeerService::undial(const std::string& name) {
  context_.net->post([this, name] { hub_->undial(name); });
}

/// Whatever it sends next is judged by what is set now.
void PeerService::close_incoming(const std::string& name, const std::string& why) {
  for (const auto& [connection, live] : live_) {
    if (live.name == name) close(connection, session::CloseCode::kNormal, why);
  }
}

void PeerService::add(const PeerSettings& settings, bool replace, handlers::Reply reply) {
  if (!settings.rate.empty()) {
    if (const auto rate = parse_rate(settings.rate); !rate) return reply(rate.error());
  }
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
    close_incoming(settings.name, "its settings changed");
  }
  remember(settings);  // before the first handshake
  // It may have called before anybody here knew its key.
  for (const auto& [connection, live] : live_) {
    const bool is_it = live.info.dialled.empty() && !live.info.fingerprint.empty() &&
                       live.info.fingerprint == bare_fingerprint(settings.key);
    if (is_it) close(connection, session::CloseCode::kNormal, "known by another name now");
  }
  if (settings.paused || settings.url.empty()) return store_peer(settings, std::move(reply), false);
  dial(settings, std::nullopt,
       [this, settings, reply = std::move(reply)](const Result<void>& dialled) {
         if (!dialled) forget(settings.name);
         if (!dialled) return reply(dialled.error());
         store_peer(settings, reply, false);
       });
}

void PeerService::store_peer(const PeerSettings& settings, handlers::Reply reply, bool unchanged) {
  configured_[settings.name] = settings;
  remember(settings);
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
  forget(name);
  undial(name);
  close_incoming(name, "not a peer any more");
  context_.store->remove_peer(peer_key_of(name),
                              [reply, view](const Result<store::CommitNumber>& done) {
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
  remember(settings);
  if (paused) {
    undial(name);
    close_incoming(name, "paused here");
    return store_peer(settings, reply, false);
  }
  if (settings.url.empty()) return store_peer(settings, reply, false);
  dial(settings, std::nullopt, [this, settings, reply](const Result<void>& dialled) {
    if (!dialled) return reply(dialled.error());
    store_peer(settings, reply, false);
  });
}

void PeerService::revoke(const std::string& fingerprint, bool revoked,
                         std::function<void(Result<void>)> done) {
  context_.revoked.set(fingerprint, revoked);  // at once, before it is durable
  if (revoked) {
    for (const auto& [connection, live] : live_) {
      if (live.info.fingerprint == fingerprint)
        close(connection, session::CloseCode::kForbidden, "this key is revoked here");
    }
  }
  const auto value =
      revoked ? std::optional(to_bytes(as_bytes(std::string_view("1")))) : std::nullopt;
  context_.store->put_setting(
      kRevokedPrefix + fingerprint, value,
      [this, done = std::move(done)](const Result<store::CommitNumber>& stored) {
        const Result<void> result = stored ? Result<void>{} : Result<void>(stored.error());
        context_.control->post([done, result] { done(result); });
      });
}

void PeerService::load_revoked() {
  const auto settings = context_.store->settings(kRevokedPrefix);
  if (!settings)
    return context_.log.write(Level::kError, "keys.unreadable", settings.error().message);
  for (const auto& [name, value] : *settings) {
    context_.revoked.set(name.substr(std::string_view(kRevokedPrefix).size()), true);
  }
}

void PeerService::ping(const std::string& name, handlers::Reply reply) {
  const Live* live = find_live(name, reply);
  if (live == nullptr) return;
  context_.net->post([this, name, connection = live->info.connection, reply = std::move(reply)] {
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

void PeerService::heads(const std::string& name, handlers::PeerHeadsReply reply) {
  const Live* live = find_live(name, reply);
  if (live == nullptr) return;
  struct Gathering {
    handlers::PeerHeads heads;
    std::size_t missing = 0;
  };
  const session::ConnectionId connection = live->info.connection;
  const auto gathering = std::make_shared<Gathering>();
  // Of a peer that may not have everything nothing can be said beyond what it says itself.
  gathering->heads.is_complete = live->announce && !live->is_limited && !live->limits_us &&
                                 announcer_.remaining(connection) == 0;
  gathering->missing = context_.shards.size();
  for (const auto& shard : context_.shards) {
    shard->run([this, connection, gathering, reply](handlers::ShardAccess&,
                                                    DocumentExchange& exchange) {
      context_.control->post([gathering, reply, here = exchange.peer_heads(connection)]() mutable {
        gathering->heads.documents.merge(here);
        if (--gathering->missing == 0) reply(std::move(gathering->heads));
      });
    });
  }
}

/// The peer of this name if it is connected; else null, and `refuse` is told why it is not.
const PeerService::Live* PeerService::find_live(const std::string& name,
                                                const std::function<void(Error)>& refuse) {
  for (const auto& [connection, live] : live_) {
    if (live.name == name) return &live;
  }
  configured_.contains(name) ? explain_away(name, refuse) : refuse(no_peer(name));
  return nullptr;
}

/// Why a configured peer is not connected.
void PeerService::explain_away(const std::string& name, const std::function<void(Error)>& refuse) {
  list([name, refuse](const std::vector<PeerView>& peers) {
    PeerView away;
    away.name = name;
    for (const PeerView& peer : peers) {
      if (peer.name == name) away = peer;
    }
    refuse(handlers::why_away(away));
  });
}

void PeerService::nudge(const std::string& name) {
  context_.net->post([this, name] { hub_->redial(name); });
}

std::vector<std::string> PeerService::addresses() const { return urls_of(context_.config, port_); }

}  // namespace converge::runtime
