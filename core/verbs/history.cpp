#include "core/verbs/history.h"

#include "core/control/error_table.h"
#include "core/verbs/diff.h"
#include "core/verbs/read.h"
#include "core/verbs/revision.h"
#include "core/verbs/text_forms.h"
#include "core/verbs/touched.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Heads sorted(std::vector<ChangeHash> hashes) {
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

/// The changes at which `options.at` looks, oldest first.
std::vector<ChangeHash> history_of(const engine::Document& document, const LogOptions& options) {
  std::vector<ChangeHash> all = document.all_changes();
  if (!options.at) return all;
  const auto later = document.changes_since(*options.at);
  const std::unordered_set<ChangeHash, model::ChangeHashHasher> excluded(later.begin(),
                                                                         later.end());
  std::erase_if(all, [&](const ChangeHash& hash) { return excluded.contains(hash); });
  return all;
}

Result<std::vector<ChangeHash>> that_touched(const engine::Document& document,
                                             const std::vector<ChangeHash>& changes,
                                             const LogOptions& options) {
  const auto view = view_at(document, options.at.value_or(document.heads()));
  if (!view) return view.error();
  auto watcher = PathWatcher::make(*view, *options.path);
  if (!watcher) return watcher.error();
  std::vector<ChangeHash> out;
  for (const auto& hash : changes) {
    const auto touched = watcher->touched_by(document, hash);
    if (!touched) return touched.error();
    if (*touched) out.push_back(hash);
  }
  return out;
}

bool is_by(const engine::Document& document, const ChangeHash& hash, std::string_view actor) {
  const auto info = document.change_info(hash);
  return info && info->actor.to_hex().starts_with(actor);
}

Error no_change(const ChangeHash& hash) {
  return make_error(ErrorId::kRevNotFound,
                    fmt::format("the document has no change {}", hash.to_hex()));
}

}  // namespace

json author_time(std::int64_t seconds) {
  return seconds == 0 ? json() : json(format_seconds(seconds));
}

Result<json> change_json(const engine::Document& document, const ChangeHash& hash) {
  const auto info = document.change_info(hash);
  const auto bytes = document.change_bytes(hash);
  if (!info || !bytes) return no_change(hash);
  return json{{"kind", "Change"},         {"v", 1},
              {"hash", hash.to_hex()},    {"actor", info->actor.to_hex()},
              {"seq", info->seq},         {"deps", heads_json(info->deps)},
              {"message", info->message}, {"author_time", author_time(info->time)},
              {"ops", info->op_count},    {"size_bytes", bytes->size()}};
}

Result<std::vector<ChangeHash>> log(const engine::Document& document, const LogOptions& options) {
  if (options.at)
    for (const auto& hash : *options.at)
      if (!document.has_change(hash)) return no_change(hash);
  std::vector<ChangeHash> changes = history_of(document, options);
  if (options.path) {
    auto touched = that_touched(document, changes, options);
    if (!touched) return touched.error();
    changes = std::move(*touched);
  }
  std::vector<ChangeHash> out;
  for (auto it = changes.rbegin(); it != changes.rend(); ++it) {
    if (options.actor && !is_by(document, *it, *options.actor)) continue;
    out.push_back(*it);
    if (options.limit != 0 && out.size() == options.limit) break;
  }
  return out;
}

Result<json> show(const engine::Document& document, const ChangeHash& hash, bool with_operations) {
  auto out = change_json(document, hash);
  if (!out) return out;
  const auto deps = document.change_deps(hash);
  if (!deps) return no_change(hash);
  auto patch = diff_patch(document, sorted(*deps), {hash});
  if (!patch) return patch.error();
  (*out)["stat"] = patch_stat(*patch);
  (*out)["patch"] = std::move(*patch);
  if (with_operations) {
    auto operations = operations_json(document, hash);
    if (!operations) return operations.error();
    (*out)["operations"] = std::move(*operations);
  }
  return out;
}

}  // namespace converge::verbs
