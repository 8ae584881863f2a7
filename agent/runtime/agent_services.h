#pragma once

#include "agent/control/services.h"
#include "agent/runtime/catalog_keeper.h"
#include "agent/runtime/context.h"
#include "agent/runtime/device_keys.h"
#include "agent/runtime/document_exchange.h"
#include "agent/runtime/healer.h"
#include "agent/runtime/peer_service.h"
#include "agent/runtime/process_control.h"
#include "agent/runtime/store_work.h"
#include "agent/runtime/watch_hub.h"

#include <functional>
#include <memory>

namespace converge::runtime {

/// What handlers may ask for, and where the shards' news goes: the junction of peers, watchers and
/// catalog. Threads as handlers::Services and ExchangeOutput say.
class AgentServices final : public handlers::Services, public ExchangeOutput {
 public:
  AgentServices(Context& context, ProcessHooks hooks);
  ~AgentServices() override;

  PeerService& peer_service() { return peers_; }
  StoreWork& store_work() { return store_work_; }
  Healer& healer() { return healer_; }
  /// Control thread, once the shards run.
  void begin();

  // handlers::Services
  store::Store& store() override { return *context_.store; }
  const Clock& clock() override { return context_.clock; }
  Random& random() override { return context_.random; }
  const handlers::AgentFacts& facts() override { return context_.facts; }
  std::size_t shard_count() override { return context_.shards.size(); }
  std::size_t shard_of(const DocumentId& document) override {
    return context_.shard_number(document);
  }
  void on_shard(const DocumentId& document, handlers::ShardTask task) override;
  void on_shard_number(std::size_t number, handlers::ShardTask task) override;
  void on_store(handlers::StoreJob job) override { store_work_.run(std::move(job)); }
  void heal(const DocumentId& document, std::function<void(Result<void>)> reply) override;
  void refresh(const store::RepairReport& report) override { healer_.refresh(report); }
  void on_control(std::function<void()> task) override;
  void after(std::chrono::milliseconds delay, std::function<void()> task) override;
  DocumentId catalog() override { return context_.catalog(); }
  void stop(std::chrono::milliseconds deadline) override { hooks_.stop(deadline); }
  Result<handlers::ReloadReport> reload() override { return process_.reload(); }
  Result<handlers::LogLevel> log_level(const std::string& wanted,
                                       std::chrono::milliseconds lasts) override {
    return process_.log_level(wanted, lasts);
  }
  handlers::SettingsView settings() override { return process_.settings(); }
  Result<handlers::KeyMade> make_key(const std::string& name) override {
    return runtime::make_key(context_.config, name, context_.facts.peer_id);
  }
  Result<handlers::KeyMade> rotate_key() override {
    return runtime::rotate_key(context_.config, context_.facts.peer_id);
  }
  std::vector<std::string> revoked_keys() override { return context_.revoked.list(); }
  void revoke_key(const std::string& fingerprint, bool revoked,
                  std::function<void(Result<void>)> done) override {
    peers_.revoke(fingerprint, revoked, std::move(done));
  }
  telemetry::Log& log() override { return context_.log; }
  void follow_log(std::uint64_t after, telemetry::Level level, handlers::EventSink sink) override {
    process_.follow_log(after, level, std::move(sink));
  }
  telemetry::Metrics& metrics() override;
  void peers(handlers::PeersReply reply) override { peers_.list(std::move(reply)); }
  void add_peer(const handlers::PeerSettings& settings, bool replace,
                handlers::Reply reply) override;
  void remove_peer(const std::string& name, handlers::Reply reply) override;
  void pause_peer(const std::string& name, bool paused, handlers::Reply reply) override;
  void ping_peer(const std::string& name, handlers::Reply reply) override;
  void peer_heads(const std::string& peer, handlers::PeerHeadsReply reply) override {
    peers_.heads(peer, std::move(reply));
  }
  void peers_with(const DocumentId& document,
                  std::function<void(std::vector<std::string>)> reply) override;
  void find_document(const DocumentId& document, std::function<void(bool)> reply) override;
  void fetch_changes(const std::string& peer, const DocumentId& document,
                     std::vector<ChangeHash> hashes,
                     std::function<void(Result<std::uint64_t>)> reply) override {
    peers_.fetch_changes(peer, document, std::move(hashes), std::move(reply));
  }
  void nudge_peer(const std::string& name) override { peers_.nudge(name); }
  std::vector<std::string> addresses() override { return peers_.addresses(); }
  void join(const handlers::PeerSettings& settings, const handlers::Invitation& invitation,
            bool is_trial, handlers::Reply reply) override;
  void expect_invitation(const std::string& key, const handlers::InvitationTerms& terms) override;
  std::string workspace_digest() override { return peers_.workspace_digest(); }
  void watch(handlers::WatchRequest request, handlers::EventSink sink) override;
  store::ReceiptNumber durable_receipt() override { return watch_.durable(); }

  // ExchangeOutput
  void send(session::ConnectionId to, session::DocumentMessage message) override;
  void close(session::ConnectionId connection, session::CloseCode code,
             std::string reason) override;
  void settled(session::ConnectionId connection, const DocumentId& document) override;
  void ephemeral(const session::Ephemeral& message) override;
  void committed(const repo::Committed& committed) override;
  void dropped(const DocumentId& document, const Error& error) override;
  void removed(const DocumentId& document) override;
  void damaged(const DocumentId& document, const Error& error) override;

 private:
  void tables_rewritten();

  Context& context_;
  ProcessHooks hooks_;
  ProcessControl process_;
  PeerService peers_;
  WatchHub watch_;
  StoreWork store_work_;
  CatalogKeeper keeper_;
  std::int64_t started_wall_ms_ = context_.clock.wall_now_ms();
  Healer healer_;
};

}  // namespace converge::runtime
