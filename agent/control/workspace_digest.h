#pragma once

#include "core/base/result.h"
#include "core/model/document_id.h"
#include "core/store/store.h"
#include "core/verbs/canonical.h"

#include <string>

namespace converge::handlers {

/// One digest for many documents: SHA-256 over (document id, its digest), by ascending id.
class RootDigest {
 public:
  /// REQUIRES: ids ascend.
  void add(const DocumentId& document, const verbs::Digest& digest);
  std::string hex() const;

 private:
  Bytes input_;
};

/// The history digest of every document in the store, the catalog included: equal on two replicas
/// exactly when they hold the same history of the same documents. Cost: one header per document.
Result<std::string> workspace_digest(store::Store& store);

}  // namespace converge::handlers
