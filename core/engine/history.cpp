#include "core/base/assert.h"
#include "core/engine/document_impl.h"
#include "core/format/change.h"

#include <algorithm>
#include <unordered_set>

namespace converge::engine {

using crdt::ChangeIndex;
using model::ChangeHash;

namespace {
/// So few are looked through one by one before anything is built for finding them.
constexpr std::size_t kFewChanges = 64;
}  // namespace

std::vector<ChangeIndex> Document::Impl::indices_of(const Heads& heads, bool* missing) const {
  std::vector<ChangeIndex> out;
  for (const ChangeHash& head : heads) {
    if (const auto index = graph.find(head)) {
      out.push_back(*index);
    } else if (missing != nullptr) {
      *missing = true;
    }
  }
  return out;
}

std::vector<ChangeHash> Document::Impl::dep_hashes(ChangeIndex change) const {
  std::vector<ChangeHash> out;
  graph.for_each_dep(change, [&](ChangeIndex dep) { out.push_back(graph.hash(dep)); });
  return out;
}

ChangeInfo Document::Impl::info(ChangeIndex change) {
  if (!exact_start_ops) ensure_bodies();
  const crdt::ChangeNode node = graph.at(change);
  ChangeInfo out;
  out.hash = graph.hash(change);
  out.actor = ops.actors().at(node.actor);
  out.seq = node.seq;
  out.start_op = node.start_op;
  out.op_count = node.op_count;
  out.time = graph.time(change);
  out.message = std::string(graph.message(change));
  out.deps = dep_hashes(change);
  return out;
}

Document::Impl& Document::sealed() const {
  impl_->seal_all();
  return *impl_;
}

Heads Document::heads() const { return sealed().graph.heads(); }

std::size_t Document::change_count() const { return impl_->graph.size(); }

std::uint64_t Document::max_op() const { return impl_->graph.max_op(); }

std::size_t Document::actor_count() const { return impl_->graph.author_count(); }

bool Document::has_change(const ChangeHash& hash) const {
  return sealed().graph.find(hash).has_value();
}

bool Document::has_orphan(const ChangeHash& hash) const {
  return impl_->orphans.find(hash) != nullptr;
}

std::optional<Bytes> Document::change_bytes(const ChangeHash& hash) const {
  Impl& impl = sealed();
  if (const auto index = impl.graph.find(hash)) return impl.chunk_of(*index);
  if (const model::ChangeEnvelope* const orphan = impl.orphans.find(hash)) {
    return format::write_chunk(format::ChunkType::kChange, orphan->body, orphan->hash);
  }
  return std::nullopt;
}

std::optional<ChangeInfo> Document::change_info(const ChangeHash& hash) const {
  Impl& impl = sealed();
  const auto index = impl.graph.find(hash);
  if (!index) return std::nullopt;
  return impl.info(*index);
}

namespace {

/// Whether everything before `end` is among `known` or their ancestors. May say no where looking
/// further would say yes. O(changes from `end` on).
bool covers_all_before(const crdt::ChangeGraph& graph, ChangeIndex end,
                       const std::vector<ChangeIndex>& known) {
  // Going back change by change, `open` holds at least the heads of what is left.
  std::vector<ChangeIndex> open = graph.head_indices();
  for (auto change = static_cast<ChangeIndex>(graph.size()); change-- > end;) {
    std::erase(open, change);
    graph.for_each_dep(change, [&](ChangeIndex dep) { open.push_back(dep); });
  }
  return std::ranges::all_of(
      open, [&](ChangeIndex head) { return std::ranges::find(known, head) != known.end(); });
}

}  // namespace

std::vector<ChangeHash> Document::changes_since(const Heads& have) const {
  const Impl& impl = sealed();
  const crdt::ChangeGraph& graph = impl.graph;
  const auto known = impl.indices_of(have);
  std::vector<ChangeHash> out;
  const ChangeIndex end = known.empty() ? 0 : *std::ranges::max_element(known) + 1;
  const std::size_t behind = graph.size() - end;
  if (behind <= kFewChanges && covers_all_before(graph, end, known)) {
    // What was just made or received: no need for a clock.
    out.assign(graph.hashes().end() - static_cast<std::ptrdiff_t>(behind), graph.hashes().end());
    return out;
  }
  for (const ChangeIndex change : graph.not_in(graph.clock_of(known))) {
    out.push_back(graph.hash(change));
  }
  return out;
}

std::vector<ChangeHash> Document::missing_deps(const Heads& heads) const {
  const Impl& impl = sealed();
  const crdt::OrphanQueue& orphans = impl.orphans;
  std::unordered_set<ChangeHash, model::ChangeHashHasher> seen;
  std::vector<ChangeHash> open(heads.begin(), heads.end());
  for (const model::ChangeEnvelope& orphan : orphans.changes()) open.push_back(orphan.hash);
  std::vector<ChangeHash> missing;
  while (!open.empty()) {
    const ChangeHash hash = open.back();
    open.pop_back();
    if (impl.graph.find(hash) || !seen.insert(hash).second) continue;
    if (const model::ChangeEnvelope* const orphan = orphans.find(hash)) {
      for (std::uint32_t i = 0; i < orphan->deps_count; ++i) open.push_back(orphan->dep(i));
    } else {
      missing.push_back(hash);
    }
  }
  std::sort(missing.begin(), missing.end());
  return missing;
}

std::vector<ChangeHash> Document::orphans() const {
  std::vector<ChangeHash> out;
  for (const model::ChangeEnvelope& orphan : impl_->orphans.changes()) out.push_back(orphan.hash);
  return out;
}

bool Document::is_ancestor(const ChangeHash& ancestor, const Heads& of) const {
  const Impl& impl = sealed();
  const auto index = impl.graph.find(ancestor);
  if (!index) return false;
  return impl.graph.includes(impl.graph.clock_of(impl.indices_of(of)), *index);
}

std::optional<std::vector<ChangeHash>> Document::change_deps(const ChangeHash& hash) const {
  const Impl& impl = sealed();
  if (const auto index = impl.graph.find(hash)) return impl.dep_hashes(*index);
  if (const auto* const orphan = impl.orphans.find(hash)) return orphan->deps();
  return std::nullopt;
}

std::vector<ChangeHash> Document::all_changes() const { return sealed().graph.hashes(); }

std::optional<ChangeHash> Document::change_of(OpId id) const {
  const crdt::ChangeGraph& graph = sealed().graph;
  const auto index = graph.change_of(id);
  if (!index) return std::nullopt;
  return graph.hash(*index);
}

}  // namespace converge::engine
