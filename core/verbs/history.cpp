#include "core/verbs/history.h"

#include "core/control/error_table.h"
#include "core/verbs/diff.h"
#include "core/verbs/read.h"
#include "core/verbs/text_forms.h"
#include "core/verbs/value.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// What a pointer shows at some heads; nothing when it leads nowhere.
std::optional<json> shown_at(const engine::Document& document, const Heads& heads,
                             const Pointer& pointer) {
  const auto view = document.at(heads);
  if (!view) return std::nullopt;
  const auto place = resolve_existing(*view, pointer);
  if (!place) return std::nullopt;
  auto value = place->is_root ? object_to_json(*view, model::kRoot, {.form = Form::kInput})
                              : to_json(*view, *place->value, {.form = Form::kInput});
  if (!value) return std::nullopt;
  return std::move(*value);
}

Heads sorted(std::vector<ChangeHash> hashes) {
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

bool wanted(const engine::Document& document, const ChangeHash& hash, const LogOptions& options) {
  if (options.at && !document.is_ancestor(hash, *options.at)) return false;
  if (!options.actor && !options.path) return true;
  const auto info = document.change_info(hash);
  if (!info) return false;
  if (options.actor && !info->actor.to_hex().starts_with(*options.actor)) return false;
  if (!options.path) return true;
  return shown_at(document, sorted(info->deps), *options.path) !=
         shown_at(document, {hash}, *options.path);
}

Error no_change(const ChangeHash& hash) {
  return make_error(ErrorId::kRevNotFound,
                    fmt::format("the document has no change {}", hash.to_hex()));
}

}  // namespace

Result<json> change_json(const engine::Document& document, const ChangeHash& hash) {
  const auto info = document.change_info(hash);
  const auto bytes = document.change_bytes(hash);
  if (!info || !bytes) return no_change(hash);
  return json{{"kind", "Change"},         {"v", 1},
              {"hash", hash.to_hex()},    {"actor", info->actor.to_hex()},
              {"seq", info->seq},         {"deps", heads_json(info->deps)},
              {"message", info->message}, {"author_time", format_seconds(info->time)},
              {"ops", info->op_count},    {"size_bytes", bytes->size()}};
}

Result<std::vector<ChangeHash>> log(const engine::Document& document, const LogOptions& options) {
  if (options.at)
    for (const auto& hash : *options.at)
      if (!document.has_change(hash)) return no_change(hash);
  std::vector<ChangeHash> out;
  const auto all = document.all_changes();
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (!wanted(document, *it, options)) continue;
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
