#include "core/repo/catalog_search.h"

#include "core/engine/document.h"
#include "core/repo/catalog.h"

#include <vector>

namespace converge::repo {
namespace {

constexpr std::size_t kPage = 1000;

/// Whether what can be read of the document begins like the catalog of this id.
bool is_catalog(store::Store& store, const DocumentId& id) {
  const ActorId actor = catalog_actor(id);
  engine::Document first(actor);
  if (!initialise_catalog(first)) return false;
  const Heads heads = first.heads();
  if (heads.size() != 1) return false;
  const auto stored = store.load(id);
  if (!stored) return false;
  auto document = engine::Document::load(stored->snapshot, actor);
  if (!document) return false;
  std::vector<Bytes> chunks;
  for (const store::StoredChange& change : stored->tail) chunks.push_back(change.chunk);
  if (!chunks.empty() && !document->apply_changes(chunks)) return false;
  return document->has_change(heads.front());
}

}  // namespace

Result<std::optional<DocumentId>> search_catalog(store::Store& store) {
  std::optional<DocumentId> found;
  std::uint64_t changes = 0;
  store::PageRequest request;
  request.limit = kPage;
  do {
    const auto page = store.list_documents(request);
    if (!page) return page.error();
    for (const store::DocumentHeader& header : page->items) {
      if (header.state == store::DocumentState::kDeleted || header.change_count <= changes)
        continue;
      const auto names = store.names_of(header.id);
      if (!names) return names.error();
      if (!names->empty() || !is_catalog(store, header.id)) continue;
      found = header.id;
      changes = header.change_count;
    }
    request.after = page->next;
  } while (!request.after.empty());
  return found;
}

}  // namespace converge::repo
