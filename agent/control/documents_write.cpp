#include "agent/control/catalog_access.h"
#include "agent/control/handlers.h"
#include "agent/control/shard_document.h"
#include "core/verbs/edits.h"

#include <fmt/format.h>

#include <algorithm>

namespace converge::handlers {

using control::ErrorId;
using control::make_error;

void doc_edit(Services& services, CallPtr call) {
  const auto doc = required_string(*call, "doc");
  if (!doc) return call->fail(doc.error());
  const auto target = resolve_document(services.store(), *doc);
  if (!target) return call->fail(target.error());
  if (!target->rev.empty()) {
    return call->fail(
        make_error(ErrorId::kUsageArgument,
                   fmt::format("\"{}\" is in the past, which nobody can change", *doc),
                   fmt::format("use --base {} to start from there", target->rev)));
  }
  edit_document(services, call, *target,
                [call](engine::Document& document, const verbs::WriteOptions& defaults) {
                  return verbs::run_edit(document, call->method, *call->params, defaults);
                });
}

namespace {

/// What was removed goes from the disk, too, and each item says whether that is proven.
void purge(Services& services, const CallPtr& call, Json report) {
  services.on_store(
      [&services, call, report = std::move(report)](const std::function<bool()>&) mutable {
        for (Json& item : report["items"]) {
          const auto id = DocumentId::parse(item["id"].get<std::string>());
          const auto done = services.store().purge(*id);
          if (!done) return call->fail(done.error());
          item["purged"] = done->entries_left == 0;
          item["entries_erased"] =
              done->entries_before - std::min(done->entries_before, done->entries_left);
          item["entries_left"] = done->entries_left;
        }
        call->reply(std::move(report));
      });
}

}  // namespace

void doc_rm(Services& services, CallPtr call) {
  const auto docs = strings_param(*call, "docs");
  const auto dry_run = bool_param(*call, "dry_run");
  const auto with_purge = bool_param(*call, "purge");
  if (!docs) return call->fail(docs.error());
  if (!dry_run) return call->fail(dry_run.error());
  if (!with_purge) return call->fail(with_purge.error());
  if (docs->empty()) {
    return call->fail(make_error(ErrorId::kUsageArgument, "no document is named"));
  }
  std::vector<Target> targets;
  std::vector<DocumentId> ids;
  for (const std::string& doc : *docs) {
    const auto target = resolve_document(services.store(), doc);
    if (!target) return call->fail(target.error());
    const auto header = services.store().header(target->id);
    if (!header || header->state == store::DocumentState::kDeleted) {
      return call->fail(no_document(doc));
    }
    if (target->id == services.catalog()) {
      return call->fail(make_error(ErrorId::kUsageArgument, "the catalog cannot be removed"));
    }
    targets.push_back(*target);
    ids.push_back(target->id);
  }
  if (*dry_run) {
    Json items = Json::array();
    for (const Target& target : targets) {
      items.push_back({{"id", target.id.to_url()}, {"name", target.name}, {"removed", false}});
    }
    return call->reply(Json{{"kind", "RemoveReport"}, {"v", 1}, {"items", items}});
  }
  delete_in_catalog(
      services, ids, [&services, call, targets, with_purge = *with_purge](Result<bool> done) {
        if (!done) return call->fail(done.error());
        struct Progress {
          Json items = Json::array();
          std::size_t missing = 0;
          bool with_purge = false;
          std::optional<Error> error;
        };
        // Touched on the control thread only.
        const auto progress = std::make_shared<Progress>();
        progress->missing = targets.size();
        progress->with_purge = with_purge;
        for (const Target& target : targets) {
          services.on_shard(target.id, [&services, call, target, progress](ShardAccess& shard) {
            shard.repo.remove(
                target.id, {}, [&services, call, target, progress](Result<void> removed) {
                  services.on_control([&services, call, target, progress, removed] {
                    if (!removed && !progress->error) progress->error = removed.error();
                    progress->items.push_back(
                        {{"id", target.id.to_url()},
                         {"name", target.name.empty() ? Json() : Json(target.name)},
                         {"removed", removed.has_value()}});
                    if (--progress->missing > 0) return;
                    if (progress->error) return call->fail(*progress->error);
                    Json report{
                        {"kind", "RemoveReport"}, {"v", 1}, {"items", std::move(progress->items)}};
                    if (!progress->with_purge) return call->reply(std::move(report));
                    purge(services, call, std::move(report));
                  });
                });
          });
        }
      });
}

}  // namespace converge::handlers
