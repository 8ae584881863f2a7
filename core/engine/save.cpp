#include "core/base/assert.h"
#include "core/engine/document_impl.h"
#include "core/format/bundle.h"
#include "core/format/change.h"
#include "core/format/document.h"

#include <algorithm>

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
  out.changes.reserve(graph.size());
  for (ChangeIndex i = 0; i < graph.size(); ++i) {
    const crdt::ChangeNode node = graph.at(i);
    model::ChangeRow& row = out.changes.emplace_back();
    row.actor = actor_of[node.actor];
    row.seq = node.seq;
    row.max_op = node.max_op();
    row.time = graph.time(i);
    row.deps_begin = static_cast<std::uint32_t>(out.deps.size());
    row.deps_count = graph.deps_count(i);
    graph.for_each_dep(i, [&](ChangeIndex dep) { out.deps.push_back(dep); });
    out.set_text(row, {graph.message(i), graph.extra(i)});
  }
  ops.export_rows(out, actor_of);
  format::set_heads(out, graph.hashes());
  return out;
}

void Document::Impl::ensure_bodies() {
  bool complete = exact_start_ops;
  for (ChangeIndex i = 0; i < graph.size() && complete; ++i) complete = !bodies.get(i).empty();
  if (complete) return;
  const model::Snapshot rows = snapshot();
  std::vector<std::uint32_t> start_ops;
  const auto rebuilt =
      format::for_each_change(rows, [&](std::uint32_t row, const ChangeHash& hash, ByteView body) {
        ASSERT(hash == graph.hash(row));
        if (bodies.get(row).empty()) bodies.put(row, body);
        if (!exact_start_ops) start_ops.push_back(start_op_of(body));
      });
  ASSERT(rebuilt.has_value());
  if (!exact_start_ops) graph.set_start_ops(start_ops);
  exact_start_ops = true;
}

Bytes Document::Impl::chunk_of(ChangeIndex change) {
  if (bodies.get(change).empty()) ensure_bodies();
  return format::write_chunk(format::ChunkType::kChange, bodies.get(change), graph.hash(change));
}

namespace {

/// What one bundle holds at most: a reader takes its ops one by one.
constexpr std::size_t kBundleChangesMax = 10'000;
constexpr std::uint64_t kBundleOpsMax = 1u << 16;

/// Changes on their way into chunks, in order: bundles, and single ones that are too large for any.
class BundleStream {
 public:
  void add(model::Change change) {
    ops_ += change.op_count;
    if (!waiting_.empty() && (ops_ > kBundleOpsMax || waiting_.size() == kBundleChangesMax)) {
      const std::uint64_t own = change.op_count;
      flush();
      ops_ = own;
    }
    waiting_.push_back(std::move(change));
  }
  Bytes finish() {
    flush();
    return std::move(out_);
  }

 private:
  void flush() {
    if (waiting_.empty()) return;
    const bool alone = waiting_.size() == 1;
    const Bytes chunk =
        alone ? format::change_chunk(waiting_.front())
              : format::write_chunk(format::ChunkType::kBundle, format::encode_bundle(waiting_));
    out_.insert(out_.end(), chunk.begin(), chunk.end());
    waiting_.clear();
    ops_ = 0;
  }

  std::vector<model::Change> waiting_;
  std::uint64_t ops_ = 0;
  Bytes out_;
};

}  // namespace

Bytes Document::bundle(const std::vector<ChangeHash>& changes) const {
  Impl& impl = sealed();
  std::vector<ChangeIndex> indices = impl.indices_of(changes);
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  BundleStream stream;
  for (const ChangeIndex index : indices) {
    if (impl.bodies.get(index).empty()) impl.ensure_bodies();
    auto change =
        format::decode_change_body(to_bytes(impl.bodies.get(index)), impl.graph.hash(index));
    ASSERT(change.has_value());  // verified when it came, or written by us
    stream.add(std::move(*change));
  }
  return stream.finish();
}

std::unique_ptr<Document::Impl> Document::Impl::copy(model::ActorId own) const {
  auto out = std::make_unique<Impl>(std::move(own));
  const model::Snapshot rows = snapshot();
  KnownChanges known;
  known.hashes = graph.hashes();
  if (exact_start_ops) {
    for (ChangeIndex i = 0; i < graph.size(); ++i) known.start_ops.push_back(graph.at(i).start_op);
  }
  const auto loaded = out->load_snapshot(rows, std::move(known));
  ASSERT(loaded.has_value());
  for (ChangeIndex i = 0; i < graph.size(); ++i) {
    if (!bodies.get(i).empty()) out->bodies.put(i, bodies.get(i));
  }
  std::vector<model::ChangeEnvelope> waiting;
  for (const model::ChangeEnvelope& orphan : orphans.changes()) {
    waiting.push_back(*format::open_change_body(orphan.body, orphan.hash));
  }
  out->orphans.keep(std::move(waiting));
  return out;
}

Bytes Document::save(const SaveOptions& options) const {
  ASSERT(!impl_->in_transaction);
  const Impl& impl = sealed();
  format::EncodeDocumentOptions encode;
  encode.deflate = options.deflate;
  Bytes out = format::encode_document(impl.snapshot(), encode);
  if (!options.include_orphans) return out;
  for (const model::ChangeEnvelope& orphan : impl.orphans.changes()) {
    const Bytes chunk = format::write_chunk(format::ChunkType::kChange, orphan.body, orphan.hash);
    out.insert(out.end(), chunk.begin(), chunk.end());
  }
  return out;
}

Bytes Document::save() const { return save(SaveOptions{}); }

}  // namespace converge::engine
