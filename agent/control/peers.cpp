#include "agent/control/handlers.h"
#include "core/base/bytes.h"
#include "core/base/suggest.h"
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
      {"rate", peer.rate.empty() ? Json() : Json(peer.rate)},
      {"configured", peer.configured},
      {"documents_behind", peer.documents_behind},
      {"bytes_behind", peer.bytes_behind ? Json(*peer.bytes_behind) : Json()},
      {"rtt_ms", peer.rtt_ms ? Json(*peer.rtt_ms) : Json()},
      {"last_sync_at", peer.last_sync_ms == 0 ? Json() : Json(format_time(peer.last_sync_ms))},
      {"last_error", peer.last_error.empty() ? Json() : Json(peer.last_error)},
      {"untrusted", peer.is_untrusted},
      {"foreign", peer.is_foreign}};
}

Error no_peer(const std::string& name, const std::vector<PeerView>& peers) {
  Error error = make_error(ErrorId::kPeerNotFound, fmt::format("no peer is called \"{}\"", name),
                           "\"syncctl peer ls\" lists them");
  error.subject = name;
  std::vector<std::string> names;
  for (const PeerView& peer : peers) names.push_back(peer.name);
  if (const auto near = nearest(name, names)) {
    error.hint = fmt::format("did you mean \"{}\"?", *near);
    error.candidates = {*near};
  }
  return error;
}

Error why_away(const PeerView& peer) {
  if (peer.state == "paused") {
    return make_error(ErrorId::kPeerUnreachable, fmt::format("{} is paused", peer.name),
                      fmt::format("\"syncctl peer resume {}\" lets it come", peer.name));
  }
  const std::string why =
      peer.last_error.empty() ? "is not connected" : "is not connected: " + peer.last_error;
  return make_error(peer.is_untrusted ? ErrorId::kPeerUntrusted : ErrorId::kPeerUnreachable,
                    fmt::format("{} {}", peer.name, why));
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

/// "SHA256:" and 64 hex digits, or the digits alone; kept with the prefix and in lower case.
Result<std::string> checked_key(const PeerSettings& settings) {
  constexpr std::string_view kPrefix = "SHA256:";
  constexpr std::size_t kDigits = 64;
  if (settings.key.empty()) return settings.key;
  std::string digits = settings.key;
  if (digits.starts_with(kPrefix)) digits.erase(0, kPrefix.size());
  std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (digits.size() != kDigits || !from_hex(digits)) {
    return make_error(ErrorId::kUsageArgument, "the key is not SHA256: and 64 hex digits",
                      "\"syncctl status -o json\" on the peer shows it as agent.key");
  }
  if (!settings.url.empty() && !settings.url.starts_with("wss://")) {
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("{} cannot prove a key: there is no TLS", settings.url),
                      "write wss://HOST:PORT, or leave the key out");
  }
  return std::string(kPrefix) + digits;
}

Result<void> check_settings(PeerSettings& settings) {
  const auto valid = repo::check_name(settings.name);
  if (!valid) return valid.error();
  // A peer that only calls us is known by its key alone.
  const bool is_caller = settings.url.empty() && !settings.key.empty();
  if (!is_caller && !settings.url.starts_with("ws://") && !settings.url.starts_with("wss://")) {
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("\"{}\" is not the address of a peer", settings.url),
                      "write ws://HOST:PORT or wss://HOST:PORT");
  }
  auto key = checked_key(settings);
  if (!key) return key.error();
  settings.key = std::move(*key);
  return {};
}

void show(Services& services, const CallPtr& call, const std::string& name) {
  services.peers([call, name](const std::vector<PeerView>& peers) {
    const auto found = std::find_if(peers.begin(), peers.end(), [&name](const PeerView& peer) {
      return peer.name == name || (!peer.key.empty() && peer.key == name);
    });
    if (found == peers.end()) {
      return call->fail(no_peer(name, peers));
    }
    call->reply(to_json(*found));
  });
}

/// Whatever is not plainly false is taken for a trial: it does less harm.
bool is_trial(const Call& call) { return bool_param(call, "dry_run").value_or(true); }

/// What a trial would answer: the peer as it is, or as it would be.
void answer_trial(Services& services, const CallPtr& call, const std::string& name,
                  const PeerSettings* wanted) {
  PeerView view;
  if (wanted != nullptr) {
    view.name = wanted->name;
    view.url = wanted->url;
    view.key = wanted->key;
    view.policy = wanted->policy;
    view.collections = wanted->collections;
    view.rate = wanted->rate;
    view.state = wanted->paused ? "paused" : "connecting";
    return call->reply(to_json(view));
  }
  show(services, call, name);
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
  auto settings = settings_of(*call);
  if (!settings) return call->fail(settings.error());
  const auto valid = check_settings(*settings);
  if (!valid) return call->fail(valid.error());
  if (is_trial(*call)) return answer_trial(services, call, settings->name, &*settings);
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
      return call->fail(no_peer(name, peers));
    }
    wanted.name = name;
    if (!has_param(*call, "url")) wanted.url = present->url;
    if (!has_param(*call, "key")) wanted.key = present->key;
    if (!has_param(*call, "policy")) wanted.policy = present->policy;
    if (!has_param(*call, "collections")) wanted.collections = present->collections;
    if (!has_param(*call, "rate")) wanted.rate = present->rate;
    if (!has_param(*call, "paused")) wanted.paused = present->state == "paused";
    const auto valid = check_settings(wanted);
    if (!valid) return call->fail(valid.error());
    if (is_trial(*call)) return answer_trial(services, call, wanted.name, &wanted);
    services.add_peer(wanted, true, [call](Result<Json> done) { finish(*call, std::move(done)); });
  });
}

void peer_rm(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  if (is_trial(*call)) return answer_trial(services, call, *peer, nullptr);
  services.remove_peer(*peer, [call](Result<Json> done) { finish(*call, std::move(done)); });
}

void peer_pause(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  if (is_trial(*call)) return answer_trial(services, call, *peer, nullptr);
  services.pause_peer(*peer, true, [call](Result<Json> done) { finish(*call, std::move(done)); });
}

void peer_resume(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  if (is_trial(*call)) return answer_trial(services, call, *peer, nullptr);
  services.pause_peer(*peer, false, [call](Result<Json> done) { finish(*call, std::move(done)); });
}

void peer_ping(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  if (!peer) return call->fail(peer.error());
  services.ping_peer(*peer, [call](Result<Json> done) { finish(*call, std::move(done)); });
}

}  // namespace converge::handlers
