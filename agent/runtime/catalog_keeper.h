#pragma once

#include "agent/control/catalog_mark.h"
#include "agent/runtime/context.h"
#include "agent/runtime/store_work.h"

#include <functional>
#include <utility>

namespace converge::runtime {

/// Keeps what follows from the catalog: the store's name index, and the tombstones of documents
/// that the workspace deleted. A change made here writes its names with its own append; this is for
/// changes that came from peers, and for what a crash left undone. Control thread only.
class CatalogKeeper {
 public:
  /// `changed` is called when the index may be another one, on the control thread.
  CatalogKeeper(Context& context, StoreWork& work, std::function<void()> changed)
      : context_(context), work_(work), changed_(std::move(changed)) {}

  /// The agent starts: reconciles unless the store knows that there is nothing to do.
  void start();

  /// Compares and repairs, in the background. Calls that come while one runs are folded into one
  /// more.
  void reconcile();

 private:
  void finished();
  void settled_at_start(const handlers::CatalogState& state, store::ReceiptNumber last);

  Context& context_;
  StoreWork& work_;
  std::function<void()> changed_;
  bool running_ = false;
  bool again_ = false;
};

}  // namespace converge::runtime
