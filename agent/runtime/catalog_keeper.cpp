#include "agent/runtime/catalog_keeper.h"

#include "agent/control/catalog_access.h"
#include "agent/control/catalog_mark.h"
#include "core/repo/catalog.h"

#include <fmt/format.h>

#include <utility>

namespace converge::runtime {
namespace {

/// Documents that the catalog says are deleted and the store still has.
Result<std::vector<DocumentId>> undeleted(const engine::View& catalog, store::Store& store) {
  std::vector<DocumentId> out;
  Result<void> failed;
  repo::for_each_deleted(catalog, [&](const DocumentId& document) {
    const auto tombstone = store.tombstone(document);
    if (!tombstone) {
      failed = tombstone.error();
    } else if (!*tombstone) {
      out.push_back(document);
    }
  });
  if (!failed) return failed.error();
  return out;
}

}  // namespace

void CatalogKeeper::start() {
  const DocumentId catalog = context_.catalog();
  work_.run([this, catalog](const std::function<bool()>&) {
    const handlers::CatalogState state{catalog,
                                       handlers::count_set_aside(context_.facts.store_dir)};
    const store::ReceiptNumber last = context_.store->counts().last_receipt;
    if (!handlers::is_catalog_settled(*context_.store, state))
      return context_.control->post([this] { reconcile(); });
    context_.log.write(telemetry::Level::kDebug, "catalog.settled", "names are as they were");
    settled_at_start(state, last);
  });
}

/// Moves the mark up, unless a deletion took it away meanwhile: both in the order of the catalog's
/// shard.
void CatalogKeeper::settled_at_start(const handlers::CatalogState& state,
                                     store::ReceiptNumber last) {
  context_.shard_of(state.catalog)
      .run([state, last](handlers::ShardAccess& shard, DocumentExchange&) {
        if (handlers::is_catalog_settled(shard.store, state))
          handlers::mark_catalog(shard.store, state, last);
      });
}

void CatalogKeeper::reconcile() {
  if (running_) {
    again_ = true;
    return;
  }
  running_ = true;
  const DocumentId catalog = context_.catalog();
  context_.shard_of(catalog).run([this, catalog](handlers::ShardAccess& shard, DocumentExchange&) {
    const auto give_up = [this](const Error& error) {
      context_.log.write(telemetry::Level::kWarn, "catalog", error.message);
      context_.control->post([this] { finished(); });
    };
    // What is durable now is in the document that is looked at below.
    const handlers::CatalogState state{catalog,
                                       handlers::count_set_aside(context_.facts.store_dir)};
    const store::ReceiptNumber last = shard.store.counts().last_receipt;
    const auto document = handlers::open_catalog(shard, catalog);
    if (!document) return give_up(document.error());
    // With a hole it does not say which names are gone: what the index has is better.
    if (shard.repo.missing_changes(catalog)) {
      return give_up({ErrorCode::kCorrupt, "the catalog is degraded; names stay as they are"});
    }
    const engine::View view = (*document)->now();
    auto edits = repo::index_edits(view, shard.store);
    if (!edits) return give_up(edits.error());
    const auto deleted = undeleted(view, shard.store);
    if (!deleted) return give_up(deleted.error());
    for (const DocumentId& gone : *deleted) {
      context_.shard_of(gone).run([gone](handlers::ShardAccess& there, DocumentExchange&) {
        there.repo.remove(gone, {}, [](const Result<void>&) {
          // A failure is tried again with the next reconciliation.
        });
      });
    }
    const bool is_settled = deleted->empty();
    if (edits->empty()) {
      if (is_settled) handlers::mark_catalog(shard.store, state, last);
      return context_.control->post([this] { finished(); });
    }
    // Behind whatever the catalog's document has under way: what the index says must not be lost
    // while the catalog forgets it.
    const auto write = [this, &repo = shard.repo, give_up, state, last, is_settled,
                        heads = (*document)->heads(),
                        edits = std::move(*edits)](const Result<void>& durable) {
      if (!durable) return give_up(durable.error());
      context_.store->put_names(edits, [this, give_up](const Result<store::CommitNumber>& done) {
        if (!done) return give_up(done.error());
        context_.control->post([this] { finished(); });
      });
      const auto now = repo.open(state.catalog);
      if (is_settled && now && (*now)->heads() == heads)
        handlers::mark_catalog(*context_.store, state, last);
    };
    shard.repo.when_durable(catalog, write);
  });
}

void CatalogKeeper::finished() {
  running_ = false;
  changed_();
  if (!std::exchange(again_, false)) return;
  reconcile();
}

}  // namespace converge::runtime
