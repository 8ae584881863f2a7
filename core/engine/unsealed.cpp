#include "core/engine/unsealed.h"

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/engine/document_impl.h"
#include "core/format/change.h"

#include <algorithm>

namespace converge::engine {

using crdt::ChangeIndex;
using model::ActorIndex;
using model::Change;
using model::OpId;
using model::OpRun;

void set_views(const crdt::OpSet& ops, std::span<const RunStrings> strings, Change& change) {
  ASSERT(strings.size() == change.ops.size());
  for (std::size_t i = 0; i < strings.size(); ++i) {
    OpRun& run = change.ops[i];
    const RunStrings& at = strings[i];
    if (run.key.is_map) run.key.name = ops.keys().text(at.key);
    if (run.mark_name) run.mark_name = ops.keys().text(at.mark_name);
    if (run.shape == OpRun::Shape::kText) {
      run.text = ops.content().view(at.content, at.bytes);
    } else if (run.action != model::Action::kDel) {
      run.value.raw = ops.content().view(at.content, at.bytes);
    }
  }
}

// ---------------------------------------------------------------------------------------- waiting

void UnsealedChanges::add(const Change& recorded, std::span<const RunStrings> strings) {
  ops_.insert(ops_.end(), recorded.ops.begin(), recorded.ops.end());
  strings_.insert(strings_.end(), strings.begin(), strings.end());
  preds_.insert(preds_.end(), recorded.preds.begin(), recorded.preds.end());
  ends_.push_back({ops_.size(), preds_.size()});
}

void UnsealedChanges::get(std::size_t number, Change& recorded,
                          std::vector<RunStrings>& strings) const {
  const End begin = number == 0 ? End{} : ends_[number - 1];
  const End end = ends_[number];
  const auto part = [](const auto& all, std::size_t from, std::size_t to) {
    return std::span(all).subspan(from, to - from);
  };
  const auto ops = part(ops_, begin.ops, end.ops);
  const auto preds = part(preds_, begin.preds, end.preds);
  const auto texts = part(strings_, begin.ops, end.ops);
  recorded.ops.assign(ops.begin(), ops.end());
  recorded.preds.assign(preds.begin(), preds.end());
  strings.assign(texts.begin(), texts.end());
}

std::size_t UnsealedChanges::memory_bytes() const {
  return ops_.capacity() * sizeof(OpRun) + strings_.capacity() * sizeof(RunStrings) +
         preds_.capacity() * sizeof(OpId) + ends_.capacity() * sizeof(End);
}

// ---------------------------------------------------------------------------------------- sealing

/// Gives every actor the number that the change itself knows it by; only a few are ever met.
void Document::Impl::number_for_change(ActorIndex author, Change& change) {
  std::vector<ActorIndex>& met = scratch_actors_;
  met.assign(1, author);
  const auto map = [&](OpId& id) {
    if (id.is_none()) return;
    const auto at = std::find(met.begin(), met.end(), id.actor);
    const auto number = static_cast<ActorIndex>(at - met.begin());
    if (at == met.end()) met.push_back(id.actor);
    id.actor = number;
  };
  for (OpRun& run : change.ops) {
    map(run.object);
    map(run.key.element);
  }
  for (OpId& pred : change.preds) map(pred);
  change.actor = ops.actors().at(author);
  change.other_actors.clear();
  for (std::size_t i = 1; i < met.size(); ++i) {
    change.other_actors.push_back(ops.actors().at(met[i]));
  }
  format::canonicalize_actors(change);
}

void Document::Impl::seal(std::span<const RunStrings> strings, Change& recorded) {
  const auto index = static_cast<ChangeIndex>(graph.hashes().size());
  const crdt::ChangeNode node = graph.at(index);
  set_views(ops, strings, recorded);
  recorded.seq = node.seq;
  recorded.start_op = node.start_op;
  recorded.op_count = node.op_count;
  recorded.time = graph.time(index);
  recorded.message = graph.message(index);
  recorded.deps.clear();
  graph.for_each_dep(index, [&](ChangeIndex dep) { recorded.deps.push_back(graph.hash(dep)); });
  number_for_change(node.actor, recorded);
  format::encode_change_body(recorded, recorded.body);
  ASSERT(recorded.body.size() <= limits::kChangeBytesMax);  // a transaction sees to that
  recorded.hash = format::change_hash(recorded.body);
  graph.add_hash(recorded.hash);
  bodies.put(index, recorded.body);
}

void Document::Impl::seal_all() {
  if (unsealed.empty()) return;
  Change change;
  std::vector<RunStrings> strings;
  for (std::size_t i = 0; i < unsealed.size(); ++i) {
    unsealed.get(i, change, strings);
    seal(strings, change);
  }
  unsealed.clear();
}

}  // namespace converge::engine
