#include "agent/control/document_page.h"

#include "agent/control/pattern.h"
#include "agent/control/resolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace converge::handlers {
namespace {

/// A page of the store at first, and at most: what does not fit a pattern is passed over faster and
/// faster.
constexpr std::size_t kFirstPage = 16;
constexpr std::size_t kPageMax = 1000;

std::string place_of(const DocumentId& document) { return std::string(as_text(document.bytes)); }

/// Walks over the names, then over the headers, until the page is full.
struct PageWalk : std::enable_shared_from_this<PageWalk> {
  Services& services;
  PageQuery query;
  std::function<void(Result<std::vector<Row>>)> done;
  std::vector<Row> rows;
  store::PageRequest request;
  std::optional<NamesInOrder> names;  ///< while walking over headers
  std::size_t page = kFirstPage;

  PageWalk(Services& all, PageQuery wanted) : services(all), query(std::move(wanted)) {}

  /// Finds the place behind which the page begins.
  Result<void> begin() {
    request.prefix = std::string(literal_prefix(query.pattern));
    if (query.after.empty()) return {};
    const auto id = DocumentId::parse(query.after);
    if (!id || id->to_url() != query.after) return no_such_place(query.after);
    const auto header = services.store().header(*id);
    if (!header && header.error().code != ErrorCode::kNotFound) return header.error();
    if (!header || !is_shown(*header)) return no_such_place(query.after);
    auto known = services.store().names_of(*id);
    if (!known) return known.error();
    if (!query.pattern.empty()) {
      std::erase_if(*known, [this](const std::string& name) {
        return !matches_pattern(query.pattern, name);
      });
      if (known->empty()) return no_such_place(query.after);
    }
    if (known->empty()) {
      begin_headers(place_of(*id));
    } else {
      request.after = *std::ranges::min_element(*known);
    }
    return {};
  }

  bool is_shown(const store::DocumentHeader& header) const {
    if (header.state == store::DocumentState::kDeleted) return false;
    return !query.pattern.empty() || header.id != services.catalog();
  }

  void begin_headers(std::string after) {
    names.emplace(services.store(), after, page);
    request = {.after = std::move(after), .prefix = {}, .limit = page};
  }

  void next() {
    request.limit = page = std::clamp(query.wanted - rows.size(), page, kPageMax);
    page = std::min(kPageMax, page * 2);
    const auto place = names ? take_headers() : take_names();
    if (!place) return done(place.error());
    request.after = *place;
    if (rows.size() >= query.wanted) {
      rows.resize(query.wanted);
      return done(std::move(rows));
    }
    if (place->empty()) {
      if (names || !query.pattern.empty()) return done(std::move(rows));
      begin_headers({});
    }
    services.on_control([self = shared_from_this()] { self->next(); });
  }

  Result<std::string> take_names() {
    store::Store& store = services.store();
    const auto found = store.list_names(request);
    if (!found) return found.error();
    for (const store::NameEntry& entry : found->items) {
      if (rows.size() >= query.wanted) break;
      if (!query.pattern.empty() && !matches_pattern(query.pattern, entry.name)) continue;
      const auto header = store.header(entry.document);
      // A name may arrive from a peer before its document does.
      if (!header && header.error().code == ErrorCode::kNotFound) continue;
      if (!header) return header.error();
      if (!is_shown(*header)) continue;
      if (query.pattern.empty() && name_of(store, entry.document) != entry.name) continue;
      rows.push_back({*header, entry.name, 0});
    }
    return found->next;
  }

  Result<std::string> take_headers() {
    const auto found = services.store().list_documents(request);
    if (!found) return found.error();
    for (const store::DocumentHeader& header : found->items) {
      if (rows.size() >= query.wanted) break;
      if (is_shown(header) && names->name_of(header.id).empty()) rows.push_back({header, {}, 0});
    }
    return found->next;
  }
};

}  // namespace

NamesInOrder::NamesInOrder(store::Store& store, std::string after, std::size_t page)
    : store_(store) {
  request_.after = std::move(after);
  request_.limit = page;
}

std::string NamesInOrder::name_of(const DocumentId& document) {
  while (!is_damaged_) {
    while (at_ < entries_.size() && entries_[at_].document < document) ++at_;
    if (at_ < entries_.size()) {
      const store::NameEntry& entry = entries_[at_];
      return entry.document == document ? entry.name : std::string();
    }
    if (is_last_page_) return {};
    is_damaged_ = !read_page();
  }
  return handlers::name_of(store_, document);
}

bool NamesInOrder::read_page() {
  auto page = store_.list_names_by_document(request_);
  if (!page) return false;
  entries_ = std::move(page->items);
  at_ = 0;
  is_last_page_ = page->next.empty();
  request_.after = std::move(page->next);
  request_.limit = std::min(kPageMax, request_.limit * 2);
  return true;
}

void walk_page(Services& services, const PageQuery& query,
               std::function<void(Result<std::vector<Row>>)> done) {
  const auto walk = std::make_shared<PageWalk>(services, query);
  walk->done = std::move(done);
  if (const auto begun = walk->begin(); !begun) return walk->done(begun.error());
  walk->next();
}

Error no_such_place(const std::string& after) {
  return control::make_error(control::ErrorId::kCursorExpired,
                             fmt::format("the listing has no place \"{}\"", after));
}

std::uint64_t count_documents(Services& services) {
  const std::uint64_t stored = services.store().counts().documents;
  const auto catalog = services.store().header(services.catalog());
  const bool has_catalog = catalog && catalog->state != store::DocumentState::kDeleted;
  return stored - std::min<std::uint64_t>(stored, has_catalog ? 1 : 0);
}

}  // namespace converge::handlers
