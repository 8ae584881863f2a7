#include "core/verbs/merge.h"

#include "core/control/error_table.h"
#include "core/verbs/conflicts.h"
#include "core/verbs/read.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

namespace converge::verbs {
namespace {

using nlohmann::json;
using Apply = std::function<Result<engine::ApplyReport>(engine::Document&)>;

std::set<std::string> conflict_ids(const engine::Document& document) {
  std::set<std::string> out;
  for (const auto& conflict : conflicts(document, "")) out.insert(conflict.id);
  return out;
}

Result<MergeOutcome> merge_into(engine::Document& document, const Apply& apply) {
  const auto before = conflict_ids(document);
  auto report = apply(document);
  if (!report) return report.error();
  MergeOutcome outcome;
  outcome.applied = std::move(report->applied);
  outcome.queued = std::move(report->queued);
  outcome.heads = document.heads();
  if (outcome.applied.empty()) return outcome;
  for (const auto& conflict : conflicts(document, ""))
    if (!before.contains(conflict.id)) outcome.new_conflicts.push_back(conflict.path);
  return outcome;
}

Result<MergeOutcome> merge(engine::Document& document, const Apply& apply,
                           const MergeOptions& options) {
  if (!options.dry_run && !options.fail_on_conflict) return merge_into(document, apply);
  engine::Document trial = document.fork(document.actor());  // never edited: no actor is used twice
  auto outcome = merge_into(trial, apply);
  if (!outcome) return outcome;
  if (options.fail_on_conflict && !outcome->new_conflicts.empty())
    return control::make_error(
        control::ErrorId::kMergeConflict,
        fmt::format("the merge would make {} new conflict{}, the first at {}",
                    outcome->new_conflicts.size(), outcome->new_conflicts.size() == 1 ? "" : "s",
                    outcome->new_conflicts.front()),
        "merge without --fail-on-conflict, then see \"syncctl conflict ls\"");
  if (!options.dry_run)
    if (auto kept = apply(document); !kept) return kept.error();
  return outcome;
}

}  // namespace

Result<MergeOutcome> merge_chunks(engine::Document& document, ByteView chunks,
                                  const MergeOptions& options) {
  return merge(
      document, [&](engine::Document& into) { return into.load_incremental(chunks); }, options);
}

Result<MergeOutcome> merge_document(engine::Document& document, const engine::Document& other,
                                    const MergeOptions& options) {
  return merge(
      document, [&](engine::Document& into) { return into.merge(other); }, options);
}

json to_json(const MergeOutcome& outcome) {
  return {{"heads", heads_json(outcome.heads)},
          {"merged", outcome.applied.size()},
          {"conflicts", outcome.new_conflicts.size()},
          {"unchanged", outcome.unchanged()}};
}

}  // namespace converge::verbs
