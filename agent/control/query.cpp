#include "agent/control/document_look.h"
#include "agent/control/document_walk.h"
#include "agent/control/handlers.h"
#include "agent/control/pattern.h"
#include "agent/control/receipt_revisions.h"
#include "agent/control/resolve.h"
#include "core/control/json_text.h"
#include "core/verbs/jsonpath.h"
#include "core/verbs/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

/// Documents looked at for one answer, and how much of what they gave it may hold; the last
/// document that fits may exceed it.
constexpr std::size_t kPageDocuments = 500;
constexpr std::size_t kPageBytes = 4u << 20;
constexpr std::size_t kAtOnce = 64;

/// Where the next page begins: a place in the store's listing, and how many rows behind it were
/// answered already. As text "HEX:N", because places are bytes.
struct Cursor {
  std::string place;
  std::size_t skip = 0;

  std::string text() const { return fmt::format("{}:{}", to_hex(as_bytes(place)), skip); }
  static Result<Cursor> parse(const std::string& text) {
    if (text.empty()) return Cursor{};
    const std::size_t colon = std::min(text.find(':'), text.size());
    const auto place = from_hex(std::string_view(text).substr(0, colon));
    Cursor cursor;
    const std::string number = colon < text.size() ? text.substr(colon + 1) : "";
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), cursor.skip);
    if (!place || error != std::errc() || end != number.data() + number.size())
      return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is not a cursor", text));
    cursor.place = std::string(as_text(*place));
    return cursor;
  }
};

/// The values of one page of documents. Control thread; documents are read on their shards.
struct Query : std::enable_shared_from_this<Query> {
  struct Found {
    Json results = Json::array();
    std::size_t bytes = 0;
    bool skipped = false;  ///< gone meanwhile, or not there yet at `at`
  };

  Services& services;
  CallPtr call;
  std::optional<verbs::JsonPath> path;  ///< nothing: whole documents
  bool typed = false;
  bool only_count = false;
  std::string at;
  Cursor begin;
  std::string next;  ///< place behind the rows; empty: there is no more
  std::vector<std::string> patterns;
  std::vector<Row> rows;
  std::vector<Found> found;  ///< one a row; rows in work are written on their shards
  std::size_t done = 0;      ///< rows before it were looked at
  std::size_t bytes = 0;

  Query(Services& all, CallPtr request) : services(all), call(std::move(request)) {}

  /// Rows of the next page. Patterns go through the names, no patterns through the documents.
  Result<void> take_page() {
    store::PageRequest request;
    request.after = begin.place;
    request.limit = kPageDocuments;
    if (patterns.empty()) {
      const auto page = services.store().list_documents(request);
      if (!page) return page.error();
      for (const store::DocumentHeader& header : page->items)
        if (header.id != services.catalog())
          rows.push_back({header, name_of(services.store(), header.id), 0});
      next = page->next;
      return {};
    }
    if (patterns.size() == 1) request.prefix = std::string(literal_prefix(patterns[0]));
    const auto page = services.store().list_names(request);
    if (!page) return page.error();
    for (const store::NameEntry& entry : page->items) {
      if (!matches_any(patterns, entry.name)) continue;
      const auto header = services.store().header(entry.document);
      if (!header || header->state == store::DocumentState::kDeleted) continue;
      rows.push_back({*header, entry.name, 0});
    }
    next = page->next;
    return {};
  }

  void run() {
    found.resize(rows.size());
    begin.skip = done = std::min(begin.skip, rows.size());
    next_part();
  }

  void next_part() {
    if (done == rows.size() || bytes >= kPageBytes) return finish_page();
    const std::size_t end = std::min(rows.size(), done + kAtOnce);
    std::vector<DocumentId> documents;
    for (std::size_t i = done; i < end; ++i) documents.push_back(rows[i].header.id);
    look_at(
        services, std::move(documents),
        [self = shared_from_this()](ShardAccess& shard, std::size_t index,
                                    const engine::Document& document) -> Result<void> {
          auto result = self->look(shard, self->rows[self->done + index].header.id, document);
          if (!result) return result.error();
          self->found[self->done + index] = std::move(*result);
          return {};
        },
        [self = shared_from_this()](const std::vector<Result<void>>& results) {
          self->take(results);
        });
  }

  /// Shard thread.
  Result<Found> look(ShardAccess& shard, const DocumentId& id,
                     const engine::Document& document) const {
    const ReceiptRevisions revisions(shard.store, shard.clock, id, document);
    verbs::GetOptions options;
    options.rev = at;
    options.form = typed ? verbs::Form::kTyped : verbs::Form::kPlain;
    options.revisions = &revisions;
    Found out;
    auto value = verbs::get(document, verbs::Pointer{}, options);
    if (!value && control::is(value.error(), ErrorId::kRevNotFound) && !at.empty()) {
      out.skipped = true;
      return out;
    }
    if (!value) return value.error();
    if (!path) {
      out.results.push_back(Json{{"path", "$"}, {"value", std::move(*value)}});
    } else {
      const auto nodes = path->select(*value, true);
      if (!nodes) return nodes.error();
      for (const auto& node : *nodes) {
        Json match{{"path", node.path}};
        if (!only_count) match["value"] = *node.value;
        out.results.push_back(std::move(match));
      }
    }
    for (const Json& match : out.results) out.bytes += control::to_compact(match).size();
    return out;
  }

  void take(const std::vector<Result<void>>& results) {
    for (const Result<void>& result : results) {
      Found& place = found[done++];
      if (!result && result.error().code != ErrorCode::kNotFound) return call->fail(result.error());
      place.skipped = place.skipped || !result;
      bytes += place.bytes;
    }
    next_part();
  }

  void finish_page() {
    Json items = Json::array();
    for (std::size_t i = begin.skip; i < done; ++i) {
      if (found[i].skipped) continue;
      items.push_back(Json{{"id", rows[i].header.id.to_url()},
                           {"name", rows[i].name.empty() ? Json() : Json(rows[i].name)},
                           {"results", std::move(found[i].results)}});
    }
    std::optional<Cursor> more;
    if (done < rows.size()) {
      more = Cursor{begin.place, done};
    } else if (!next.empty()) {
      more = Cursor{next, 0};
    }
    call->reply(Json{{"kind", "QueryPage"},
                     {"v", 1},
                     {"items", std::move(items)},
                     {"next", more ? Json(more->text()) : Json()}});
  }
};

/// The documents named without wildcards, all in the first page.
Result<std::vector<Row>> named_rows(Services& services, std::vector<std::string>& patterns) {
  std::vector<Row> rows;
  for (const std::string& pattern : patterns) {
    if (is_pattern(pattern)) continue;
    const auto target = resolve_document(services.store(), pattern);
    if (!target) return target.error();
    const auto header = services.store().header(target->id);
    if (!header || header->state == store::DocumentState::kDeleted) return no_document(pattern);
    rows.push_back({*header, target->name, 0});
  }
  std::erase_if(patterns, [](const std::string& pattern) { return !is_pattern(pattern); });
  return rows;
}

}  // namespace

void doc_query(Services& services, CallPtr call) {
  const auto query = std::make_shared<Query>(services, call);
  const auto path = string_param(*call, "path");
  const auto at = string_param(*call, "at");
  const auto typed = bool_param(*call, "typed");
  const auto only_count = bool_param(*call, "count");
  const auto after = string_param(*call, "after");
  auto patterns = strings_param(*call, "patterns");
  if (!path) return call->fail(path.error());
  if (!at) return call->fail(at.error());
  if (!typed) return call->fail(typed.error());
  if (!only_count) return call->fail(only_count.error());
  if (!after) return call->fail(after.error());
  if (!patterns) return call->fail(patterns.error());
  const auto cursor = Cursor::parse(*after);
  if (!cursor) return call->fail(cursor.error());
  query->begin = *cursor;
  if (!path->empty()) {
    auto parsed = verbs::JsonPath::parse(*path);
    if (!parsed) return call->fail(parsed.error());
    query->path = std::move(*parsed);
  }
  query->at = *at;
  query->typed = *typed;
  query->only_count = *only_count;
  const bool all = patterns->empty();
  auto named = named_rows(services, *patterns);
  if (!named) return call->fail(named.error());
  if (cursor->place.empty()) query->rows = std::move(*named);
  query->patterns = std::move(*patterns);
  if (all || !query->patterns.empty())
    if (const auto page = query->take_page(); !page) return call->fail(page.error());
  query->run();
}

}  // namespace converge::handlers
