#include "core/verbs/diff.h"

#include "core/control/error_table.h"
#include "core/verbs/read.h"
#include "core/verbs/revision.h"
#include "core/verbs/touched.h"
#include "core/verbs/value.h"

#include <nlohmann/json.hpp>

#include <map>
#include <unordered_set>
#include <utility>

namespace converge::verbs {
namespace {

using engine::ObjId;
using engine::ObjType;
using engine::Value;
using nlohmann::json;

struct Element {
  engine::OpId id;
  Value value;
};

std::vector<Element> elements_of(const engine::View& view, ObjId list) {
  std::vector<Element> out;
  view.for_each_element(list, [&](engine::OpId id, const Value& value, std::size_t) {
    out.push_back({id, value});
  });
  return out;
}

std::map<std::string, Value> members_of(const engine::View& view, ObjId map) {
  std::map<std::string, Value> out;
  view.for_each_key(map, [&](std::string_view key, const Value& value, std::size_t) {
    out.emplace_hint(out.end(), key, value);
  });
  return out;
}

std::unordered_set<std::uint64_t> ids_of(const std::vector<Element>& elements) {
  std::unordered_set<std::uint64_t> out;
  for (const auto& element : elements) out.insert(packed(element.id));
  return out;
}

using Objects = std::unordered_set<std::uint64_t>;

/// Walks two states of one document side by side. An object's own keys and elements are dealt with
/// before what is inside them, so that every path means the list as it ends up. `differing`, where
/// given, holds every object that can differ and those around it; others are not looked into.
class StateDiff {
 public:
  StateDiff(const engine::View& before, const engine::View& after, std::optional<Objects> differing)
      : before_(before), after_(after), differing_(std::move(differing)) {}

  Result<json> run() {
    pending_.push_back({model::kRoot, ObjType::kMap, ""});
    while (!pending_.empty()) {
      const Pending next = std::move(pending_.back());
      pending_.pop_back();
      if (next.type == ObjType::kText)
        text(next);
      else if (next.type == ObjType::kList)
        list(next);
      else
        map(next);
      if (error_) return *error_;
    }
    return std::move(patch_);
  }

 private:
  struct Pending {
    ObjId object;
    ObjType type;
    std::string path;
  };

  void map(const Pending& object) {
    const auto old_members = members_of(before_, object.object);
    const auto new_members = members_of(after_, object.object);
    for (const auto& [key, value] : old_members)
      if (!new_members.contains(key)) emit("remove", object.path + "/" + escape_part(key));
    for (const auto& [key, value] : new_members) {
      const std::string path = object.path + "/" + escape_part(key);
      const auto old = old_members.find(key);
      if (old == old_members.end())
        emit("add", path, value);
      else
        compare(path, old->second, value);
    }
  }

  /// Both states order their common elements alike, so one walk over both finds what went and came.
  void list(const Pending& object) {
    const auto old_elements = elements_of(before_, object.object);
    const auto new_elements = elements_of(after_, object.object);
    const auto old_ids = ids_of(old_elements);
    const auto new_ids = ids_of(new_elements);
    std::size_t from = 0;
    for (std::size_t index = 0; index < new_elements.size(); ++index) {
      const std::string path = object.path + "/" + std::to_string(index);
      while (from < old_elements.size() && !new_ids.contains(packed(old_elements[from].id))) {
        emit("remove", path);
        ++from;
      }
      if (!old_ids.contains(packed(new_elements[index].id)))
        emit("add", path, new_elements[index].value);
      else
        compare(path, old_elements[from++].value, new_elements[index].value);
    }
    for (; from < old_elements.size(); ++from)
      emit("remove", object.path + "/" + std::to_string(new_elements.size()));
  }

  void text(const Pending& object) {
    std::string after = after_.text(object.object);
    if (before_.text(object.object) != after)
      patch_.push_back({{"op", "replace"}, {"path", object.path}, {"value", std::move(after)}});
  }

  void compare(const std::string& path, const Value& old_value, const Value& new_value) {
    if (!old_value.object && !new_value.object) {
      if (old_value.scalar != new_value.scalar) emit("replace", path, new_value);
      return;
    }
    if (old_value.object && new_value.object && old_value.id == new_value.id) {
      if (!differing_ || differing_->contains(packed(new_value.id)))
        pending_.push_back({new_value.id, *new_value.object, path});
      return;
    }
    const auto old_json = to_json(before_, old_value, {.form = Form::kInput});
    const auto new_json = to_json(after_, new_value, {.form = Form::kInput});
    if (!old_json || !new_json)
      error_ = old_json ? new_json.error() : old_json.error();
    else if (*old_json != *new_json)
      patch_.push_back({{"op", "replace"}, {"path", path}, {"value", *new_json}});
  }

  void emit(const char* op, const std::string& path) {
    patch_.push_back({{"op", op}, {"path", path}});
  }

  void emit(const char* op, const std::string& path, const Value& value) {
    auto shown = to_json(after_, value, {.form = Form::kInput});
    if (!shown)
      error_ = shown.error();
    else
      patch_.push_back({{"op", op}, {"path", path}, {"value", std::move(*shown)}});
  }

  const engine::View& before_;
  const engine::View& after_;
  std::optional<Objects> differing_;
  json patch_ = json::array();
  std::vector<Pending> pending_;
  std::optional<Error> error_;
};

/// Between near versions, what the changes between them wrote; nothing when looking at everything
/// is no dearer.
Result<std::optional<Objects>> differing_objects(const engine::Document& document,
                                                 const Heads& before, const Heads& after,
                                                 const engine::View& after_view) {
  constexpr std::size_t kChangesMax = 64;
  auto changes = changes_between(document, before, after);
  if (!changes) return changes.error();
  const auto undone = changes_between(document, after, before);
  if (!undone) return undone.error();
  changes->insert(changes->end(), undone->begin(), undone->end());
  if (changes->size() > kChangesMax) return std::optional<Objects>();
  auto objects = written_objects(document, after_view, *changes);
  if (!objects) return objects.error();
  return std::optional<Objects>(std::move(*objects));
}

json hashes_json(const std::vector<ChangeHash>& hashes) {
  json out = json::array();
  for (const auto& hash : hashes) out.push_back(hash.to_hex());
  return out;
}

struct Sides {
  json patch;
  std::vector<ChangeHash> only_left;
  std::vector<ChangeHash> only_right;
};

/// Both states in one document.
Result<Sides> diff_inside(const engine::Document& document, const Heads& from, const Heads& to) {
  auto patch = diff_patch(document, from, to, DiffScope::kAll);
  if (!patch) return patch.error();
  auto only_left = changes_between(document, to, from);
  if (!only_left) return only_left.error();
  auto only_right = changes_between(document, from, to);
  if (!only_right) return only_right.error();
  return Sides{std::move(*patch), std::move(*only_left), std::move(*only_right)};
}

/// Two documents that share nothing, or whose histories contradict each other: only values compare.
Result<Sides> diff_unrelated(const engine::Document& left, const Heads& from,
                             const engine::Document& right, const Heads& to) {
  const auto before = view_at(left, from);
  if (!before) return before.error();
  const auto after = view_at(right, to);
  if (!after) return after.error();
  const auto old_value = object_to_json(*before, model::kRoot, {.form = Form::kInput});
  if (!old_value) return old_value.error();
  const auto new_value = object_to_json(*after, model::kRoot, {.form = Form::kInput});
  if (!new_value) return new_value.error();
  auto only_left = changes_between(left, {}, from);
  if (!only_left) return only_left.error();
  auto only_right = changes_between(right, {}, to);
  if (!only_right) return only_right.error();
  return Sides{diff_values(*old_value, *new_value), std::move(*only_left), std::move(*only_right)};
}

bool share_history(const engine::Document& left, const engine::Document& right) {
  for (const auto& hash : right.all_changes())
    if (left.has_change(hash)) return true;
  return false;
}

Result<Sides> diff_documents(const engine::Document& left, const Heads& from,
                             const engine::Document& right, const Heads& to) {
  if (&left == &right) return diff_inside(left, from, to);
  if (share_history(left, right)) {
    engine::Document both = left.fork(left.actor());  // never edited, so the actor is not used
    if (both.merge(right)) return diff_inside(both, from, to);
  }
  return diff_unrelated(left, from, right, to);
}

}  // namespace

Result<json> diff_patch(const engine::Document& document, const Heads& before, const Heads& after,
                        DiffScope scope) {
  const auto old_view = view_at(document, before);
  if (!old_view) return old_view.error();
  const auto new_view = view_at(document, after);
  if (!new_view) return new_view.error();
  if (before == after) return json::array();
  std::optional<Objects> differing;
  if (scope == DiffScope::kWritten) {
    auto found = differing_objects(document, before, after, *new_view);
    if (!found) return found.error();
    differing = std::move(*found);
  }
  return StateDiff(*old_view, *new_view, std::move(differing)).run();
}

json filter_patch(const json& patch, const Pointer& pointer) {
  if (pointer.is_root()) return patch;
  const std::string prefix = pointer.text();
  json out = json::array();
  for (const auto& operation : patch) {
    const auto& path = operation["path"].get_ref<const std::string&>();
    if (path == prefix || path.starts_with(prefix + "/")) out.push_back(operation);
  }
  return out;
}

json patch_stat(const json& patch) {
  std::size_t added = 0, removed = 0, replaced = 0;
  for (const auto& operation : patch) {
    const auto& op = operation["op"].get_ref<const std::string&>();
    added += op == "add";
    removed += op == "remove";
    replaced += op == "replace";
  }
  return {{"added", added}, {"removed", removed}, {"replaced", replaced}};
}

Result<std::vector<ChangeHash>> changes_between(const engine::Document& document,
                                                const Heads& without, const Heads& of) {
  for (const auto* side : {&without, &of})
    for (const auto& hash : *side)
      if (!document.has_change(hash))
        return control::make_error(control::ErrorId::kRevNotFound,
                                   "the document has no change " + hash.to_hex());
  std::vector<ChangeHash> out = document.changes_since(without);
  if (of == document.heads()) return out;
  const auto later = document.changes_since(of);
  const std::unordered_set<ChangeHash, model::ChangeHashHasher> excluded(later.begin(),
                                                                         later.end());
  std::erase_if(out, [&](const ChangeHash& hash) { return excluded.contains(hash); });
  return out;
}

Result<json> diff(const engine::Document& left, const Heads& from, const engine::Document& right,
                  const Heads& to, const DiffOptions& options) {
  auto sides = diff_documents(left, from, right, to);
  if (!sides) return sides.error();
  if (options.path) sides->patch = filter_patch(sides->patch, *options.path);
  json out{{"kind", "Diff"},
           {"v", 1},
           {"from", heads_json(from)},
           {"to", heads_json(to)},
           {"equal", sides->patch.empty()},
           {"stat", patch_stat(sides->patch)},
           {"only_left", hashes_json(sides->only_left)},
           {"only_right", hashes_json(sides->only_right)}};
  out["patch"] = std::move(sides->patch);
  return out;
}

}  // namespace converge::verbs
