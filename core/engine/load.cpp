#include "core/base/assert.h"
#include "core/codec/leb128.h"
#include "core/engine/document_impl.h"
#include "core/format/bundle.h"
#include "core/format/change.h"
#include "core/format/document.h"

#include <algorithm>

namespace converge::engine {

using crdt::ChangeIndex;
using format::Chunk;
using format::ChunkType;
using model::ChangeEnvelope;
using model::ChangeHash;

std::uint32_t start_op_of(ByteView body) {
  codec::Reader in(body);
  const auto deps = codec::read_uleb(in);
  in.skip(*deps * sizeof(ChangeHash));
  const auto actor = codec::read_uleb(in);
  in.skip(*actor);
  (void)codec::read_uleb(in);
  return static_cast<std::uint32_t>(*codec::read_uleb(in));
}

Result<Document::Impl::KnownChanges> Document::Impl::rebuild(const model::Snapshot& snapshot) {
  KnownChanges known;
  known.start_ops.reserve(snapshot.changes.size());
  auto hashes =
      format::for_each_change(snapshot, [&](std::uint32_t, const ChangeHash&, ByteView body) {
        known.start_ops.push_back(start_op_of(body));
      });
  if (!hashes) return hashes.error();
  known.hashes = std::move(*hashes);
  return known;
}

Result<void> Document::Impl::load_snapshot(const model::Snapshot& snapshot, KnownChanges known) {
  std::size_t text_bytes = 0;
  for (const model::RowRun& row : snapshot.rows)
    text_bytes += row.text.size() + row.value.raw.size();
  if (!ops.content().fits(text_bytes)) {
    return Error{ErrorCode::kLimitExceeded, "the document would exceed 4 GiB"};
  }
  ops.content().reserve(text_bytes);
  if (auto loaded = ops.load(snapshot); !loaded) return loaded;

  std::vector<model::ActorIndex> actor_of;
  for (const model::ActorId& id : snapshot.actors) actor_of.push_back(*ops.actors().find(id));
  exact_start_ops = known.start_ops.size() == snapshot.changes.size();
  graph.add_all(std::move(known.hashes), [&](ChangeIndex i, crdt::ChangeTable::NewChange& added) {
    const model::ChangeRow& row = snapshot.changes[i];
    const model::ChangeText said = snapshot.text(row);
    added.actor = actor_of[row.actor];
    added.seq = row.seq;
    added.time = row.time;
    added.message = said.message;
    added.extra = said.extra;
    added.deps = {snapshot.deps.data() + row.deps_begin, row.deps_count};
    added.start_op = exact_start_ops ? known.start_ops[i] : least_start_op(row, added);
    added.op_count = row.max_op + 1 - added.start_op;
  });
  if (graph.heads() != snapshot.heads) {
    return Error{ErrorCode::kCorrupt, "heads do not match the changes"};
  }
  return {};
}

/// The first op a change can have begun with: above its author's and its deps' last ones.
std::uint32_t Document::Impl::least_start_op(const model::ChangeRow& row,
                                             const crdt::ChangeTable::NewChange& change) const {
  std::uint32_t start_op = graph.last_op(change.actor) + 1;
  for (const ChangeIndex dep : change.deps) {
    start_op = std::max(start_op, graph.at(dep).max_op() + 1);
  }
  return std::min(start_op, row.max_op + 1);
}

Result<void> Document::Impl::collect(const Chunk& chunk, std::vector<ChangeEnvelope>& out) const {
  switch (chunk.type) {
    case ChunkType::kChange:
    case ChunkType::kCompressedChange: {
      auto change = format::open_change(chunk);
      if (!change) return format::in_chunk(chunk, change.error());
      out.push_back(std::move(*change));
      return {};
    }
    case ChunkType::kBundle: {
      auto changes = format::decode_bundle(chunk.body);
      if (!changes) return format::in_chunk(chunk, changes.error());
      for (model::Change& change : *changes) {
        auto packed = format::open_change_body(change.body, change.hash);
        ASSERT(packed.has_value());
        packed->keep();
        out.push_back(std::move(*packed));
      }
      return {};
    }
    case ChunkType::kDocument:
      break;
  }
  auto snapshot = format::decode_document(chunk.body);
  if (!snapshot) return format::in_chunk(chunk, snapshot.error());
  const bool known =
      std::all_of(snapshot->heads.begin(), snapshot->heads.end(),
                  [this](const ChangeHash& head) { return graph.find(head).has_value(); });
  if (known) return {};
  std::optional<Error> failed;
  auto rebuilt =
      format::for_each_change(*snapshot, [&](std::uint32_t, const ChangeHash& hash, ByteView body) {
        if (failed || graph.find(hash)) return;
        auto change = format::open_change_body(body, hash);
        if (!change) {
          failed = change.error();
          return;
        }
        change->keep();
        out.push_back(std::move(*change));
      });
  if (!rebuilt) return format::in_chunk(chunk, rebuilt.error());
  if (failed) return format::in_chunk(chunk, *failed);
  return {};
}

Result<void> Document::Impl::load_stream(ByteView bytes, const LoadOptions& options) {
  format::ChunkStream stream(bytes);
  std::vector<ChangeEnvelope> changes;
  bool document_first = false;
  while (true) {
    auto chunk = stream.next();
    if (!chunk && options.accept_prefix) break;
    if (!chunk) return chunk.error();
    if (!*chunk) break;
    const Chunk& found = **chunk;
    Result<void> taken;
    if (found.index == 0 && found.type == ChunkType::kDocument) {
      document_first = true;
      auto snapshot = format::decode_document(found.body);
      if (!snapshot) return format::in_chunk(found, snapshot.error());
      KnownChanges known;
      if (!options.verify_hashes && options.trusted_hashes.size() == snapshot->changes.size()) {
        known.hashes = options.trusted_hashes;
      } else {
        auto rebuilt = rebuild(*snapshot);
        if (!rebuilt) return format::in_chunk(found, rebuilt.error());
        known = std::move(*rebuilt);
      }
      taken = load_snapshot(*snapshot, std::move(known));
      if (!taken) return format::in_chunk(found, taken.error());
      continue;
    }
    taken = collect(found, changes);
    if (!taken && options.accept_prefix) break;
    if (!taken) return taken;
  }
  auto report = apply(std::move(changes));
  if (!report) return report.error();
  if (!orphans.empty() && !document_first && !options.accept_prefix) {
    return Error{ErrorCode::kCorrupt, "changes are missing that others depend on"};
  }
  return {};
}

Result<bool> Document::Impl::load_leading_document(ByteView bytes) {
  format::ChunkStream stream(bytes);
  auto chunk = stream.next();
  if (!chunk) return chunk.error();
  if (!*chunk || (*chunk)->type != ChunkType::kDocument) return false;
  auto snapshot = format::decode_document((*chunk)->body);
  if (!snapshot) return format::in_chunk(**chunk, snapshot.error());
  auto known = rebuild(*snapshot);
  if (!known) return format::in_chunk(**chunk, known.error());
  auto loaded = load_snapshot(*snapshot, std::move(*known));
  if (!loaded) return format::in_chunk(**chunk, loaded.error());
  return true;
}

Result<ApplyReport> Document::Impl::load_more(ByteView bytes, bool document_loaded) {
  format::ChunkStream stream(bytes);
  std::vector<ChangeEnvelope> changes;
  std::optional<Error> damage;
  while (true) {
    auto chunk = stream.next();
    if (!chunk) damage = chunk.error();
    if (!chunk || !*chunk) break;
    if (document_loaded && (*chunk)->index == 0) continue;
    if (auto taken = collect(**chunk, changes); !taken) {
      damage = taken.error();
      break;
    }
  }
  if (damage && changes.empty()) return *damage;
  auto report = apply(std::move(changes));
  if (report) report->damage = std::move(damage);
  return report;
}

}  // namespace converge::engine
