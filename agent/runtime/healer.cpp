#include "agent/runtime/healer.h"

#include "agent/runtime/context.h"
#include "agent/runtime/document_exchange.h"
#include "agent/runtime/shard.h"
#include "core/repo/compaction.h"
#include "core/store/repair_tables.h"

#include <string>
#include <utility>

namespace converge::runtime {
namespace {

using telemetry::Level;

store::RepairOptions repair_options() {
  store::RepairOptions options;
  options.inspect_snapshot = repo::snapshot_inspector();
  return options;
}

}  // namespace

void Healer::heal(const DocumentId& document, Done done) {
  {
    const std::lock_guard lock(mutex_);
    auto& waiting = waiting_[document];
    waiting.push_back(std::move(done));
    if (waiting.size() > 1) return;
  }
  work_.run([this, document](const std::function<bool()>&) { run(document); });
}

void Healer::run(const DocumentId& document) {
  const auto report = context_.store->heal(document, repair_options());
  if (report) {
    refresh(*report);
  } else {
    context_.log.write(Level::kError, "document.damaged", report.error().message,
                       {{"document", document.to_url()}});
  }
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = std::move(waiting_[document]);
    waiting_.erase(document);
  }
  for (const Done& done : waiting) {
    if (done) done(report ? Result<void>() : Result<void>(report.error()));
  }
}

void Healer::repair_tables() {
  work_.run([this](const std::function<bool()>&) {
    const auto plan = context_.store->plan_repair({});
    if (!plan || plan->tables.empty()) return;
    if (!store::is_automatic(*plan)) {
      context_.log.write(Level::kError, "store.damaged",
                         "tables are damaged; \"syncctl store repair\" shows what to do",
                         {{"tables", std::to_string(plan->tables.size())}});
      return;
    }
    const auto report = context_.store->repair(*plan, repair_options());
    if (report) return refresh(*report);
    context_.log.write(Level::kError, "store.repair-failed", report.error().message);
  });
}

void log_repair(telemetry::Log& log, const store::RepairReport& report) {
  for (const auto& file : report.set_aside) {
    log.write(Level::kWarn, "store.repaired", "a damaged table was written anew",
              {{"kept", file.native()}});
  }
  for (const std::string& lacking : report.may_lack) {
    log.write(Level::kWarn, "store.may-lack", "a damaged table may have held some of them",
              {{"records", lacking}});
  }
  if (report.new_id) {
    log.write(Level::kWarn, "store.new-id", "the store's id was lost, it has another one now",
              {{"store_id", to_hex(*report.new_id)}});
  }
  for (const store::RepairedDocument& document : report.degraded) {
    log.write(
        Level::kWarn, "document.degraded", "a part of the document is lost here",
        {{"document", document.id.to_url()}, {"missing", std::to_string(document.missing.size())}});
  }
}

void Healer::refresh(const store::RepairReport& report) {
  log_repair(context_.log, report);
  if (!report.plan.tables.empty()) rewritten_();
  for (const DocumentId& document : report.changed) {
    context_.shard_of(document).run([document](handlers::ShardAccess& shard,
                                               DocumentExchange& exchange) {
      const bool gives_back = shard.repo.refresh(document, [](const Result<repo::Committed>&) {});
      if (!gives_back) exchange.restart(document, "a part of the document was lost here");
    });
  }
}

}  // namespace converge::runtime
