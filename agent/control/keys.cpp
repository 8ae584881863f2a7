#include "agent/control/handlers.h"
#include "agent/control/methods.h"
#include "core/base/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::string_view kPrefix = "SHA256:";
constexpr std::size_t kDigits = 64;
constexpr std::size_t kDigitsMin = 8;  ///< of an abbreviated key

/// What is known of one key.
struct KnownKey {
  std::string fingerprint;  ///< hex
  bool is_own = false;
  bool is_pinned = false;
  bool is_revoked = false;
  std::vector<std::string> peers = {};  ///< that show it or have to
};

Json to_json(const KnownKey& key) {
  const char* state = key.is_revoked  ? "revoked"
                      : key.is_own    ? "own"
                      : key.is_pinned ? "pinned"
                                      : "seen";
  return Json{{"kind", "Key"},
              {"v", 1},
              {"key", std::string(kPrefix) + key.fingerprint},
              {"state", state},
              {"own", key.is_own},
              {"peers", key.peers}};
}

/// This device's key, those of peers (pinned, or of one that came by itself), and those that were
/// revoked, in this order.
std::vector<KnownKey> known_keys(Services& services, const std::vector<PeerView>& peers) {
  std::vector<KnownKey> keys;
  const auto entry = [&keys](const std::string& fingerprint) -> KnownKey& {
    const auto found = std::ranges::find(keys, fingerprint, &KnownKey::fingerprint);
    if (found != keys.end()) return *found;
    return keys.emplace_back(KnownKey{.fingerprint = fingerprint});
  };
  if (const std::string& own = services.facts().fingerprint; !own.empty()) entry(own).is_own = true;
  for (const PeerView& peer : peers) {
    if (!peer.key.starts_with(kPrefix)) continue;
    KnownKey& key = entry(peer.key.substr(kPrefix.size()));
    key.peers.push_back(peer.name);
    key.is_pinned = key.is_pinned || peer.configured;
  }
  for (const std::string& revoked : services.revoked_keys()) entry(revoked).is_revoked = true;
  return keys;
}

Error no_key(const std::string& word) {
  return make_error(ErrorId::kEntryNotFound, fmt::format("no key is known as \"{}\"", word),
                    "\"syncctl key ls\" lists them");
}

/// By "self", a peer's name, or the fingerprint or its beginning. Errors: entry.not_found,
/// usage.argument (several begin so).
Result<KnownKey> find_key(const std::vector<KnownKey>& keys, const std::string& word) {
  for (const KnownKey& key : keys) {
    if (key.is_own && word == "self") return key;
    if (std::ranges::find(key.peers, word) != key.peers.end()) return key;
  }
  const std::string digits = word.starts_with(kPrefix) ? word.substr(kPrefix.size()) : word;
  std::vector<const KnownKey*> matches;
  for (const KnownKey& key : keys) {
    if (digits.size() >= kDigitsMin && key.fingerprint.starts_with(digits)) matches.push_back(&key);
  }
  if (matches.size() > 1) {
    return make_error(ErrorId::kUsageArgument, fmt::format("several keys begin with {}", word),
                      "write more digits");
  }
  if (matches.empty()) return no_key(word);
  return *matches.front();
}

/// A whole fingerprint that nobody here knows can be revoked as well.
Result<KnownKey> find_or_take(const std::vector<KnownKey>& keys, const std::string& word) {
  auto found = find_key(keys, word);
  if (found) return found;
  const std::string digits = word.starts_with(kPrefix) ? word.substr(kPrefix.size()) : word;
  if (digits.size() == kDigits && from_hex(digits)) return KnownKey{.fingerprint = digits};
  return found;
}

Json made_json(const KeyMade& made, bool dry_run) {
  return Json{
      {"kind", "KeyMade"},
      {"v", 1},
      {"key", made.fingerprint.empty() ? Json() : Json(std::string(kPrefix) + made.fingerprint)},
      {"path", made.path.empty() ? Json() : Json(made.path)},
      {"unchanged", made.unchanged},
      {"needs_restart", made.needs_restart},
      {"dry_run", dry_run}};
}

}  // namespace

void key_list(Services& services, CallPtr call) {
  services.peers([&services, call](const std::vector<PeerView>& peers) {
    Json items = Json::array();
    for (const KnownKey& key : known_keys(services, peers)) items.push_back(to_json(key));
    call->reply(
        Json{{"kind", "KeyList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}});
  });
}

void key_show(Services& services, CallPtr call) {
  const auto word = required_string(*call, "key");
  if (!word) return call->fail(word.error());
  services.peers([&services, call, word = *word](const std::vector<PeerView>& peers) {
    const auto key = find_key(known_keys(services, peers), word);
    if (!key) return call->fail(key.error());
    call->reply(to_json(*key));
  });
}

void key_new(Services& services, CallPtr call) {
  const auto name = string_param(*call, "name");
  const auto dry_run = bool_param(*call, "dry_run");
  if (!name) return call->fail(name.error());
  if (!dry_run) return call->fail(dry_run.error());
  if (*dry_run) return call->reply(made_json({}, true));
  const auto made = services.make_key(*name);
  if (!made) return call->fail(made.error());
  call->reply(made_json(*made, false));
}

void key_rotate(Services& services, CallPtr call) {
  const auto dry_run = bool_param(*call, "dry_run");
  if (!dry_run) return call->fail(dry_run.error());
  if (*dry_run) {
    KeyMade wanted;
    wanted.needs_restart = true;
    return call->reply(made_json(wanted, true));
  }
  const auto made = services.rotate_key();
  if (!made) return call->fail(made.error());
  services.log().write(telemetry::Level::kWarn, "key.rotated", "this device has a new key",
                       {{"key", std::string(kPrefix) + made->fingerprint}});
  call->reply(made_json(*made, false));
}

void key_revoke(Services& services, CallPtr call) {
  const auto word = required_string(*call, "key");
  const auto dry_run = bool_param(*call, "dry_run");
  if (!word) return call->fail(word.error());
  if (!dry_run) return call->fail(dry_run.error());
  services.peers(
      [&services, call, word = *word, trial = *dry_run](const std::vector<PeerView>& peers) {
        auto key = find_or_take(known_keys(services, peers), word);
        if (!key) return call->fail(key.error());
        if (key->is_own) {
          return call->fail(make_error(ErrorId::kUsageArgument, "this is this device's own key",
                                       "\"syncctl key rotate\" makes another"));
        }
        key->is_revoked = true;
        if (trial) return call->reply(to_json(*key));
        services.revoke_key(key->fingerprint, true, [call, key = *key](const Result<void>& done) {
          if (!done) return call->fail(done.error());
          call->reply(to_json(key));
        });
      });
}

/// The peer's settings with another key; a key that was revoked is admitted again.
void key_trust(Services& services, CallPtr call) {
  const auto peer = required_string(*call, "peer");
  const auto key = required_string(*call, "key");
  const auto dry_run = bool_param(*call, "dry_run");
  if (!peer) return call->fail(peer.error());
  if (!key) return call->fail(key.error());
  if (!dry_run) return call->fail(dry_run.error());
  const auto pinning = std::make_shared<Call>(*call);
  pinning->row = find_method("peer.set");
  const std::string digits = key->starts_with(kPrefix) ? key->substr(kPrefix.size()) : *key;
  const auto revoked = services.revoked_keys();
  if (*dry_run || std::ranges::find(revoked, digits) == revoked.end())
    return peer_set(services, pinning);
  services.revoke_key(digits, false, [&services, pinning](const Result<void>& done) {
    if (!done) return pinning->fail(done.error());
    peer_set(services, pinning);
  });
}

}  // namespace converge::handlers
