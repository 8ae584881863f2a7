#include "agent/control/handlers.h"
#include "agent/control/receipt_revisions.h"
#include "agent/control/resolve.h"
#include "agent/control/shard_document.h"
#include "core/control/json_text.h"
#include "core/verbs/pointer.h"
#include "core/verbs/read.h"
#include "core/verbs/revision.h"
#include "core/verbs/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollInterval{50};
constexpr std::uint64_t kDefaultTimeoutMs = 30'000;

/// What one look at a condition found: nothing missing, or what.
using Missing = std::optional<std::string>;
using Condition = std::function<void(std::function<void(Result<Missing>)>)>;

/// Looks again and again until nothing is missing or time is up. Control thread.
struct Poll : std::enable_shared_from_this<Poll> {
  Services& services;
  CallPtr call;
  Condition look;
  Clock::time_point deadline;
  std::function<void()> met;

  Poll(Services& all, CallPtr request) : services(all), call(std::move(request)) {}

  void run() {
    look([self = shared_from_this()](Result<Missing> found) {
      self->services.on_control([self, found = std::move(found)] { self->judge(found); });
    });
  }

  void judge(const Result<Missing>& found) {
    if (!found) return call->fail(found.error());
    if (!*found) return met();
    const auto left = deadline - services.clock().steady_now();
    if (left <= Clock::duration::zero()) {
      return call->fail(make_error(ErrorId::kTimeout, fmt::format("time is up: {}", **found)));
    }
    // The last look is at the end, not behind it: the caller waits hardly any longer.
    const auto pause = std::min<Clock::duration>(kPollInterval, left);
    services.after(std::chrono::ceil<std::chrono::milliseconds>(pause),
                   [self = shared_from_this()] { self->run(); });
  }
};

void poll(Services& services, const CallPtr& call, std::uint64_t timeout_ms, Condition look,
          std::function<void()> met) {
  const auto job = std::make_shared<Poll>(services, call);
  job->look = std::move(look);
  // 0 is "no limit" on the command line; a year is as good.
  constexpr std::uint64_t kYearMs = 31'536'000'000;
  const std::uint64_t bounded = timeout_ms == 0 ? kYearMs : std::min(timeout_ms, kYearMs);
  job->deadline = services.clock().steady_now() + std::chrono::milliseconds(bounded);
  job->met = std::move(met);
  job->run();
}

enum class Goal { kSynced, kConverged, kIdle };

/// What keeps this peer from the goal.
Missing missing_of(const PeerView& peer, Goal goal, const std::string& own_digest) {
  if (goal == Goal::kIdle) {
    if (peer.state == "up" && peer.documents_behind > 0) {
      return fmt::format("{} documents are under way with {}", peer.documents_behind, peer.name);
    }
    return std::nullopt;
  }
  if (peer.state != "up") {
    return fmt::format("{} is {}{}", peer.name, peer.state,
                       peer.last_error.empty() ? "" : ": " + peer.last_error);
  }
  if (peer.is_foreign) return fmt::format("{} belongs to another workspace", peer.name);
  if (peer.documents_behind > 0) {
    return fmt::format("{} documents differ from {}", peer.documents_behind, peer.name);
  }
  // Who may not have everything never has the same.
  const bool must_compare = (peer.is_agent && !peer.is_limited) || goal == Goal::kConverged;
  if (must_compare && peer.digest != own_digest) {
    return fmt::format("{} {}", peer.name,
                       peer.digest.empty() ? "has not told its digest" : "has another digest");
  }
  return std::nullopt;
}

/// Peers that the condition is about: the named ones, else the configured ones and those connected.
Result<std::vector<PeerView>> chosen(const std::vector<PeerView>& peers,
                                     const std::vector<std::string>& names) {
  std::vector<PeerView> out;
  for (const PeerView& peer : peers) {
    const bool wanted = std::find(names.begin(), names.end(), peer.name) != names.end();
    const bool is_caller = peer.url.empty() && peer.state != "up";  // nobody here can call it
    const bool usual = peer.state != "paused" && !is_caller && (peer.configured || peer.is_agent);
    if (names.empty() ? usual : wanted) out.push_back(peer);
  }
  for (const std::string& name : names) {
    const auto found = std::find_if(peers.begin(), peers.end(),
                                    [&name](const PeerView& peer) { return peer.name == name; });
    if (found == peers.end()) {
      return no_peer(name, peers);
    }
  }
  return out;
}

Condition look_at_peers(Services& services, std::vector<std::string> names, Goal goal) {
  return [&services, names = std::move(names), goal](std::function<void(Result<Missing>)> report) {
    services.peers(
        [&services, names, goal, report = std::move(report)](const std::vector<PeerView>& peers) {
          const auto wanted = chosen(peers, names);
          if (!wanted) return report(wanted.error());
          const std::string digest = services.workspace_digest();
          for (const PeerView& peer : *wanted) {
            if (const auto missing = missing_of(peer, goal, digest)) return report(missing);
          }
          report(Missing{});
        });
  };
}

/// A condition on one document's content.
Condition look_at_document(
    Services& services, std::string doc,
    std::function<Result<Missing>(ShardAccess&, const Target&, const engine::Document&)> judge) {
  return [&services, doc = std::move(doc),
          judge = std::move(judge)](std::function<void(Result<Missing>)> report) {
    const auto target = resolve_document(services.store(), doc);
    if (!target) {
      if (target.error().id == "doc.not_found") return report(Missing{target.error().message});
      return report(target.error());
    }
    services.on_shard(target->id, [target = *target, judge, report](ShardAccess& shard) {
      const auto document = shard.repo.open(target.id);
      if (!document) {
        const Error error = name_the_document(document.error(), target);
        if (error.code == ErrorCode::kNotFound) return report(Missing{error.message});
        return report(error);
      }
      const auto missing = judge(shard, target, **document);
      shard.repo.when_durable(target.id, [report, missing](Result<void> released) {
        released ? report(missing) : report(released.error());
      });
    });
  };
}

Condition look_for_heads(Services& services, const std::string& doc, const std::string& rev) {
  return look_at_document(services, doc,
                          [rev](ShardAccess& shard, const Target& target,
                                const engine::Document& document) -> Result<Missing> {
                            const ReceiptRevisions revisions(shard.store, shard.clock, target.id,
                                                             document);
                            const auto heads = verbs::resolve_revision(document, rev, &revisions);
                            if (!heads && heads.error().id == "rev.not_found")
                              return Missing{heads.error().message};
                            if (!heads) return heads.error();
                            return Missing{};  // every change named is here
                          });
}

Result<Condition> look_for_value(Services& services, const std::string& doc,
                                 const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return make_error(ErrorId::kUsageArgument,
                      fmt::format("\"value={}\" is not value=POINTER=VALUE", text));
  }
  const auto pointer = verbs::Pointer::parse(text.substr(0, equals));
  if (!pointer) return pointer.error();
  const auto value = control::parse_json(text.substr(equals + 1), "the value");
  if (!value) return value.error();
  return look_at_document(
      services, doc,
      [pointer = *pointer, value = *value](ShardAccess&, const Target&,
                                           const engine::Document& document) -> Result<Missing> {
        for (const verbs::Form form : {verbs::Form::kPlain, verbs::Form::kTyped}) {
          verbs::GetOptions options;
          options.form = form;
          const auto present = verbs::get(document, pointer, options);
          if (!present) return Missing{present.error().message};
          if (*present == value) return Missing{};
        }
        return Missing{fmt::format("{} holds another value", pointer.text())};
      });
}

Json report_of(const PeerView& peer, std::int64_t elapsed_ms, const PeerView* before) {
  const PeerView none;
  const PeerView& start = before == nullptr ? none : *before;
  // Counted from zero when it connected again meanwhile.
  const auto since = [&](std::uint64_t PeerView::*count) {
    return peer.*count >= start.*count ? peer.*count - start.*count : peer.*count;
  };
  const std::uint64_t bytes_out = since(&PeerView::sent_bytes);
  const std::uint64_t bytes_in = since(&PeerView::received_bytes);
  return Json{{"kind", "SyncReport"},
              {"v", 1},
              {"peer", peer.name},
              {"state", peer.state},
              {"compared_documents", peer.documents_compared},
              {"differing_documents", start.documents_behind},
              {"sent", {{"changes", since(&PeerView::changes_sent)}, {"bytes", bytes_out}}},
              {"received", {{"changes", since(&PeerView::changes_received)}, {"bytes", bytes_in}}},
              {"round_trips", since(&PeerView::round_trips)},
              {"messages", since(&PeerView::sent_messages) + since(&PeerView::received_messages)},
              {"wire_bytes", bytes_out + bytes_in},
              {"remaining_documents", peer.documents_behind},
              {"elapsed_ms", elapsed_ms}};
}

}  // namespace

void sync_wait(Services& services, CallPtr call) {
  const auto condition = required_string(*call, "for");
  const auto doc = string_param(*call, "doc");
  const auto peers = strings_param(*call, "peer");
  const auto timeout = number_param(*call, "timeout_ms", kDefaultTimeoutMs);
  if (!condition) return call->fail(condition.error());
  if (!doc) return call->fail(doc.error());
  if (!peers) return call->fail(peers.error());
  if (!timeout) return call->fail(timeout.error());
  const auto met = [call, condition = *condition] {
    call->reply(Json{{"kind", "Wait"}, {"v", 1}, {"condition", condition}, {"met", true}});
  };
  if (*condition == "ready") return met();
  if (*condition == "durable") {
    return services.store().sync([call, met](const Result<store::CommitNumber>& done) {
      done ? met() : call->fail(done.error());
    });
  }
  Condition look;
  if (*condition == "synced") look = look_at_peers(services, *peers, Goal::kSynced);
  if (*condition == "converged") look = look_at_peers(services, *peers, Goal::kConverged);
  if (*condition == "idle") look = look_at_peers(services, *peers, Goal::kIdle);
  const bool about_document = condition->starts_with("heads=") || condition->starts_with("value=");
  if (about_document && doc->empty()) {
    return call->fail(
        make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" needs a document", *condition)));
  }
  if (condition->starts_with("heads=")) look = look_for_heads(services, *doc, condition->substr(6));
  if (condition->starts_with("value=")) {
    auto made = look_for_value(services, *doc, condition->substr(6));
    if (!made) return call->fail(made.error());
    look = std::move(*made);
  }
  if (!look) {
    return call->fail(make_error(ErrorId::kUsageArgument,
                                 fmt::format("\"{}\" is not a condition", *condition),
                                 "the conditions are ready, durable, synced, converged, idle, "
                                 "heads=REV and value=POINTER=VALUE"));
  }
  for (const std::string& peer : *peers) services.nudge_peer(peer);
  poll(services, call, *timeout, std::move(look), met);
}

void sync_now(Services& services, CallPtr call) {
  const auto names = strings_param(*call, "peers");
  const auto wait = bool_param(*call, "wait");
  const auto dry_run = bool_param(*call, "dry_run");
  const auto timeout = number_param(*call, "timeout_ms", kDefaultTimeoutMs);
  if (!names) return call->fail(names.error());
  if (!wait) return call->fail(wait.error());
  if (!dry_run) return call->fail(dry_run.error());
  if (!timeout) return call->fail(timeout.error());
  const auto started = services.clock().steady_now();
  services.peers([&services, call, names = *names, wait = *wait, dry_run = *dry_run,
                  timeout = *timeout, started](const std::vector<PeerView>& peers) {
    const auto before = chosen(peers, names);
    if (!before) return call->fail(before.error());
    const auto answer = [&services, call, names, started, before = *before] {
      services.peers([&services, call, names, started, before](const std::vector<PeerView>& now) {
        const auto after = chosen(now, names);
        if (!after) return call->fail(after.error());
        const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
            services.clock().steady_now() - started);
        Json items = Json::array();
        for (const PeerView& peer : *after) {
          const auto start =
              std::find_if(before.begin(), before.end(),
                           [&peer](const PeerView& each) { return each.name == peer.name; });
          items.push_back(
              report_of(peer, elapsed.count(), start == before.end() ? nullptr : &*start));
        }
        call->reply(Json{
            {"kind", "SyncReportList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}});
      });
    };
    if (dry_run) return answer();
    for (const PeerView& peer : *before) services.nudge_peer(peer.name);
    for (const PeerView& peer : *before) {
      if (wait || names.empty() || peer.state == "up") continue;
      Error away = why_away(peer);
      if (away.hint.empty() && !peer.is_untrusted) away.hint = "--wait waits for it";
      return call->fail(std::move(away));
    }
    if (!wait) return answer();
    poll(services, call, timeout, look_at_peers(services, names, Goal::kSynced), answer);
  });
}

}  // namespace converge::handlers
