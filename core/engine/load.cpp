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
using model::Change;
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

Result<void> Document::Impl::load_snapshot(const model::Snapshot& snapshot,
                                           const std::vector<ChangeHash>& trusted_hashes,
                                           bool verify) {
  std::vector<ChangeHash> hashes;
  std::vector<std::uint32_t> start_ops;
  if (!verify && trusted_hashes.size() == snapshot.changes.size()) {
    hashes = trusted_hashes;
    exact_start_ops = snapshot.changes.empty();
  } else {
    start_ops.reserve(snapshot.changes.size());
    auto rebuilt =
        format::for_each_change(snapshot, [&](std::uint32_t, const ChangeHash&, ByteView body) {
          start_ops.push_back(start_op_of(body));
        });
    if (!rebuilt) return rebuilt.error();
    hashes = std::move(*rebuilt);
  }
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
  graph.reserve(snapshot.changes.size());
  for (std::size_t i = 0; i < snapshot.changes.size(); ++i) {
    const model::ChangeRow& row = snapshot.changes[i];
    crdt::ChangeGraph::NewChange added;
    added.actor = actor_of[row.actor];
    added.seq = row.seq;
    added.time = row.time;
    added.message = row.message;
    added.extra = row.extra.raw;
    added.deps = {snapshot.deps.data() + row.deps_begin, row.deps_count};
    added.hash = hashes[i];
    if (start_ops.empty()) {
      added.start_op = graph.last_op(added.actor) + 1;
      for (const ChangeIndex dep : added.deps) {
        added.start_op = std::max(added.start_op, graph.at(dep).max_op() + 1);
      }
      added.start_op = std::min(added.start_op, row.max_op + 1);
    } else {
      added.start_op = start_ops[i];
    }
    added.op_count = row.max_op + 1 - added.start_op;
    graph.add(added);
  }
  if (graph.heads() != snapshot.heads) {
    return Error{ErrorCode::kCorrupt, "heads do not match the changes"};
  }
  return {};
}

Result<void> Document::Impl::collect(const Chunk& chunk, std::vector<Change>& out) const {
  switch (chunk.type) {
    case ChunkType::kChange:
    case ChunkType::kCompressedChange: {
      auto change = format::decode_change(chunk);
      if (!change) return format::in_chunk(chunk, change.error());
      out.push_back(std::move(*change));
      return {};
    }
    case ChunkType::kBundle: {
      auto changes = format::decode_bundle(chunk.body);
      if (!changes) return format::in_chunk(chunk, changes.error());
      for (Change& change : *changes) out.push_back(std::move(change));
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
        auto change = format::decode_change_body(to_bytes(body), hash);
        if (!change) {
          failed = change.error();
          return;
        }
        out.push_back(std::move(*change));
      });
  if (!rebuilt) return format::in_chunk(chunk, rebuilt.error());
  if (failed) return format::in_chunk(chunk, *failed);
  return {};
}

Result<void> Document::Impl::load_stream(ByteView bytes, const LoadOptions& options) {
  format::ChunkStream stream(bytes);
  std::vector<Change> changes;
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
      taken = load_snapshot(*snapshot, options.trusted_hashes, options.verify_hashes);
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
  auto loaded = load_snapshot(*snapshot, {}, true);
  if (!loaded) return format::in_chunk(**chunk, loaded.error());
  return true;
}

Result<ApplyReport> Document::Impl::load_more(ByteView bytes, bool document_loaded) {
  format::ChunkStream stream(bytes);
  std::vector<Change> changes;
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
