#include "agent/control/conflict_index.h"
#include "agent/control/document_page.h"
#include "agent/control/document_walk.h"
#include "agent/control/handlers.h"
#include "agent/control/past_rows.h"
#include "agent/control/pattern.h"
#include "core/verbs/canonical.h"
#include "core/verbs/conflicts.h"
#include "core/verbs/read.h"
#include "core/verbs/root_digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <span>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

/// What the index says; null while it is being filled.
Json conflicts_of(store::Store& store, const Row& row, bool is_indexed) {
  if (!is_indexed) return row.conflicts > 0 ? Json(row.conflicts) : Json();
  const auto entry = store.conflicts_of(row.header.id);
  if (!entry) return {};
  const auto summary = repo::decode_conflicts(*entry ? ByteView(**entry) : ByteView());
  return summary && summary->exact ? Json(summary->count) : Json();
}

Json row_json(store::Store& store, const Row& row, bool is_indexed) {
  std::uint64_t seq = row.header.last_receipt;
  for (const ChangeHash& head : row.header.heads) {
    if (seq != 0) break;  // stores of before it was kept know it of the tail alone
    const auto stored = store.find_change(row.header.id, head);
    if (stored && *stored) seq = std::max(seq, (*stored)->receipt);
  }
  Json item{{"kind", "Document"},
            {"v", 1},
            {"id", row.header.id.to_url()},
            {"name", row.name.empty() ? Json() : Json(row.name)},
            {"heads", verbs::heads_json(row.header.heads)},
            {"seq", seq == 0 ? Json() : Json(seq)},
            {"changes", row.header.change_count},
            {"size_bytes", row.header.snapshot.bytes + row.header.tail_bytes},
            {"actors", row.header.actors == 0 ? Json() : Json(row.header.actors)},
            {"conflicts", conflicts_of(store, row, is_indexed)},
            {"state", row.header.state == store::DocumentState::kDegraded ? "degraded" : "ok"},
            {"updated_at", format_time(row.header.modified_ms)}};
  if (row.is_past) {  // what only the present has
    for (const char* key : {"size_bytes", "actors", "conflicts"}) item.erase(key);
  }
  return item;
}

/// Named documents first, by name; the rest by id. Total, so that paging by position is stable.
bool by_name(const Row& a, const Row& b) {
  if (a.name.empty() != b.name.empty()) return !a.name.empty();
  return a.name != b.name ? a.name < b.name : a.header.id < b.header.id;
}

Result<void> sort_rows(std::vector<Row>& rows, const std::string& key, bool reverse) {
  std::stable_sort(rows.begin(), rows.end(), by_name);
  const auto descending = [&rows](auto value) {
    std::stable_sort(rows.begin(), rows.end(),
                     [value](const Row& a, const Row& b) { return value(a) > value(b); });
  };
  if (key == "updated") {
    descending([](const Row& row) { return row.header.modified_ms; });
  } else if (key == "size") {
    descending([](const Row& row) { return row.header.snapshot.bytes + row.header.tail_bytes; });
  } else if (key == "changes") {
    descending([](const Row& row) { return row.header.change_count; });
  } else if (key != "name") {
    return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is not a sort key", key),
                      "the keys are name, updated, size and changes");
  }
  if (reverse) std::reverse(rows.begin(), rows.end());
  return {};
}

struct ListOptions {
  std::uint64_t limit = 0;
  std::string after;
  std::string sort = "name";
  bool reverse = false;
  bool conflicted = false;
  bool degraded = false;
  bool count = false;
};

Json count_json(std::uint64_t count) { return Json{{"kind", "Count"}, {"v", 1}, {"count", count}}; }

Json page_json(store::Store& store, std::span<const Row> rows, bool more) {
  Json items = Json::array();
  const bool indexed = is_indexed(store);
  for (const Row& row : rows) items.push_back(row_json(store, row, indexed));
  return Json{{"kind", "DocumentList"},
              {"v", 1},
              {"items", std::move(items)},
              {"next", more ? Json(rows.back().header.id.to_url()) : Json()}};
}

void answer_list(Services& services, const CallPtr& call, std::vector<Row> rows,
                 const ListOptions& options) {
  if (options.conflicted) {
    std::erase_if(rows, [](const Row& row) { return row.conflicts == 0; });
  }
  if (options.count) {
    return call->reply(count_json(rows.size()));
  }
  const auto sorted = sort_rows(rows, options.sort, options.reverse);
  if (!sorted) return call->fail(sorted.error());
  std::size_t begin = 0;
  if (!options.after.empty()) {
    const auto place = std::find_if(rows.begin(), rows.end(), [&options](const Row& row) {
      return row.header.id.to_url() == options.after;
    });
    if (place == rows.end()) {
      return call->fail(no_such_place(options.after));
    }
    begin = static_cast<std::size_t>(place - rows.begin()) + 1;
  }
  const std::size_t end =
      options.limit == 0 ? rows.size() : std::min<std::size_t>(rows.size(), begin + options.limit);
  const bool more = end < rows.size() && end > begin;
  call->reply(page_json(services.store(), {rows.data() + begin, end - begin}, more));
}

/// A page by name is read by itself where that is less than reading all documents: these are about
/// as many single reads a row. What the indexes of names cannot tell, all documents do.
constexpr std::uint64_t kReadsPerRow = 4;

bool is_page_alone(Services& services, const std::vector<std::string>& patterns,
                   const ListOptions& options) {
  if (options.limit == 0 || options.limit > services.store().counts().documents / kReadsPerRow)
    return false;
  if (options.sort != "name" || options.reverse || options.conflicted || options.degraded)
    return false;
  return patterns.empty() || (patterns.size() == 1 && is_pattern(patterns[0]));
}

void answer_page(Services& services, const CallPtr& call, const std::vector<std::string>& patterns,
                 const ListOptions& options, std::function<void()> otherwise) {
  PageQuery query{patterns.empty() ? "" : patterns[0], options.after,
                  static_cast<std::size_t>(options.limit) + 1};
  walk_page(services, query,
            [&services, call, limit = options.limit,
             otherwise = std::move(otherwise)](Result<std::vector<Row>> rows) {
              if (!rows && rows.error().code == ErrorCode::kCorrupt) return otherwise();
              if (!rows) return call->fail(rows.error());
              const bool more = rows->size() > limit;
              if (more) rows->pop_back();
              call->reply(page_json(services.store(), *rows, more));
            });
}

void list_deleted(Services& services, const CallPtr& call, bool count_only) {
  Json items = Json::array();
  store::PageRequest request;
  while (true) {
    const auto page = services.store().list_tombstones(request);
    if (!page) return call->fail(page.error());
    for (const store::Tombstone& tombstone : page->items) {
      items.push_back(Json{{"kind", "Document"},
                           {"v", 1},
                           {"id", tombstone.document.to_url()},
                           {"name", nullptr},
                           {"heads", verbs::heads_json(tombstone.heads)},
                           {"seq", nullptr},
                           {"changes", 0},
                           {"size_bytes", 0},
                           {"state", "deleted"},
                           {"updated_at", format_time(tombstone.deleted_ms)}});
    }
    if (page->next.empty()) break;
    request.after = page->next;
  }
  if (count_only) return call->reply(count_json(items.size()));
  call->reply(
      Json{{"kind", "DocumentList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}});
}

}  // namespace

void doc_list(Services& services, CallPtr call) {
  const auto patterns = strings_param(*call, "patterns");
  const auto limit = number_param(*call, "limit", 0);
  const auto after = string_param(*call, "after");
  const auto sort = string_param(*call, "sort", "name");
  const auto at = string_param(*call, "at");
  if (!at) return call->fail(at.error());
  if (!patterns) return call->fail(patterns.error());
  if (!limit) return call->fail(limit.error());
  if (!after) return call->fail(after.error());
  if (!sort) return call->fail(sort.error());
  ListOptions options{*limit, *after, *sort};
  for (const auto& [name, field] :
       {std::pair{"reverse", &options.reverse}, std::pair{"conflicted", &options.conflicted},
        std::pair{"degraded", &options.degraded}, std::pair{"count", &options.count}}) {
    const auto value = bool_param(*call, name);
    if (!value) return call->fail(value.error());
    *field = *value;
  }
  const auto deleted = bool_param(*call, "deleted");
  if (!deleted) return call->fail(deleted.error());
  if (!at->empty() && (*deleted || options.conflicted)) {
    return call->fail(make_error(ErrorId::kUsageArgument,
                                 "a listing of the past knows neither deletions nor conflicts"));
  }
  if (*deleted) return list_deleted(services, call, options.count);
  const auto answer = [&services, call, options](std::vector<Row> rows) {
    if (options.degraded) {
      std::erase_if(
          rows, [](const Row& row) { return row.header.state != store::DocumentState::kDegraded; });
    }
    if (!options.conflicted) return answer_list(services, call, std::move(rows), options);
    visit_all(
        services, call, std::move(rows),
        [](ShardAccess&, const engine::Document& document, Row& row) -> Result<void> {
          row.conflicts = verbs::count_conflicts(document.now());
          return {};
        },
        [&services, call, options](std::vector<Row> visited) {
          answer_list(services, call, std::move(visited), options);
        });
  };
  if (options.conflicted) return walk_conflicted(services, call, *patterns, {}, answer);
  const auto all = [&services, call, answer, patterns = *patterns, at = *at] {
    walk(services, call, patterns, [&services, call, answer, at](std::vector<Row> rows) {
      rows_at(services, call, at, std::move(rows), answer);
    });
  };
  if (!at->empty()) return all();
  if (options.count && patterns->empty() && !options.degraded) {
    return call->reply(count_json(count_documents(services)));
  }
  if (!options.count && is_page_alone(services, *patterns, options)) {
    return answer_page(services, call, *patterns, options, all);
  }
  all();
}

void doc_digest(Services& services, CallPtr call) {
  const auto patterns = strings_param(*call, "patterns");
  const auto root = bool_param(*call, "root");
  const auto state = bool_param(*call, "state");
  const auto at = string_param(*call, "at");
  if (!at) return call->fail(at.error());
  if (!patterns) return call->fail(patterns.error());
  if (!root) return call->fail(root.error());
  if (!state) return call->fail(state.error());
  const auto answer = [call, root = *root,
                       state = *state](const std::vector<std::pair<Row, verbs::Digest>>& digests) {
    verbs::RootDigest sum;
    Json items = Json::array();
    for (const auto& [row, digest] : digests) {
      sum.add(row.header.id, digest);
      if (root) continue;
      items.push_back(Json{{"id", row.header.id.to_url()},
                           {"name", row.name.empty() ? Json() : Json(row.name)},
                           {"digest", to_hex(digest)}});
    }
    Json result{{"kind", "Digest"},
                {"v", 1},
                {"over", state ? "state" : "history"},
                {"count", digests.size()},
                {"root", sum.hex()}};
    if (!root) result["items"] = std::move(items);
    call->reply(std::move(result));
  };
  const auto digest_rows = [&services, call, answer, state = *state](std::vector<Row> rows) {
    const auto by_id = [](const Row& a, const Row& b) { return a.header.id < b.header.id; };
    std::sort(rows.begin(), rows.end(), by_id);
    rows.erase(std::unique(rows.begin(), rows.end(),
                           [](const Row& a, const Row& b) { return a.header.id == b.header.id; }),
               rows.end());
    using Digests = std::vector<std::pair<Row, verbs::Digest>>;
    if (!state) {
      Digests digests;
      for (const Row& row : rows) {
        digests.emplace_back(row, verbs::history_digest(row.header.heads));
      }
      return answer(digests);
    }
    // Filled by the visits, each from its shard, read on the control thread after the last.
    const auto found = std::make_shared<std::map<DocumentId, verbs::Digest>>();
    visit_all(
        services, call, std::move(rows),
        [&services, found](ShardAccess&, const engine::Document& document,
                           Row& row) -> Result<void> {
          const auto view =
              row.is_past ? document.at(row.header.heads) : Result<engine::View>(document.now());
          if (!view) return view.error();
          services.on_control([found, id = row.header.id, digest = verbs::state_digest(*view)] {
            found->insert_or_assign(id, digest);
          });
          return {};
        },
        [found, answer](const std::vector<Row>& visited) {
          Digests digests;
          for (const Row& row : visited) {
            const auto digest = found->find(row.header.id);
            if (digest != found->end()) digests.emplace_back(row, digest->second);
          }
          answer(digests);
        });
  };
  walk(services, call, *patterns, [&services, call, digest_rows, at = *at](std::vector<Row> rows) {
    rows_at(services, call, at, std::move(rows), digest_rows);
  });
}

}  // namespace converge::handlers
