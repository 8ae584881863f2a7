#include "agent/control/document_walk.h"

#include "agent/control/document_look.h"
#include "agent/control/document_page.h"
#include "agent/control/pattern.h"
#include "agent/control/resolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::size_t kPage = 1000;

/// A walk over the documents that a request is about, a page at a time, so that other requests get
/// their turn between pages. Control thread; rows are looked at on their shards where needed.
struct Walk : std::enable_shared_from_this<Walk> {
  Services& services;
  CallPtr call;
  std::vector<std::string> patterns;
  std::vector<Row> rows;
  std::string after;
  std::function<void(std::vector<Row>)> done;
  NamesInOrder names;  ///< of documents by id

  Walk(Services& all, CallPtr request)
      : services(all), call(std::move(request)), names(all.store(), {}, kPage) {}

  void next() {
    // Names first where patterns ask for names; unnamed documents only take part without patterns.
    const bool by_name = !patterns.empty();
    store::PageRequest request;
    request.after = after;
    request.limit = kPage;
    if (by_name && patterns.size() == 1) request.prefix = std::string(literal_prefix(patterns[0]));
    const auto next_page = by_name ? take_names(request) : take_documents(request);
    if (!next_page) return call->fail(next_page.error());
    if (next_page->empty()) return done(std::move(rows));
    after = *next_page;
    services.on_control([self = shared_from_this()] { self->next(); });
  }

  Result<std::string> take_names(const store::PageRequest& request) {
    const auto page = services.store().list_names(request);
    if (!page) return page.error();
    for (const store::NameEntry& entry : page->items) {
      if (!matches_any(patterns, entry.name)) continue;
      const auto header = services.store().header(entry.document);
      // A name may arrive from a peer before its document does.
      if (!header || header->state == store::DocumentState::kDeleted) continue;
      rows.push_back({*header, entry.name, 0});
    }
    return page->next;
  }

  Result<std::string> take_documents(const store::PageRequest& request) {
    const auto page = services.store().list_documents(request);
    if (!page) return page.error();
    for (const store::DocumentHeader& header : page->items) {
      if (header.id == services.catalog()) continue;
      rows.push_back({header, names.name_of(header.id), 0});
    }
    return page->next;
  }
};

/// Looks at each row's document on its shard, some at a time.
struct Visits : std::enable_shared_from_this<Visits> {
  static constexpr std::size_t kAtOnce = 64;
  Services& services;
  CallPtr call;
  std::vector<Row> rows;
  Visit visit;
  std::function<void(std::vector<Row>)> done;
  std::size_t begin = 0;  ///< rows before it were looked at

  Visits(Services& all, CallPtr request) : services(all), call(std::move(request)) {}

  void run() {
    if (begin == rows.size()) return done(std::move(rows));
    const std::size_t end = std::min(rows.size(), begin + kAtOnce);
    std::vector<DocumentId> documents;
    for (std::size_t i = begin; i < end; ++i) documents.push_back(rows[i].header.id);
    look_at(
        services, std::move(documents),
        [self = shared_from_this()](ShardAccess& shard, std::size_t index,
                                    const engine::Document& document) {
          return self->visit(shard, document, self->rows[self->begin + index]);
        },
        [self = shared_from_this(), end](const std::vector<Result<void>>& results) {
          for (const Result<void>& result : results) {
            if (!result && result.error().code != ErrorCode::kNotFound)
              return self->call->fail(result.error());
          }
          self->begin = end;
          self->run();
        });
  }
};

}  // namespace

void walk(Services& services, const CallPtr& call, const std::vector<std::string>& patterns,
          std::function<void(std::vector<Row>)> done) {
  const auto walk = std::make_shared<Walk>(services, call);
  for (const std::string& pattern : patterns) {
    if (is_pattern(pattern)) {
      walk->patterns.push_back(pattern);
      continue;
    }
    const auto target = resolve_document(services.store(), pattern);
    if (!target) return call->fail(target.error());
    const auto header = services.store().header(target->id);
    if (!header || header->state == store::DocumentState::kDeleted) {
      return call->fail(no_document(pattern));
    }
    walk->rows.push_back({*header, target->name});
  }
  walk->done = std::move(done);
  if (!patterns.empty() && walk->patterns.empty()) return walk->done(std::move(walk->rows));
  walk->next();
}

void visit_all(Services& services, const CallPtr& call, std::vector<Row> rows, Visit visit,
               std::function<void(std::vector<Row>)> done) {
  const auto visits = std::make_shared<Visits>(services, call);
  visits->rows = std::move(rows);
  visits->visit = std::move(visit);
  visits->done = std::move(done);
  visits->run();
}

}  // namespace converge::handlers
