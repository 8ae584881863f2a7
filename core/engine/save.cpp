#include "core/base/assert.h"
#include "core/engine/document_impl.h"
#include "core/format/change.h"
#include "core/format/document.h"

namespace converge::engine {

using crdt::ChangeIndex;
using model::ChangeHash;

/// Everything applied, as document rows. Views point into this document.
model::Snapshot Document::Impl::snapshot() const {
  model::Snapshot out;
  std::vector<model::ActorIndex> actor_of(ops.actors().size(), 0);
  for (const model::ActorIndex author : ops.actors().sorted()) {
    if (graph.last_seq(author) == 0) continue;
    actor_of[author] = static_cast<model::ActorIndex>(out.actors.size());
    out.actors.push_back(ops.actors().at(author));
  }
  std::vector<ChangeHash> hashes;
  hashes.reserve(graph.size());
  out.changes.reserve(graph.size());
  for (ChangeIndex i = 0; i < graph.size(); ++i) {
    const crdt::ChangeNode& node = graph.at(i);
    model::ChangeRow& row = out.changes.emplace_back();
    row.actor = actor_of[node.actor];
    row.seq = node.seq;
    row.max_op = node.max_op();
    row.time = node.time;
    row.message = graph.message(i);
    row.deps_begin = static_cast<std::uint32_t>(out.deps.size());
    row.deps_count = node.deps_count;
    row.extra = {static_cast<std::uint8_t>(model::ScalarType::kBytes), graph.extra(i)};
    graph.for_each_dep(i, [&](ChangeIndex dep) { out.deps.push_back(dep); });
    hashes.push_back(graph.hash(i));
  }
  ops.export_rows(out, actor_of);
  format::set_heads(out, hashes);
  return out;
}

void Document::Impl::ensure_bodies() {
  bool complete = exact_start_ops;
  for (ChangeIndex i = 0; i < graph.size() && complete; ++i) complete = !bodies.get(i).empty();
  if (complete) return;
  const model::Snapshot rows = snapshot();
  const auto rebuilt =
      format::for_each_change(rows, [&](std::uint32_t row, const ChangeHash& hash, ByteView body) {
        ASSERT(hash == graph.hash(row));
        if (bodies.get(row).empty()) bodies.put(row, body);
        if (!exact_start_ops) graph.set_start_op(row, start_op_of(body));
      });
  ASSERT(rebuilt.has_value());
  exact_start_ops = true;
}

Bytes Document::Impl::chunk_of(ChangeIndex change) {
  if (bodies.get(change).empty()) ensure_bodies();
  return format::write_chunk(format::ChunkType::kChange, bodies.get(change), graph.hash(change));
}

std::unique_ptr<Document::Impl> Document::Impl::copy(model::ActorId own) const {
  auto out = std::make_unique<Impl>(std::move(own));
  const model::Snapshot rows = snapshot();
  std::vector<ChangeHash> hashes;
  hashes.reserve(graph.size());
  for (ChangeIndex i = 0; i < graph.size(); ++i) hashes.push_back(graph.hash(i));
  const auto loaded = out->load_snapshot(rows, hashes, false);
  ASSERT(loaded.has_value());
  for (ChangeIndex i = 0; i < graph.size(); ++i) {
    out->graph.set_start_op(i, graph.at(i).start_op);
    if (!bodies.get(i).empty()) out->bodies.put(i, bodies.get(i));
  }
  out->exact_start_ops = exact_start_ops;
  std::vector<model::Change> waiting;
  for (const model::Change& orphan : orphans.changes()) {
    auto again = format::decode_change_body(Bytes(orphan.body), orphan.hash);
    ASSERT(again.has_value());
    waiting.push_back(std::move(*again));
  }
  out->orphans.keep(std::move(waiting));
  return out;
}

Bytes Document::save(const SaveOptions& options) const {
  ASSERT(!impl_->in_transaction);
  format::EncodeDocumentOptions encode;
  encode.deflate = options.deflate;
  Bytes out = format::encode_document(impl_->snapshot(), encode);
  if (!options.include_orphans) return out;
  for (const model::Change& orphan : impl_->orphans.changes()) {
    const Bytes chunk = format::write_chunk(format::ChunkType::kChange, orphan.body, orphan.hash);
    out.insert(out.end(), chunk.begin(), chunk.end());
  }
  return out;
}

Bytes Document::save() const { return save(SaveOptions{}); }

}  // namespace converge::engine
