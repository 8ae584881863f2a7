#include "core/engine/patch_builder.h"

#include "core/base/assert.h"

#include <algorithm>
#include <utility>

namespace converge::engine {
namespace {

bool same_marks(const std::vector<std::pair<std::string, model::Scalar>>& a, const MarkSet& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.ref() == y.second;
  });
}

}  // namespace

std::vector<Prop> Patches::path(ObjId object) const {
  std::vector<Prop> out;
  while (!object.is_none()) {
    const auto step = steps_.find(key(object));
    ASSERT(step != steps_.end());
    out.push_back(step->second.at);
    object = step->second.parent;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void PatchBuilder::reached(ObjId object, ObjId parent, Prop at) {
  out_.steps_.insert_or_assign(Patches::key(object), Patches::Step{parent, std::move(at)});
}

template <class Action>
Action* PatchBuilder::last_of(ObjId object) {
  if (out_.all_.empty() || out_.all_.back().object != object) return nullptr;
  return std::get_if<Action>(&out_.all_.back().action);
}

template <class Action>
void PatchBuilder::add(ObjId object, Action action) {
  out_.all_.push_back({object, std::move(action)});
}

void PatchBuilder::put(ObjId object, Prop at, Value value, bool conflict) {
  add(object, PutPatch{std::move(at), std::move(value), conflict});
}

void PatchBuilder::insert(ObjId list, std::size_t index, Value value, bool conflict) {
  auto* last = last_of<InsertPatch>(list);
  if (last == nullptr || index != last->index + last->items.size()) {
    add(list, InsertPatch{index, {}});
    last = last_of<InsertPatch>(list);
  }
  last->items.push_back({std::move(value), conflict});
}

void PatchBuilder::splice(ObjId text, std::size_t index, std::size_t units,
                          std::string_view inserted, const MarkSet& marks) {
  if (inserted.empty()) return;
  auto* last = last_of<SplicePatch>(text);
  if (last != nullptr && index == splice_end_ && same_marks(last->marks, marks)) {
    last->text += inserted;
  } else {
    SplicePatch patch{index, std::string(inserted), {}};
    for (const auto& [name, value] : marks) {
      patch.marks.emplace_back(std::string(name), model::Scalar(value));
    }
    add(text, std::move(patch));
  }
  splice_end_ = index + units;
}

void PatchBuilder::erase(ObjId sequence, std::size_t index, std::size_t length) {
  if (length == 0) return;
  auto* const last = last_of<DeletePatch>(sequence);
  if (last != nullptr && last->at == Prop(index)) {
    last->length += length;
  } else {
    add(sequence, DeletePatch{index, length});
  }
}

void PatchBuilder::erase_key(ObjId map, std::string_view name) {
  add(map, DeletePatch{std::string(name), 1});
}

void PatchBuilder::increment(ObjId object, Prop at, std::int64_t amount) {
  add(object, IncrementPatch{std::move(at), amount});
}

void PatchBuilder::conflict(ObjId object, Prop at) { add(object, ConflictPatch{std::move(at)}); }

void PatchBuilder::mark(ObjId text, std::string_view name, model::ScalarRef value,
                        std::size_t start, std::size_t end) {
  auto* last = last_of<MarkPatch>(text);
  if (last == nullptr) {
    add(text, MarkPatch{});
    last = last_of<MarkPatch>(text);
  }
  const auto behind = std::upper_bound(
      last->marks.begin(), last->marks.end(), name,
      [](std::string_view wanted, const Mark& mark) { return wanted < mark.name; });
  if (behind != last->marks.begin()) {
    Mark& open = *(behind - 1);
    if (open.name == name && open.end == start && open.value.ref() == value) {
      open.end = end;
      return;
    }
  }
  last->marks.insert(behind, {std::string(name), model::Scalar(value), start, end});
}

}  // namespace converge::engine
