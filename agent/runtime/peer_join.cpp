#include "agent/control/catalog_access.h"
#include "agent/control/invites.h"
#include "agent/runtime/peer_service.h"
#include "core/control/error_table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace converge::runtime {

using control::ErrorId;
using control::make_error;
using handlers::PeerSettings;
using session::ConnectionId;
using telemetry::Level;

namespace {

constexpr std::chrono::milliseconds kJoinPoll{50};
constexpr std::chrono::seconds kJoinPatience{15};
constexpr std::chrono::seconds kJoinPatienceWithOthers{4};  ///< while more addresses wait

}  // namespace

/// An invitation being used: dialled, waiting for the handshake.
struct PeerService::JoinJob {
  PeerSettings settings;
  handlers::Invitation invitation;
  std::size_t next_address = 0;
  handlers::Reply reply;
  std::chrono::steady_clock::time_point deadline;  ///< of the address that is tried now

  bool has_another_address() const { return next_address < invitation.addresses.size(); }
};

void PeerService::join(const PeerSettings& settings, const handlers::Invitation& invitation,
                       bool is_trial, handlers::Reply reply) {
  if (const auto present = configured_.find(settings.name); present != configured_.end()) {
    const bool is_same =
        std::ranges::find(invitation.addresses, present->second.url) != invitation.addresses.end();
    if (is_same && context_.catalog() == invitation.catalog) {
      return show(settings.name, true, reply);
    }
    return reply(make_error(ErrorId::kPeerExists,
                            fmt::format("a peer is already called \"{}\"", settings.name),
                            "choose another name with --name"));
  }
  const auto job = std::make_shared<JoinJob>();
  job->settings = settings;
  job->invitation = invitation;
  job->reply = std::move(reply);
  look_for_names([this, job, is_trial](const Result<bool>& busy) {
    if (!busy) return job->reply(busy.error());
    if (*busy && context_.catalog() != job->invitation.catalog) {
      return job->reply(Error{ErrorCode::kConflict,
                              "this replica already belongs to another workspace with names in it",
                              "doc.exists",
                              "join from a fresh replica, or remove the names first"});
    }
    if (is_trial) {
      handlers::PeerView view;
      view.name = job->settings.name;
      view.url = job->invitation.addresses.front();
      view.key = "SHA256:" + job->invitation.fingerprint;
      view.state = "connecting";
      return job->reply(handlers::to_json(view));
    }
    joining_ = true;
    dial_invitation(job);
  });
}

void PeerService::dial_invitation(const std::shared_ptr<JoinJob>& job) {
  job->settings.url = job->invitation.addresses[job->next_address++];
  job->settings.key.clear();
  // Without TLS there is nothing that would prove a key.
  if (job->settings.url.starts_with("wss://") && !job->invitation.fingerprint.empty()) {
    job->settings.key = "SHA256:" + job->invitation.fingerprint;
  }
  job->deadline = context_.clock.steady_now() +
                  (job->has_another_address() ? kJoinPatienceWithOthers : kJoinPatience);
  dial(job->settings, job->invitation.token, [this, job](const Result<void>& dialled) {
    if (!dialled) joining_ = false;
    if (!dialled) return job->reply(dialled.error());
    await_join(job);
  });
}

/// Whether the own catalog has names. Answers on the control thread.
void PeerService::look_for_names(std::function<void(Result<bool>)> then) {
  const DocumentId own = context_.catalog();
  context_.shard_of(own).run(
      [this, own, then = std::move(then)](handlers::ShardAccess& shard, DocumentExchange&) {
        const auto document = handlers::open_catalog(shard, own);
        const auto busy = document ? Result<bool>(repo::has_names((*document)->now()))
                                   : Result<bool>(document.error());
        context_.control->post([then, busy] { then(busy); });
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
    bool untrusted = false;
    for (const net::DialStatus& dial : hub_->dials()) {
      if (dial.name != job->settings.name) continue;
      error = dial.last_error;
      untrusted = !dial.last_error_id.empty();
    }
    context_.control->post([this, job, error, untrusted] { judge_join(job, error, untrusted); });
  });
}

/// Goes on waiting, or with the next address, or gives up.
void PeerService::judge_join(const std::shared_ptr<JoinJob>& job, const std::string& error,
                             bool untrusted) {
  const bool refused = error.find("invitation") != std::string::npos;
  const bool is_late = context_.clock.steady_now() >= job->deadline;
  const bool goes_on = job->has_another_address() && !error.empty() && !refused;
  if (!untrusted && !refused && !is_late && !goes_on) {
    return context_.control->after(kJoinPoll, [this, job] { await_join(job); });
  }
  undial(job->settings.name);
  if (job->has_another_address() && !refused) return dial_invitation(job);
  joining_ = false;
  if (untrusted) {
    return job->reply(
        make_error(ErrorId::kPeerUntrusted, error,
                   "somebody else answers at that address; ask for a new invitation"));
  }
  const std::string why = error.empty() ? "no answer" : error;
  if (refused) return job->reply(make_error(ErrorId::kAuthDenied, why, "ask for a new invitation"));
  job->reply(make_error(ErrorId::kPeerUnreachable,
                        fmt::format("{} does not answer: {}", job->settings.url, why)));
}

/// The token is used up, so the next connection goes without; by then both sides name one catalog.
void PeerService::accept_join(const std::shared_ptr<JoinJob>& job) {
  undial(job->settings.name);
  adopt(job->invitation.catalog, [this, job](const Result<void>& adopted) {
    joining_ = false;
    if (!adopted) return job->reply(adopted.error());
    remember(job->settings);
    dial(job->settings, std::nullopt, [this, job](const Result<void>& dialled) {
      if (!dialled) return job->reply(dialled.error());
      store_peer(job->settings, job->reply, false);
    });
  });
}

/// Makes the catalog ours, in the place of one without names. Answers on the control thread.
void PeerService::adopt(const DocumentId& catalog, std::function<void(Result<void>)> done) {
  const DocumentId own = context_.catalog();
  if (own == catalog) return done({});
  context_.store->put_setting(
      "catalog", to_bytes(catalog.bytes),
      [this, own, catalog, done](const Result<store::CommitNumber>& stored) {
        context_.control->post([this, own, catalog, done, stored] {
          if (!stored) return done(stored.error());
          context_.set_catalog(catalog);
          // Nobody ever saw the empty catalog of a fresh replica; it goes before anything is
          // offered.
          context_.shard_of(own).run(
              [this, own, done](handlers::ShardAccess& shard, DocumentExchange&) {
                shard.repo.remove(own, {}, [this, done](const Result<void>&) {
                  context_.control->post([this, done] {
                    catalog_changed();
                    done({});
                  });
                });
              });
        });
      });
}

/// `peer add` on both sides is the long way to join: a replica without names takes over the catalog
/// of the agent that it was told of. One with names keeps its own, and status says why nothing is
/// shared.
void PeerService::consider_adopting(ConnectionId connection) {
  const auto found = live_.find(connection);
  if (found == live_.end() || joining_) return;
  const auto& extension = found->second.info.metadata.extension;
  const auto theirs =
      extension && extension->catalog ? DocumentId::parse(*extension->catalog) : std::nullopt;
  const auto settings = configured_.find(found->second.name);
  const bool takes = settings != configured_.end() && settings->second.policy != "push";
  const bool is_shared = std::any_of(live_.begin(), live_.end(), [](const auto& each) {
    return each.second.is_agent && !each.second.is_foreign;
  });
  if (!theirs || !takes || is_shared) return;
  joining_ = true;
  look_for_names([this, theirs = *theirs, name = found->second.name](const Result<bool>& busy) {
    if (!busy || *busy) {
      joining_ = false;
      context_.log.write(Level::kWarn, "peer.workspace", "the peer belongs to another workspace",
                         {{"peer", name}});
      return;
    }
    context_.log.write(Level::kInfo, "workspace.adopted", "taking over the peer's workspace",
                       {{"peer", name}, {"catalog", theirs.to_url()}});
    adopt(theirs, [this](const Result<void>&) { joining_ = false; });
  });
}

}  // namespace converge::runtime
