#include "agent/control/handlers.h"
#include "core/repo/catalog.h"

#include <fmt/format.h>

#include <algorithm>

namespace converge::handlers {

using control::ErrorId;
using control::make_error;

Json to_json(const PeerView& peer) {
  return Json{
      {"kind", "Peer"},
      {"v", 1},
      {"name", peer.name},
      {"url", peer.url.empty() ? Json() : Json(peer.url)},
      {"key", peer.key.empty() ? Json() : Json(peer.key)},
      {"state", peer.state},
      {"policy", peer.policy},
      {"collections", peer.collections},
      {"configured", peer.configured},
      {"documents_behind", peer.documents_behind},
      {"bytes_behind", nullptr},
      {"rtt_ms", nullptr},
      {"last_sync_at", peer.last_sync_ms == 0 ? Json() : Json(format_time(peer.last_sync_ms))},
      {"last_error", peer.last_error.empty() ? Json() : Json(peer.last_error)}};
}

namespace {

Result<PeerSettings> settings_of(const Call& call) {
  PeerSettings settings;
  for (const auto& [name, field] :
       {std::pair{"name", &settings.name}, std::pair{"url", &settings.url},
        std::pair{"key", &settings.key}, std::pair{"rate", &settings.rate}}) {
    const auto value = string_param(call, name);
    if (!value) return value.error();
    *field = *value;
  }
  const auto policy = string_param(call, "policy", "sync");
  const auto collections = strings_param(call, "collections");
  const auto paused = bool_param(call, "paused");
  if (!policy) return policy.error();
  if (!collections) return collections.error();
  if (!paused) return paused.error();
  if (*policy != "sync" && *policy != "pull" && *policy != "push") {
    return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is not a policy", *policy),
                      "the policies are sync, pull and push");
  }
  settings.policy = *policy;
  settings.collections = *collections;
  settings.paused = *paused;
  return settings;
}

Result<void> check_settings(const PeerSettings& settings) {
  const auto valid = repo::check_name(settings.name);
  if (!valid) return valid.error();
  if (!settings.url.starts_with("ws://") && !settings.url.starts_with("wss://")) {
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("\"{}\" is not the address of a peer", settings.url),
                      "write ws://HOST:PORT or wss://HOST:PORT");
  }
  return {};
}

void show(Services& services, const CallPtr& call, const std::string& name) {
  services.peers([call, name](const std::vector<PeerView>& peers) {
    const auto found = std::find_if(peers.begin(), peers.end(), [&name](const PeerView& peer) {
      return peer.name == name || (!peer.key.empty() && peer.key == name);
    });
    if (found == peers.end()) {
      return call->fail(make_error(ErrorId::kPeerNotFound,
                                   fmt::format("no peer is called \"{}\"", name),
                                   "\"syncctl peer ls\" lists them"));
    }
    call->reply(to_json(*found));
  });
}

}  // namespace

void peer_list(Services& services, CallPtr call) {
  services.peers([call](const std::vector<PeerView>& peers) {
    Json items = Json::array();
    for (const PeerView& peer : peers) items.push_back(to_json(peer));
    call->reply(
        Json{{"kind", "PeerList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}});
  });
}

void peer_show(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  show(services, call, *peer);
}

void peer_add(Services& services, CallPtr call) {
  const auto settings = settings_of(*call);
  if (!settings) return call->fail(settings.error());
  const auto valid = check_settings(*settings);
  if (!valid) return call->fail(valid.error());
  services.add_peer(*settings, false,
                    [call](Result<Json> peer) { finish(*call, std::move(peer)); });
}

void peer_set(Services& services, CallPtr call) {
  auto settings = settings_of(*call);
  if (!settings) return call->fail(settings.error());
  const auto peer = string_param(*call, "peer", settings->name);
  if (!peer) return call->fail(peer.error());
  services.peers([&services, call, name = *peer,
                  wanted = *settings](const std::vector<PeerView>& peers) mutable {
    const auto present = std::find_if(peers.begin(), peers.end(), [&name](const PeerView& each) {
      return each.configured && each.name == name;
    });
    if (present == peers.end()) {
      return call->fail(
          make_error(ErrorId::kPeerNotFound, fmt::format("no peer is called \"{}\"", name)));
    }
    wanted.name = name;
    if (!has_param(*call, "url")) wanted.url = present->url;
    if (!has_param(*call, "key")) wanted.key = present->key;
    if (!has_param(*call, "policy")) wanted.policy = present->policy;
    if (!has_param(*call, "collections")) wanted.collections = present->collections;
    if (!has_param(*call, "paused")) wanted.paused = present->state == "paused";
    const auto valid = check_settings(wanted);
    if (!valid) return call->fail(valid.error());
    services.add_peer(wanted, true, [call](Result<Json> done) { finish(*call, std::move(done)); });
  });
}

void peer_rm(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  services.remove_peer(*peer, [call](Result<Json> done) { finish(*call, std::move(done)); });
}

void peer_pause(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  services.pause_peer(*peer, true, [call](Result<Json> done) { finish(*call, std::move(done)); });
}

void peer_resume(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  services.pause_peer(*peer, false, [call](Result<Json> done) { finish(*call, std::move(done)); });
}

void peer_ping(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  services.ping_peer(*peer, [call](Result<Json> done) { finish(*call, std::move(done)); });
}

}  // namespace converge::handlers
