#pragma once

#include "agent/runtime/context.h"

namespace converge::runtime {

/// Keeps what follows from the catalog: the store's name index, and the tombstones of documents
/// that the workspace deleted. A change made here writes its names with its own append; this is for
/// changes that came from peers, and for what a crash left undone. Control thread only.
class CatalogKeeper {
 public:
  explicit CatalogKeeper(Context& context) : context_(context) {}

  /// Compares and repairs, in the background. Calls that come while one runs are folded into one
  /// more.
  void reconcile();

 private:
  void finished();

  Context& context_;
  bool running_ = false;
  bool again_ = false;
};

}  // namespace converge::runtime
