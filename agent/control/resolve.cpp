#include "agent/control/resolve.h"

#include "core/control/error_table.h"
#include "core/verbs/revision.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;

constexpr std::size_t kPrefixMin = 5;
constexpr std::size_t kCandidatesMax = 5;
/// Names looked at for a suggestion; more would make a typo expensive.
constexpr std::size_t kSuggestionNamesMax = 2000;

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t substitute = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitute, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[right.size()];
}

std::string suggestion(store::Store& store, std::string_view wanted) {
  const auto page = store.list_names({.after = {}, .prefix = {}, .limit = kSuggestionNamesMax});
  if (!page) return {};
  std::size_t best = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  std::string found;
  for (const store::NameEntry& entry : page->items) {
    const std::size_t distance = edit_distance(wanted, entry.name);
    if (distance < best) {
      best = distance;
      found = entry.name;
    }
  }
  return found.empty() ? found : fmt::format("did you mean \"{}\"?", found);
}

Result<Target> by_prefix(store::Store& store, const std::string& text) {
  const auto found = store.find_by_prefix(text, kCandidatesMax + 1);
  if (!found) return found.error();
  if (found->size() == 1) return Target{found->front(), name_of(store, found->front()), {}};
  if (found->empty()) {
    return make_error(ErrorId::kDocNotFound, fmt::format("no document is called \"{}\"", text),
                      suggestion(store, text));
  }
  std::string candidates;
  for (std::size_t i = 0; i < std::min(found->size(), kCandidatesMax); ++i) {
    candidates += fmt::format("{}{}", candidates.empty() ? "" : ", ", (*found)[i].to_base58());
  }
  return make_error(
      ErrorId::kDocAmbiguous,
      fmt::format("\"{}\" could be {} of these: {}", text,
                  found->size() > kCandidatesMax ? "more than five" : "any", candidates),
      "write more of the id");
}

}  // namespace

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
    return make_error(ErrorId::kDocNotFound, fmt::format("no document is called \"{}\"", parts.doc),
                      suggestion(store, parts.doc));
  }
  auto target = by_prefix(store, std::string(bare));
  if (target) target->rev = parts.rev;
  return target;
}

}  // namespace converge::handlers
