#include "agent/control/conflict_index.h"

#include "agent/control/pattern.h"
#include "agent/control/resolve.h"
#include "core/verbs/conflicts.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace converge::handlers {
namespace {

/// Where the store keeps which conflicts are ignored, one record each.
constexpr std::string_view kIgnoredPrefix = "conflict.ignored/";
/// Says for which store the index is complete: a copy or a salvaged store, which has another id,
/// begins anew.
constexpr const char* kIndexedSetting = store::kConflictsIndexedSetting;
constexpr std::size_t kPage = 1000;

Bytes mark_of(store::Store& store) { return to_bytes(store.identity().store_id); }

/// Calls `visit` for each entry until it fails. Control thread: entries are few and small.
Result<void> for_each_entry(
    store::Store& store,
    const std::function<void(const DocumentId&, const repo::ConflictSummary&)>& visit) {
  store::PageRequest request;
  request.limit = kPage;
  do {
    const auto page = store.list_conflicts(request);
    if (!page) return page.error();
    for (const store::ConflictEntry& item : page->items) {
      auto summary = repo::decode_conflicts(item.entry);
      // What a later release wrote in another form is looked at in the document itself.
      if (!summary) summary = repo::ConflictSummary{.exact = false, .count = 0, .ids = {}};
      visit(item.document, *summary);
    }
    request.after = page->next;
  } while (!request.after.empty());
  return {};
}

/// Writes entries anew for one document after the other, so that requests are served meanwhile.
struct Filling : std::enable_shared_from_this<Filling> {
  explicit Filling(Services& all) : services(all) {}

  Services& services;
  std::vector<DocumentId> documents;  ///< of the page, still to be done; the last is next
  std::string after;
  bool is_last_page = false;
  bool marks = false;  ///< every document is visited: the index is complete at the end

  void next() {
    if (documents.empty() && is_last_page) return finish();
    if (documents.empty() && !read_page()) return;  // the next start tries again
    if (documents.empty()) return next();
    const DocumentId id = documents.back();
    documents.pop_back();
    services.on_shard(id, [self = shared_from_this(), id](ShardAccess& shard) {
      const auto go_on = [self](const auto&) {
        self->services.on_control([self] { self->next(); });
      };
      const auto document = shard.repo.open(id);
      // A document that cannot be read has no conflicts to show.
      if (!document) return go_on(document);
      shard.repo.reindex(id, go_on);
    });
  }

  bool read_page() {
    const auto page =
        services.store().list_documents({.after = after, .prefix = {}, .limit = kPage});
    if (!page) return false;
    for (const store::DocumentHeader& header : page->items) {
      if (header.id != services.catalog()) documents.push_back(header.id);
    }
    after = page->next;
    is_last_page = after.empty();
    return true;
  }

  void finish() {
    if (!marks) return;
    services.store().put_setting(kIndexedSetting, mark_of(services.store()),
                                 [](const Result<store::CommitNumber>&) {
                                   // Without the mark the next start fills the index once more.
                                 });
  }
};

}  // namespace

Bytes conflict_entry(const DocumentId& id, const engine::Document& document) {
  repo::ConflictSummary summary;
  for (const verbs::Conflict& conflict : verbs::conflicts(document, id.to_url())) {
    ++summary.count;
    const auto bytes = repo::parse_conflict_id(conflict.id);
    if (bytes && summary.ids.size() < repo::kConflictIdsMax) summary.ids.push_back(*bytes);
  }
  return repo::encode(summary);
}

bool is_indexed(store::Store& store) {
  const auto mark = store.setting(kIndexedSetting);
  return mark && *mark && **mark == mark_of(store);
}

void complete_index(Services& services) {
  const auto filling = std::make_shared<Filling>(services);
  filling->marks = !is_indexed(services.store());
  if (filling->marks) return filling->next();
  filling->is_last_page = true;
  const auto read = for_each_entry(
      services.store(), [&filling](const DocumentId& id, const repo::ConflictSummary& summary) {
        if (!summary.exact) filling->documents.push_back(id);
      });
  if (read) filling->next();
}

Result<std::set<std::string>> ignored_conflicts(store::Store& store) {
  const auto settings = store.settings(kIgnoredPrefix);
  if (!settings) return settings.error();
  std::set<std::string> ids;
  for (const auto& [name, value] : *settings) ids.insert(name.substr(kIgnoredPrefix.size()));
  return ids;
}

void ignore_conflict(store::Store& store, const std::string& id) {
  store.put_setting(std::string(kIgnoredPrefix) + id, Bytes{},
                    [](const Result<store::CommitNumber>&) {
                      // Reported by the sync that follows.
                    });
}

Result<std::optional<std::uint64_t>> count_open_conflicts(store::Store& store) {
  if (!is_indexed(store)) return std::optional<std::uint64_t>();
  const auto ignored = ignored_conflicts(store);
  if (!ignored) return ignored.error();
  std::uint64_t open = 0;
  const auto read =
      for_each_entry(store, [&](const DocumentId&, const repo::ConflictSummary& summary) {
        open += summary.count;
        if (ignored->empty()) return;
        open -= static_cast<std::uint64_t>(
            std::ranges::count_if(summary.ids, [&ignored](const repo::ConflictId& id) {
              return ignored->contains(repo::to_text(id));
            }));
      });
  if (!read) return read.error();
  return std::optional(open);
}

void walk_conflicted(Services& services, const CallPtr& call,
                     const std::vector<std::string>& patterns,
                     std::function<bool(const repo::ConflictSummary&)> wanted,
                     std::function<void(std::vector<Row>)> done) {
  // Few named documents are looked at directly, which also finds what does not exist.
  const bool all_named = !patterns.empty() && std::ranges::none_of(patterns, is_pattern);
  if (all_named || !is_indexed(services.store()))
    return walk(services, call, patterns, std::move(done));
  std::set<DocumentId> asked_for;
  for (const std::string& pattern : patterns) {
    if (is_pattern(pattern)) continue;
    const auto target = resolve_document(services.store(), pattern);
    if (!target) return call->fail(target.error());
    asked_for.insert(target->id);
  }
  std::vector<Row> rows;
  store::Store& store = services.store();
  const auto take = [&](const DocumentId& id, const repo::ConflictSummary& summary) {
    if (id == services.catalog() || (wanted && !wanted(summary))) return;
    const auto header = store.header(id);
    if (!header || header->state == store::DocumentState::kDeleted) return;
    std::string name = name_of(store, id);
    if (!patterns.empty() && !asked_for.contains(id)) {
      const auto names = store.names_of(id);
      if (!names) return;
      const auto match = std::ranges::find_if(
          *names, [&](const std::string& each) { return matches_any(patterns, each); });
      if (match == names->end()) return;
      name = *match;
    }
    rows.push_back({*header, std::move(name), summary.count});
  };
  const auto read = for_each_entry(store, take);
  if (!read) return call->fail(read.error());
  done(std::move(rows));
}

}  // namespace converge::handlers
