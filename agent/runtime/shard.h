#pragma once

#include "agent/control/services.h"
#include "agent/runtime/document_exchange.h"
#include "agent/runtime/worker.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/repo/repo.h"
#include "core/store/store.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace converge::runtime {

/// One thread, its documents, and their exchange with peers. Any thread may run a task on it; what
/// the task touches belongs to the shard for as long as it runs.
class Shard {
 public:
  using Task = std::function<void(handlers::ShardAccess&, DocumentExchange&)>;

  /// Everything outlives the shard.
  Shard(std::size_t number, std::size_t cache_bytes, store::Store& store, const Clock& clock,
        Random& random, ExchangeOutput& output);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void run(Task task);
  /// Finishes what was posted before, then ends the thread. The documents stay until destruction.
  void stop();

 private:
  void schedule_tick();

  Worker worker_;
  DocumentExchange exchange_;
  std::unique_ptr<repo::Repo> repo_;
  handlers::ShardAccess access_;
  std::optional<session::Time> tick_at_;  ///< shard thread only
};

}  // namespace converge::runtime
