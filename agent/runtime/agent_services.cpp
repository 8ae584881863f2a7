#include "agent/runtime/agent_services.h"

#include "agent/control/catalog_access.h"
#include "agent/control/conflict_index.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace converge::runtime {

AgentServices::AgentServices(Context& context, ProcessHooks hooks)
    : context_(context),
      hooks_(std::move(hooks)),
      process_(context, hooks_),
      peers_(context),
      watch_(*this),
      store_work_(context),
      keeper_(context, store_work_, [this] { peers_.names_changed(); }),
      healer_(context, store_work_, [this] { on_control([this] { tables_rewritten(); }); }) {}

AgentServices::~AgentServices() = default;

void AgentServices::begin() {
  keeper_.start();
  handlers::complete_index(*this);
}

/// What the records of a damaged block said and memory, the catalog or the documents still know.
void AgentServices::tables_rewritten() {
  context_.store->put_setting("catalog", to_bytes(context_.catalog().bytes),
                              [](const Result<store::CommitNumber>&) {
                                // Without it the next start searches.
                              });
  if (!handlers::is_indexed(*context_.store)) handlers::complete_index(*this);
  keeper_.reconcile();
}

void AgentServices::on_shard(const DocumentId& document, handlers::ShardTask task) {
  context_.shard_of(document).run(
      [task = std::move(task)](handlers::ShardAccess& access, DocumentExchange&) { task(access); });
}

void AgentServices::on_shard_number(std::size_t number, handlers::ShardTask task) {
  context_.shards[number]->run(
      [task = std::move(task)](handlers::ShardAccess& access, DocumentExchange&) { task(access); });
}

void AgentServices::heal(const DocumentId& document, std::function<void(Result<void>)> reply) {
  healer_.heal(document, [this, reply = std::move(reply)](Result<void> done) {
    on_control([reply, done = std::move(done)] { reply(done); });
  });
}

void AgentServices::damaged(const DocumentId& document, const Error& error) {
  context_.metrics.counter("syncd_damage_total", "Documents found damaged on reading").add();
  context_.log.write(telemetry::Level::kWarn, "document.damaged", error.message,
                     {{"document", document.to_url()}});
  healer_.heal(document, {});
}

void AgentServices::on_control(std::function<void()> task) {
  context_.control->post(std::move(task));
}

void AgentServices::after(std::chrono::milliseconds delay, std::function<void()> task) {
  context_.control->after(delay, std::move(task));
}

telemetry::Metrics& AgentServices::metrics() {
  const store::StoreStats stats = context_.store->stats();
  const auto set = [this](const char* name, const char* help, auto value) {
    context_.metrics.gauge(name, help).set(static_cast<double>(value));
  };
  set("syncd_documents", "Documents in the store", stats.counts.documents);
  set("syncd_changes", "Changes of those documents", stats.counts.changes);
  set("syncd_store_bytes", "Bytes of the store's files", stats.disk_bytes);
  set("syncd_store_free_bytes", "Free bytes where the store lives", stats.free_bytes);
  set("syncd_store_writable", "1 while the store takes writes",
      stats.state == store::StoreState::kOpen ? 1 : 0);
  set("syncd_commit_queue", "Writes that wait for the disk", stats.queue_length);
  set("syncd_commit_queue_bytes", "Bytes of the writes that wait for the disk", stats.queue_bytes);
  const auto count = [this](const char* name, const char* help, auto total,
                            const telemetry::Metrics::Labels& labels = {}) {
    context_.metrics.counter(name, help, labels).raise_to(static_cast<double>(total));
  };
  count("syncd_commit_groups_total", "Batches written to the log", stats.groups);
  count("syncd_commit_requests_total", "Writes in those batches", stats.requests);
  count("syncd_commit_syncs_total", "Syncs of the log", stats.syncs);
  for (const auto& [operation, done] : stats.operations) {
    const telemetry::Metrics::Labels labels{{"operation", operation}};
    count("syncd_store_operations_total", "Operations on the store's files", done.count, labels);
    count("syncd_store_operation_failures_total", "Operations that failed", done.failures, labels);
    count("syncd_store_operation_seconds_total", "Time they took",
          static_cast<double>(done.total_us) / 1e6, labels);
  }
  set("syncd_watchers", "Streams of events being served", watch_.subscriptions());
  set("syncd_start_time_seconds", "When the agent started, in Unix time",
      static_cast<double>(started_wall_ms_) / 1000);
  return context_.metrics;
}

void AgentServices::add_peer(const handlers::PeerSettings& settings, bool replace,
                             handlers::Reply reply) {
  peers_.add(settings, replace, std::move(reply));
}

void AgentServices::remove_peer(const std::string& name, handlers::Reply reply) {
  peers_.remove(name, reply);
}

void AgentServices::pause_peer(const std::string& name, bool paused, handlers::Reply reply) {
  peers_.pause(name, paused, reply);
}

void AgentServices::ping_peer(const std::string& name, handlers::Reply reply) {
  peers_.ping(name, std::move(reply));
}

void AgentServices::peers_with(const DocumentId& document,
                               std::function<void(std::vector<std::string>)> reply) {
  context_.shard_of(document).run([this, document, reply = std::move(reply)](
                                      handlers::ShardAccess&, DocumentExchange& exchange) {
    on_control([reply, names = exchange.peers_with(document)] { reply(names); });
  });
}

void AgentServices::find_document(const DocumentId& document, std::function<void(bool)> reply) {
  context_.shard_of(document).run([this, document, reply = std::move(reply)](
                                      handlers::ShardAccess&, DocumentExchange& exchange) {
    exchange.find(document,
                  [this, reply](bool found) { on_control([reply, found] { reply(found); }); });
  });
}

void AgentServices::join(const handlers::PeerSettings& settings,
                         const handlers::Invitation& invitation, bool is_trial,
                         handlers::Reply reply) {
  peers_.join(settings, invitation, is_trial, std::move(reply));
}

void AgentServices::expect_invitation(const std::string& key,
                                      const handlers::InvitationTerms& terms) {
  peers_.expect_invitation(key, terms);
}

void AgentServices::watch(handlers::WatchRequest request, handlers::EventSink sink) {
  watch_.subscribe(std::move(request), std::move(sink));
}

void AgentServices::send(session::ConnectionId to, session::DocumentMessage message) {
  peers_.send(to, std::move(message));
}

void AgentServices::close(session::ConnectionId connection, session::CloseCode code,
                          std::string reason) {
  peers_.close(connection, code, reason);
}

void AgentServices::settled(session::ConnectionId connection, const DocumentId& document) {
  context_.control->post([this, connection, document] { peers_.settled(connection, document); });
}

void AgentServices::ephemeral(const session::Ephemeral& message) {
  context_.control->post([this, message] { peers_.received_ephemeral(message); });
}

void AgentServices::committed(const repo::Committed& committed) {
  if (!committed.changes.empty()) store_work_.note(committed.document);
  context_.metrics
      .counter("syncd_changes_total", "Changes made durable",
               {{"origin", committed.source.is_local() ? "local" : "peer"}})
      .add(static_cast<double>(committed.changes.size()));
  const store::ReceiptNumber last =
      committed.changes.empty() ? 0 : committed.first_receipt + committed.changes.size() - 1;
  const bool is_catalog = committed.document == context_.catalog();
  const bool is_local = committed.source.is_local();
  context_.control->post([this, last, is_catalog, is_local] {
    watch_.advance(last);
    peers_.changed();
    if (is_catalog && is_local) peers_.names_changed();
    if (is_catalog && !is_local) keeper_.reconcile();
  });
}

void AgentServices::dropped(const DocumentId& document, const Error& error) {
  context_.metrics.counter("syncd_append_failures_total", "Appends the store refused").add();
  context_.log.write(telemetry::Level::kError, "append.failed", error.message,
                     {{"document", document.to_url()}});
}

void AgentServices::removed(const DocumentId& document) {
  context_.control->post([this, document] {
    watch_.deleted(document);
    peers_.changed();
  });
}

}  // namespace converge::runtime
