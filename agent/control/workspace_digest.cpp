#include "agent/control/workspace_digest.h"

#include "core/codec/sha256.h"

namespace converge::handlers {

void RootDigest::add(const DocumentId& document, const verbs::Digest& digest) {
  input_.insert(input_.end(), document.bytes.begin(), document.bytes.end());
  input_.insert(input_.end(), digest.begin(), digest.end());
}

std::string RootDigest::hex() const { return to_hex(codec::sha256(input_)); }

Result<std::string> workspace_digest(store::Store& store) {
  RootDigest root;
  store::PageRequest request;
  while (true) {
    const auto page = store.list_documents(request);
    if (!page) return page.error();
    for (const store::DocumentHeader& header : page->items) {
      root.add(header.id, verbs::history_digest(header.heads));
    }
    if (page->next.empty()) return root.hex();
    request.after = page->next;
  }
}

}  // namespace converge::handlers
