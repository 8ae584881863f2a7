#include "agent/control/catalog_access.h"

#include "core/base/assert.h"

#include <algorithm>
#include <utility>

namespace converge::handlers {
namespace {

/// One edit of the catalog: changes the document, says what that means for the index.
using CatalogEdit = std::function<Result<bool>(engine::Document&, const engine::CommitOptions&,
                                               std::vector<store::NameEdit>& index)>;

void edit_catalog(Services& services, std::optional<store::IdempotentResult> remembered,
                  CatalogEdit edit, std::function<void(Result<bool>)> then) {
  const DocumentId catalog = services.catalog();
  services.on_shard(catalog, [catalog, remembered = std::move(remembered), edit = std::move(edit),
                              then = std::move(then)](ShardAccess& shard) {
    const auto document = open_catalog(shard, catalog);
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
  return shard.repo.open(catalog);
}

void look_up_name(Services& services, const std::string& name,
                  std::function<void(Result<NameState>)> then) {
  const DocumentId catalog = services.catalog();
  services.on_shard(catalog, [catalog, name, then = std::move(then)](ShardAccess& shard) {
    const auto document = open_catalog(shard, catalog);
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
      [documents](engine::Document& catalog, const engine::CommitOptions& options,
                  std::vector<store::NameEdit>& index) {
        repo::for_each_name(catalog.now(), [&](std::string_view name, const DocumentId& document) {
          if (std::find(documents.begin(), documents.end(), document) != documents.end()) {
            index.push_back({std::string(name), std::nullopt, std::nullopt, true});
          }
        });
        return repo::delete_documents(catalog, documents, options);
      },
      std::move(then));
}

}  // namespace converge::handlers
