#include "core/repo/compaction.h"

#include "core/engine/document.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace converge::repo {
namespace {

/// Nothing is edited by these instances, so any actor will do.
ActorId reading_actor() {
  static constexpr std::array<std::byte, 16> kZeros{};
  return ActorId(ByteView(kZeros));
}

Error does_not_lead(const DocumentId& document) {
  return Error{
      ErrorCode::kCorrupt,
      "document.heads: the changes of " + document.to_url() + " do not lead to its stored heads",
      "store.corrupt", "syncctl store check --deep --doc " + document.to_url()};
}

/// The document as stored, orphans left out.
Result<engine::Document> rebuild(const store::StoredDocument& stored) {
  auto document = engine::Document::load(stored.snapshot, reading_actor());
  if (!document) return document.error();
  std::vector<Bytes> chunks;
  chunks.reserve(stored.tail.size());
  for (const store::StoredChange& change : stored.tail) chunks.push_back(change.chunk);
  if (!chunks.empty()) {
    const auto applied = document->apply_changes(chunks);
    if (!applied) return applied.error();
  }
  if (document->heads() != stored.header.heads) return does_not_lead(stored.header.id);
  return document;
}

std::vector<ChangeHash> sorted_changes(const engine::Document& document) {
  std::vector<ChangeHash> all = document.all_changes();
  std::ranges::sort(all);
  return all;
}

/// The bytes that were read back hold what they must.
Result<void> verify(ByteView bytes, const Heads& heads, const std::vector<ChangeHash>& covered) {
  const auto again = engine::Document::load(bytes, reading_actor());
  if (!again) return again.error();
  if (again->heads() != heads) return Error{ErrorCode::kCorrupt, "it has other heads"};
  if (sorted_changes(*again) != covered) return Error{ErrorCode::kCorrupt, "it has other changes"};
  return {};
}

}  // namespace

bool needs_compaction(const store::DocumentHeader& header) {
  if (header.state != store::DocumentState::kActive) return false;
  const std::uint64_t snapshot = header.snapshot.bytes;
  if (header.tail_bytes >= std::max(kTailBytesMin, snapshot / 2)) return true;
  return header.tail_changes >= kTailChangesMin && header.tail_bytes >= snapshot / 8;
}

Result<std::optional<Compacted>> compact_document(store::Store& store, const DocumentId& document) {
  const auto stored = store.load(document);
  if (!stored) return stored.error();
  const auto rebuilt = rebuild(*stored);
  if (!rebuilt) return rebuilt.error();
  const store::DocumentHeader& header = stored->header;
  const bool has_leftovers =
      stored->has_leftover_parts || stored->tail.size() > header.tail_changes;
  Compacted done;
  done.had_leftovers = has_leftovers;
  done.bytes_before = stored->snapshot.size() + header.tail_bytes;
  if (header.tail_changes == 0) {
    if (!has_leftovers) return std::optional<Compacted>();
    const auto inside = engine::Document::load(stored->snapshot, reading_actor());
    if (!inside) return inside.error();
    const auto removed =
        store.remove_covered(document, header.snapshot.generation, sorted_changes(*inside));
    if (!removed) return removed.error();
    done.bytes_after = stored->snapshot.size();
    return std::optional(done);
  }
  store::SnapshotDraft draft;
  draft.document = document;
  draft.based_on_generation = header.snapshot.generation;
  draft.bytes = rebuilt->save({.deflate = true, .include_orphans = false});
  draft.heads = rebuilt->heads();
  draft.covered = sorted_changes(*rebuilt);
  draft.verify = [&draft](ByteView bytes) { return verify(bytes, draft.heads, draft.covered); };
  const auto published = store.publish_snapshot(draft);
  if (!published) return published.error();
  done.changes = published->changes_removed;
  done.bytes_after = draft.bytes.size();
  return std::optional(done);
}

store::SnapshotInspector snapshot_inspector() {
  return [](ByteView bytes) -> Result<store::InspectedSnapshot> {
    const auto document = engine::Document::load(bytes, reading_actor());
    if (!document) return document.error();
    return store::InspectedSnapshot{document->all_changes(), document->heads()};
  };
}

}  // namespace converge::repo
