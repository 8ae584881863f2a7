#include "agent/control/resolve.h"

#include "core/base/suggest.h"
#include "core/control/error_table.h"
#include "core/verbs/revision.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::size_t kPrefixMin = 5;
constexpr std::size_t kCandidatesMax = 5;
/// Names looked at for a suggestion; more would make a typo expensive.
constexpr std::size_t kSuggestionNamesMax = 2000;

/// With the names of documents that the word may stand for.
Error not_found(store::Store& store, const std::string& wanted) {
  Error error = no_document(wanted);
  const auto page = store.list_names({.after = {}, .prefix = {}, .limit = kSuggestionNamesMax});
  if (!page) return error;
  std::vector<std::string> names;
  names.reserve(page->items.size());
  for (const store::NameEntry& entry : page->items) names.push_back(entry.name);
  if (const auto near = nearest(wanted, names)) {
    error.hint = fmt::format("did you mean \"{}\"?", *near);
    error.candidates = {*near};
  }
  return error;
}

Result<Target> by_prefix(store::Store& store, const std::string& text) {
  const auto found = store.find_by_prefix(text, kCandidatesMax + 1);
  if (!found) return found.error();
  if (found->size() == 1) return Target{found->front(), name_of(store, found->front()), {}};
  if (found->empty()) return not_found(store, text);
  std::vector<std::string> candidates;
  for (std::size_t i = 0; i < std::min(found->size(), kCandidatesMax); ++i) {
    candidates.push_back((*found)[i].to_base58());
  }
  Error error = make_error(ErrorId::kDocAmbiguous,
                           fmt::format("\"{}\" could be {} of these: {}", text,
                                       found->size() > kCandidatesMax ? "more than five" : "any",
                                       fmt::join(candidates, ", ")),
                           "write more of the id");
  error.subject = text;
  error.candidates = std::move(candidates);
  return error;
}

}  // namespace

Error no_document(const std::string& words) {
  Error error =
      make_error(ErrorId::kDocNotFound, fmt::format("no document is called \"{}\"", words));
  error.subject = words;
  return error;
}

std::string name_of(store::Store& store, const DocumentId& document) {
  const auto names = store.names_of(document);
  if (!names || names->empty()) return {};
  return *std::min_element(names->begin(), names->end());
}

Result<Target> resolve_document(store::Store& store, std::string_view text) {
  const verbs::DocRev parts = verbs::split_doc_rev(text);
  if (parts.doc.empty()) {
    return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" names no document", text));
  }
  const auto named = store.find_name(parts.doc);
  // What cannot be a name may still be an id; a store that cannot be read is neither.
  if (!named && named.error().code != ErrorCode::kInvalid) return named.error();
  if (named && *named) return Target{**named, parts.doc, parts.rev};
  if (const auto id = DocumentId::parse(parts.doc)) {
    return Target{*id, name_of(store, *id), parts.rev};
  }
  std::string_view bare = parts.doc;
  constexpr std::string_view kScheme = "automerge:";
  if (bare.starts_with(kScheme)) bare.remove_prefix(kScheme.size());
  if (bare.size() < kPrefixMin) {
    return not_found(store, parts.doc);
  }
  auto target = by_prefix(store, std::string(bare));
  if (target) target->rev = parts.rev;
  return target;
}

}  // namespace converge::handlers
