#pragma once

#include "agent/runtime/store_work.h"
#include "core/base/result.h"
#include "core/model/document_id.h"
#include "core/store/repair.h"

#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace converge::runtime {

struct Context;

/// What is done about damage while the agent runs (store.md 13): a document that cannot be read is
/// set aside as far as that is so, the rest is served, and its exchange with peers begins anew so
/// that they send what is missing. Any thread.
class Healer {
 public:
  using Done = std::function<void(Result<void>)>;

  /// `rewritten` is called after tables were rewritten: indexes may have lost something.
  Healer(Context& context, StoreWork& work, std::function<void()> rewritten)
      : context_(context), work_(work), rewritten_(std::move(rewritten)) {}

  /// Sets aside what of the document cannot be read. `done` runs on the store-jobs thread; several
  /// wishes for one document are one job.
  void heal(const DocumentId& document, Done done);
  /// The write path met a damaged table: repairs what may be repaired without asking.
  void repair_tables();
  /// The store was repaired: documents in memory give back what it lost, the others start over with
  /// their peers.
  void refresh(const store::RepairReport& report);

 private:
  void run(const DocumentId& document);

  Context& context_;
  StoreWork& work_;
  std::function<void()> rewritten_;
  std::mutex mutex_;
  std::unordered_map<DocumentId, std::vector<Done>, DocumentIdHasher> waiting_;
};

/// Tells what a repair did that nobody was asked about.
void log_repair(telemetry::Log& log, const store::RepairReport& report);

}  // namespace converge::runtime
