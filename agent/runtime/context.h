#pragma once

#include "agent/config/config.h"
#include "agent/control/services.h"
#include "agent/net/tls.h"
#include "agent/runtime/device_keys.h"
#include "agent/runtime/shard.h"
#include "agent/runtime/worker.h"
#include "agent/telemetry/log.h"
#include "agent/telemetry/metrics.h"
#include "core/base/system.h"
#include "core/store/store.h"

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace converge::runtime {

/// What every part of one running agent stands on. Made first, destroyed last; the threads stop in
/// the order net, control, shards, after the store has been closed (see Agent).
struct Context {
  config::Config config;
  telemetry::Log& log;
  telemetry::Metrics metrics;
  SystemClock clock;
  SystemRandom random;
  handlers::AgentFacts facts;
  std::optional<net::TlsIdentity> identity;
  RevokedKeys revoked;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Worker> net;
  std::unique_ptr<Worker> control;
  std::vector<std::unique_ptr<Shard>> shards;

  Context(config::Config settings, telemetry::Log& lines)
      : config(std::move(settings)), log(lines) {}

  /// Any thread.
  std::size_t shard_number(const DocumentId& document) const {
    return DocumentIdHasher{}(document) % shards.size();
  }
  Shard& shard_of(const DocumentId& document) { return *shards[shard_number(document)]; }

  /// The workspace's catalog. Any thread.
  DocumentId catalog() const {
    const std::scoped_lock lock(catalog_mutex_);
    return catalog_;
  }
  void set_catalog(const DocumentId& catalog) {
    const std::scoped_lock lock(catalog_mutex_);
    catalog_ = catalog;
  }

 private:
  mutable std::mutex catalog_mutex_;
  DocumentId catalog_;
};

}  // namespace converge::runtime
