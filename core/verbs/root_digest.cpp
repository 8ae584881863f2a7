#include "core/verbs/root_digest.h"

#include "core/codec/sha256.h"

namespace converge::verbs {

void RootDigest::add(const DocumentId& document, const Digest& digest) {
  input_.insert(input_.end(), document.bytes.begin(), document.bytes.end());
  input_.insert(input_.end(), digest.begin(), digest.end());
}

std::string RootDigest::hex() const { return to_hex(codec::sha256(input_)); }

}  // namespace converge::verbs
