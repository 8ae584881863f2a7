#include "agent/control/invites.h"

#include "agent/control/handlers.h"
#include "core/codec/sha256.h"
#include "core/control/json_text.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::string_view kPrefix = "converge-invite:";
constexpr std::size_t kInvitationBytesMax = 4096;
constexpr std::uint64_t kLifeMs = 15 * 60 * 1000;
constexpr std::uint64_t kLifeMsMax = std::uint64_t{30} * 24 * 3600 * 1000;
constexpr std::size_t kTokenBytes = 32;

std::string to_base64url(std::string text) {
  std::string out = verbs::to_base64(as_bytes(text));
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  out.erase(out.find_last_not_of('=') + 1);
  return out;
}

std::optional<Bytes> from_base64url(std::string text) {
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return verbs::from_base64(text);
}

Error not_an_invitation() {
  return make_error(ErrorId::kUsageArgument, "this is not an invitation",
                    "paste the whole line that \"syncctl invite\" printed");
}

}  // namespace

std::string encode_invitation(const Invitation& invitation) {
  const Json json{{"a", invitation.addresses}, {"c", invitation.catalog.to_base58()},
                  {"n", invitation.name},      {"k", invitation.fingerprint},
                  {"t", invitation.token},     {"e", invitation.expires_ms}};
  return std::string(kPrefix) + to_base64url(control::to_compact(json));
}

Result<Invitation> decode_invitation(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  if (!text.starts_with(kPrefix) || text.size() > kInvitationBytesMax) return not_an_invitation();
  const auto bytes = from_base64url(std::string(text.substr(kPrefix.size())));
  if (!bytes) return not_an_invitation();
  const Json json = Json::parse(as_text(*bytes), nullptr, false);
  if (!json.is_object()) return not_an_invitation();
  const Json addresses = json.value("a", Json());
  const Json catalog = json.value("c", Json());
  const Json name = json.value("n", Json());
  const Json key = json.value("k", Json());
  const Json token = json.value("t", Json());
  const Json expires = json.value("e", Json());
  const bool well_formed = addresses.is_array() && !addresses.empty() && catalog.is_string() &&
                           name.is_string() && key.is_string() && token.is_string() &&
                           expires.is_number_integer();
  if (!well_formed) return not_an_invitation();
  Invitation invitation;
  for (const Json& address : addresses) {
    if (!address.is_string()) return not_an_invitation();
    invitation.addresses.push_back(address.get<std::string>());
  }
  const auto id = DocumentId::parse(catalog.get<std::string>());
  if (!id) return not_an_invitation();
  invitation.catalog = *id;
  invitation.name = name.get<std::string>();
  invitation.fingerprint = key.get<std::string>();
  invitation.token = token.get<std::string>();
  invitation.expires_ms = expires.get<std::int64_t>();
  return invitation;
}

std::string invitation_key(std::string_view token) {
  return "invite/" + to_hex(codec::sha256(as_bytes(token)));
}

std::string encode_terms(const InvitationTerms& terms) {
  return control::to_compact(
      Json{{"e", terms.expires_ms}, {"c", terms.collections}, {"r", terms.read_only}});
}

std::optional<InvitationTerms> decode_terms(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const Json expires = json.value("e", Json());
  const Json collections = json.value("c", Json());
  const Json read_only = json.value("r", Json());
  const bool well_formed =
      expires.is_number_integer() && collections.is_array() && read_only.is_boolean() &&
      std::all_of(collections.begin(), collections.end(),
                  [](const Json& collection) { return collection.is_string(); });
  if (!well_formed) return std::nullopt;
  return InvitationTerms{.expires_ms = expires.get<std::int64_t>(),
                         .collections = collections.get<std::vector<std::string>>(),
                         .read_only = read_only.get<bool>()};
}

void invite_create(Services& services, CallPtr call) {
  const auto life = number_param(*call, "expires_ms", kLifeMs);
  const auto collections = strings_param(*call, "collections");
  const auto read_only = bool_param(*call, "read");
  if (!life) return call->fail(life.error());
  if (!collections) return call->fail(collections.error());
  if (!read_only) return call->fail(read_only.error());
  if (*life == 0 || *life > kLifeMsMax) {
    return call->fail(
        make_error(ErrorId::kUsageArgument, "an invitation lives between 1 ms and 30 days"));
  }
  Invitation invitation;
  invitation.addresses = services.addresses();
  if (invitation.addresses.empty()) {
    return call->fail(Error{ErrorCode::kUnavailable,
                            "this agent listens nowhere, so nobody can join it", "peer.unreachable",
                            "set listen.address in syncd.toml, or start syncd with --listen"});
  }
  std::array<std::byte, kTokenBytes> secret{};
  services.random().fill(secret);
  invitation.catalog = services.catalog();
  invitation.name = services.facts().peer_id;
  invitation.fingerprint = services.facts().fingerprint;
  invitation.token = to_hex(secret);
  invitation.expires_ms = services.clock().wall_now_ms() + static_cast<std::int64_t>(*life);
  const Json result{{"kind", "Invite"},
                    {"v", 1},
                    {"invite", encode_invitation(invitation)},
                    {"expires_at", format_time(invitation.expires_ms)}};
  const InvitationTerms terms{
      .expires_ms = invitation.expires_ms, .collections = *collections, .read_only = *read_only};
  if (terms.is_limited() && !invitation.addresses.front().starts_with("wss://")) {
    return call->fail(Error{ErrorCode::kUnavailable,
                            "a limited invitation needs TLS, by which the peer is known later",
                            "key.missing", "set listen.tls to auto or on"});
  }
  services.expect_invitation(invitation_key(invitation.token), terms);
  services.store().put_setting(invitation_key(invitation.token),
                               to_bytes(as_bytes(encode_terms(terms))),
                               [call, result](const Result<store::CommitNumber>& done) {
                                 if (!done) return call->fail(done.error());
                                 call->reply(result);
                               });
}

void invite_join(Services& services, CallPtr call) {
  const auto text = required_string(*call, "invite");
  const auto name = string_param(*call, "name");
  const auto dry_run = bool_param(*call, "dry_run");
  if (!text) return call->fail(text.error());
  if (!name) return call->fail(name.error());
  if (!dry_run) return call->fail(dry_run.error());
  const auto invitation = decode_invitation(*text);
  if (!invitation) return call->fail(invitation.error());
  if (invitation->expires_ms <= services.clock().wall_now_ms()) {
    return call->fail(
        Error{ErrorCode::kDenied,
              fmt::format("the invitation expired at {}", format_time(invitation->expires_ms)),
              "auth.denied", "ask for a new one"});
  }
  PeerSettings settings;
  settings.name = name->empty() ? invitation->name : *name;
  services.join(settings, *invitation, *dry_run,
                [call](Result<Json> peer) { finish(*call, std::move(peer)); });
}

}  // namespace converge::handlers
