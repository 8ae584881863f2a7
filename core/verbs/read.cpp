#include "core/verbs/read.h"

#include "core/verbs/conflicts.h"

#include <nlohmann/json.hpp>

#include <set>

namespace converge::verbs {

using nlohmann::json;

Result<json> get(const engine::Document& document, const Pointer& pointer,
                 const GetOptions& options) {
  const auto heads = resolve_revision(document, options.rev, options.revisions);
  if (!heads) return heads.error();
  const auto view = view_at(document, *heads);
  if (!view) return view.error();
  const auto place = resolve_existing(*view, pointer);
  if (!place) return place.error();
  const Reading reading{.form = options.form, .unshown = options.unshown};
  if (place->is_root) return object_to_json(*view, model::kRoot, reading);
  return to_json(*view, *place->value, reading);
}

json document_facts(const engine::Document& document) {
  std::set<ActorId> actors;
  for (const auto& hash : document.all_changes())
    if (const auto info = document.change_info(hash)) actors.insert(info->actor);
  return {{"heads", heads_json(document.heads())},
          {"changes", document.change_count()},
          {"actors", actors.size()},
          {"size_bytes", document.save().size()},
          {"conflicts", count_conflicts(document.now())}};
}

json heads_json(const Heads& heads) {
  json out = json::array();
  for (const auto& hash : heads) out.push_back(hash.to_hex());
  return out;
}

}  // namespace converge::verbs
