#include "agent/control/workspace_digest.h"

#include "core/verbs/root_digest.h"

namespace converge::handlers {

Result<std::string> workspace_digest(store::Store& store) {
  verbs::RootDigest root;
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
