#pragma once

#include "core/base/bytes.h"
#include "core/model/document_id.h"
#include "core/verbs/canonical.h"

#include <string>

namespace converge::verbs {

/// One digest for many documents: SHA-256 over (document id, its digest), by ascending id. What
/// "digest --root" prints.
class RootDigest {
 public:
  /// REQUIRES: ids ascend.
  void add(const DocumentId& document, const Digest& digest);
  std::string hex() const;

 private:
  Bytes input_;
};

}  // namespace converge::verbs
