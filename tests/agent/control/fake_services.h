#pragma once

#include "agent/control/conflict_index.h"
#include "agent/control/dispatch.h"
#include "agent/control/services.h"
#include "core/base/assert.h"
#include "core/base/random.h"
#include "core/control/prepared_json.h"
#include "core/control/rpc.h"
#include "core/repo/repo.h"
#include "core/store/store.h"
#include "tests/support/fake_clock.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace converge::testing {

class SeededRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& b : out) b = static_cast<std::byte>(engine_() & 0xff);
  }

 private:
  std::mt19937_64 engine_{7};
};

/// The agent behind the handlers, on one thread: a store in memory, one shard, no peers. Tasks and
/// timers run when ask() waits for an answer; time moves to the next timer when nothing else is
/// left.
class FakeServices final : public handlers::Services, public repo::Observer {
 public:
  using Json = nlohmann::json;

  /// Without a cache every document is read from the store again.
  explicit FakeServices(std::size_t cache_bytes = std::size_t{128} << 20)
      : store_(store::make_memory_store(clock_, random_)),
        log_(clock_, telemetry::Level::kInfo, telemetry::Log::Format::kText, log_text),
        repo_(std::make_unique<repo::Repo>(
            *store_, clock_, random_, [this](std::function<void()> task) { post(std::move(task)); },
            *this,
            repo::Repo::Options{.cache_bytes = cache_bytes,
                                .conflicts = handlers::conflict_entry})),
        access_{*repo_, *store_, clock_},
        dispatcher_(*this, metrics_) {
    random_.fill(catalog_.bytes);
    facts_.version = "0.0.0";
    facts_.store_id = std::string(32, 'a');
    facts_.peer_id = "here";
    facts_.fingerprint = std::string(64, 'b');
    facts_.started = clock_.steady_now();
  }

  /// The answer, once everything has come to rest; nothing when there was none. `answers` says how
  /// many there were.
  std::optional<Result<Json>> ask(const std::string& method, Json params) {
    control::Request request;
    request.id = std::int64_t{1};
    request.method = method;
    request.params = std::make_shared<const Json>(std::move(params));
    const auto taken = std::make_shared<Answer>();
    dispatcher_.dispatch(
        request, [this](const Json& event) { return take_event(event); }, 1,
        [taken](Result<Json> result) {
          ++taken->count;
          taken->result =
              result ? Result<Json>(control::unprepared(std::move(*result))) : std::move(result);
        });
    settle();
    answers = taken->count;
    return taken->result;
  }

  /// Its result. REQUIRES: it succeeds.
  Json must(const std::string& method, Json params) {
    const auto answer = ask(method, std::move(params));
    ASSERT(answer && *answer);
    return **answer;
  }

  void post(std::function<void()> task) { tasks_.push_back(std::move(task)); }

  /// Until nothing is left to do; what waits for ever is given up.
  void settle() {
    int fired = 0;
    while (!tasks_.empty() || !timers_.empty()) {
      if (tasks_.empty()) {
        if (++fired > kTimersMax) return timers_.clear();
        const auto next = std::ranges::min_element(timers_, {}, &Timer::at);
        const Timer timer = *next;
        timers_.erase(next);
        if (timer.at > clock_.steady_now()) {
          clock_.advance(std::chrono::duration_cast<std::chrono::milliseconds>(
              timer.at - clock_.steady_now()));
        }
        timer.task();
        continue;
      }
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }

  int answers = 0;
  std::vector<Json> events;
  std::ostringstream log_text;
  std::optional<std::chrono::milliseconds> stopped;
  std::vector<handlers::PeerView> peer_views;
  std::vector<std::string> revoked;

  // handlers::Services
  store::Store& store() override { return *store_; }
  const Clock& clock() override { return clock_; }
  Random& random() override { return random_; }
  const handlers::AgentFacts& facts() override { return facts_; }
  std::size_t shard_count() override { return 1; }
  std::size_t shard_of(const DocumentId&) override { return 0; }
  void on_shard(const DocumentId&, handlers::ShardTask task) override {
    post([this, task = std::move(task)] { task(access_); });
  }
  void on_shard_number(std::size_t, handlers::ShardTask task) override {
    post([this, task = std::move(task)] { task(access_); });
  }
  void on_store(handlers::StoreJob job) override {
    post([job = std::move(job)] { job([] { return true; }); });
  }
  void on_control(std::function<void()> task) override { post(std::move(task)); }
  void after(std::chrono::milliseconds delay, std::function<void()> task) override {
    timers_.push_back({clock_.steady_now() + delay, std::move(task)});
  }
  DocumentId catalog() override { return catalog_; }
  void stop(std::chrono::milliseconds deadline) override { stopped = deadline; }
  Result<handlers::ReloadReport> reload() override { return handlers::ReloadReport{}; }
  Result<handlers::LogLevel> log_level(const std::string& wanted,
                                       std::chrono::milliseconds) override {
    if (wanted == "loud") return Error{ErrorCode::kInvalid, "no level", "usage.argument"};
    return handlers::LogLevel{wanted.empty() ? "info" : wanted, "info"};
  }
  handlers::SettingsView settings() override {
    handlers::SettingsView view;
    view.values = {{"log.level", "info"}};
    return view;
  }
  telemetry::Log& log() override { return log_; }
  void follow_log(std::uint64_t, telemetry::Level, handlers::EventSink) override {}
  telemetry::Metrics& metrics() override { return metrics_; }
  void peers(handlers::PeersReply reply) override { reply(peer_views); }
  void peer_heads(const std::string& name, handlers::PeerHeadsReply reply) override {
    no_peer(name, [&reply](Result<Json> refused) { reply(refused.error()); });
  }
  void add_peer(const handlers::PeerSettings& settings, bool, handlers::Reply reply) override {
    reply(Json{{"kind", "Peer"}, {"name", settings.name}, {"key", settings.key}});
  }
  void remove_peer(const std::string& name, handlers::Reply reply) override {
    no_peer(name, reply);
  }
  void pause_peer(const std::string& name, bool, handlers::Reply reply) override {
    no_peer(name, reply);
  }
  void ping_peer(const std::string& name, handlers::Reply reply) override { no_peer(name, reply); }
  void peers_with(const DocumentId&, std::function<void(std::vector<std::string>)> reply) override {
    post([reply = std::move(reply)] { reply({}); });
  }
  void find_document(const DocumentId&, std::function<void(bool)> reply) override {
    post([reply = std::move(reply)] { reply(false); });
  }
  void heal(const DocumentId&, std::function<void(Result<void>)> reply) override {
    post([reply = std::move(reply)] { reply({}); });
  }
  void refresh(const store::RepairReport&) override {}
  void fetch_changes(const std::string& peer, const DocumentId&, std::vector<ChangeHash>,
                     std::function<void(Result<std::uint64_t>)> reply) override {
    reply(Error{ErrorCode::kNotFound, "no peer is called \"" + peer + "\"", "peer.not_found"});
  }
  void nudge_peer(const std::string&) override {}
  std::vector<std::string> addresses() override { return {"wss://127.0.0.1:4433"}; }
  void join(const handlers::PeerSettings& settings, const handlers::Invitation&, bool,
            handlers::Reply reply) override {
    no_peer(settings.name, reply);
  }
  void expect_invitation(const std::string&, const handlers::InvitationTerms&) override {}
  std::string workspace_digest() override { return "d"; }
  Result<handlers::KeyMade> make_key(const std::string& name) override {
    return handlers::KeyMade{std::string(64, 'c'), "/keys/" + name, false, false};
  }
  Result<handlers::KeyMade> rotate_key() override {
    return handlers::KeyMade{std::string(64, 'd'), "/keys/device.key", false, true};
  }
  std::vector<std::string> revoked_keys() override { return revoked; }
  void revoke_key(const std::string& fingerprint, bool on,
                  std::function<void(Result<void>)> done) override {
    std::erase(revoked, fingerprint);
    if (on) revoked.push_back(fingerprint);
    done({});
  }
  void watch(handlers::WatchRequest, handlers::EventSink) override {}
  store::ReceiptNumber durable_receipt() override { return store_->counts().last_receipt; }

  // repo::Observer
  void committed(const repo::Committed&) override {}
  void dropped(const DocumentId&, const Error&) override {}
  void removed(const DocumentId&) override {}

 private:
  static constexpr int kTimersMax = 1000;
  struct Answer {
    int count = 0;
    std::optional<Result<Json>> result;
  };
  struct Timer {
    std::chrono::steady_clock::time_point at;
    std::function<void()> task;
  };

  static void no_peer(const std::string& name, const handlers::Reply& reply) {
    reply(Error{ErrorCode::kNotFound, "no peer is called \"" + name + "\"", "peer.not_found"});
  }
  bool take_event(const Json& event) {
    events.push_back(event);
    return true;
  }

  FakeClock clock_;
  SeededRandom random_;
  std::unique_ptr<store::Store> store_;
  telemetry::Log log_;
  telemetry::Metrics metrics_;
  handlers::AgentFacts facts_;
  DocumentId catalog_;
  std::deque<std::function<void()>> tasks_;
  std::vector<Timer> timers_;
  std::unique_ptr<repo::Repo> repo_;
  handlers::ShardAccess access_;
  handlers::Dispatcher dispatcher_;
};

}  // namespace converge::testing
