#include "agent/control/catalog_access.h"

#include "agent/control/catalog_mark.h"
#include "core/base/assert.h"
#include "core/control/error_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace converge::handlers {
namespace {

constexpr std::size_t kNamesPerPage = 1000;

/// One edit of the catalog: changes the document, says what that means for the index.
using CatalogEdit = std::function<Result<bool>(engine::Document&, const engine::CommitOptions&,
                                               std::vector<store::NameEdit>& index)>;

/// What the catalog's shard does with it, or with the reason why it cannot be had.
using CatalogTask = std::function<void(ShardAccess&, Result<engine::Document*>)>;

/// With a hole it does not say what a name stands for, nor how often it was removed: what would be
/// written now could undo what is lost here.
Error degraded(std::size_t missing) {
  return control::make_error(control::ErrorId::kDocDegraded,
                             fmt::format("the catalog is degraded: {} of its changes are "
                                         "unreadable, and no name is changed on top of a hole",
                                         missing),
                             "syncctl store repair --from-peer PEER");
}

void run_whole(ShardAccess& shard, const DocumentId& catalog, const CatalogTask& task) {
  const auto document = open_catalog(shard, catalog);
  if (!document) return task(shard, document);
  if (const auto missing = shard.repo.missing_changes(catalog))
    return task(shard, degraded(*missing));
  task(shard, document);
}

/// Runs `task` with the whole catalog on its shard. What cannot be read of it is set aside first,
/// so that peers send it again.
void with_whole_catalog(Services& services, CatalogTask task) {
  const DocumentId catalog = services.catalog();
  services.on_shard(catalog, [&services, catalog, task = std::move(task)](ShardAccess& shard) {
    const auto document = open_catalog(shard, catalog);
    if (document || document.error().code != ErrorCode::kCorrupt)
      return run_whole(shard, catalog, task);
    services.heal(catalog, [&services, catalog, task](Result<void> healed) {
      services.on_shard(catalog, [catalog, task, healed](ShardAccess& there) {
        healed ? run_whole(there, catalog, task) : task(there, healed.error());
      });
    });
  });
}

void edit_catalog(Services& services, std::optional<store::IdempotentResult> remembered,
                  CatalogEdit edit, std::function<void(Result<bool>)> then) {
  const DocumentId catalog = services.catalog();
  with_whole_catalog(
      services, [catalog, remembered = std::move(remembered), edit = std::move(edit),
                 then = std::move(then)](ShardAccess& shard, Result<engine::Document*> document) {
        if (!document) return then(document.error());
        engine::CommitOptions options;
        options.time = shard.clock.wall_now_ms() / 1000;
        repo::CommitRequest request;
        request.idempotency = remembered;
        const auto changed = edit(**document, options, request.names);
        if (!changed) return then(changed.error());
        shard.repo.commit(catalog, std::move(request),
                          [then, changed = *changed](Result<repo::Committed> done) {
                            if (!done) return then(done.error());
                            then(changed);
                          });
      });
}

/// Names without the catalog that gave them: damage took all of it. What the index knows goes into
/// the new one, which would otherwise take it away.
Result<void> take_names_from_index(ShardAccess& shard, const DocumentId& catalog,
                                   engine::Document& document) {
  engine::CommitOptions options;
  options.time = shard.clock.wall_now_ms() / 1000;
  bool changed = false;
  store::PageRequest request;
  request.limit = kNamesPerPage;
  do {
    const auto page = shard.store.list_names(request);
    if (!page) return page.error();
    for (const store::NameEntry& entry : page->items) {
      const auto bound = repo::bind_name(document, entry.name, entry.document, options);
      if (!bound) return bound.error();
      changed = changed || *bound;
    }
    request.after = page->next;
  } while (!request.after.empty());
  if (changed) shard.repo.commit(catalog, {}, [](const Result<repo::Committed>&) {});
  return {};
}

}  // namespace

Result<engine::Document*> open_catalog(ShardAccess& shard, const DocumentId& catalog) {
  auto document = shard.repo.open(catalog);
  if (document || document.error().code != ErrorCode::kNotFound) return document;
  document = shard.repo.create(catalog, repo::catalog_actor(catalog));
  if (!document) return document;
  const auto made = repo::initialise_catalog(**document);
  ASSERT(made.has_value());
  // At once, so that nothing else is ever signed by the catalog's own actor. Whoever builds on this
  // change waits for it with its own.
  shard.repo.commit(catalog, {}, [](const Result<repo::Committed>&) {});
  document = shard.repo.open(catalog);
  if (document) {
    if (const auto ok = take_names_from_index(shard, catalog, **document); !ok) return ok.error();
  }
  return document;
}

void look_up_name(Services& services, const std::string& name,
                  std::function<void(Result<NameState>)> then) {
  with_whole_catalog(
      services, [name, then = std::move(then)](ShardAccess&, Result<engine::Document*> document) {
        if (!document) return then(document.error());
        const engine::View view = (*document)->now();
        then(NameState{repo::find_name(view, name), repo::generation_of(view, name)});
      });
}

void bind_name(Services& services, const CallPtr&, const std::string& name,
               const DocumentId& document, std::optional<store::IdempotentResult> remembered,
               std::function<void(Result<bool>)> then) {
  edit_catalog(
      services, std::move(remembered),
      [name, document](engine::Document& catalog, const engine::CommitOptions& options,
                       std::vector<store::NameEdit>& index) {
        auto changed = repo::bind_name(catalog, name, document, options);
        index.push_back({name, std::nullopt, document, true});
        return changed;
      },
      std::move(then));
}

void unbind_name(Services& services, const std::string& name,
                 std::optional<store::IdempotentResult> remembered,
                 std::function<void(Result<bool>)> then) {
  edit_catalog(
      services, std::move(remembered),
      [name](engine::Document& catalog, const engine::CommitOptions& options,
             std::vector<store::NameEdit>& index) {
        auto changed = repo::unbind_name(catalog, name, options);
        index.push_back({name, std::nullopt, std::nullopt, true});
        return changed;
      },
      std::move(then));
}

void delete_in_catalog(Services& services, const std::vector<DocumentId>& documents,
                       std::function<void(Result<bool>)> then) {
  edit_catalog(
      services, std::nullopt,
      [&services, documents](engine::Document& catalog, const engine::CommitOptions& options,
                             std::vector<store::NameEdit>& index) {
        repo::for_each_name(catalog.now(), [&](std::string_view name, const DocumentId& document) {
          if (std::find(documents.begin(), documents.end(), document) != documents.end()) {
            index.push_back({std::string(name), std::nullopt, std::nullopt, true});
          }
        });
        // Tombstones follow; until then a start has to look for documents that lack theirs.
        unmark_catalog(services.store());
        return repo::delete_documents(catalog, documents, options);
      },
      std::move(then));
}

}  // namespace converge::handlers
