#pragma once

#include "core/base/result.h"
#include "core/store/check.h"
#include "core/store/store.h"

#include <cstdint>
#include <optional>

/// Many changes become one snapshot (store.md 12): the half that needs the merge engine. Blocking,
/// for a worker thread: never a shard's or the commit thread.
namespace converge::repo {

/// Byte-proportional, so that all rewriting stays within about three times the data; a count alone
/// would rewrite 10 MiB for 50 KiB of keystrokes.
inline constexpr std::uint64_t kTailBytesMin = 64 * 1024;
inline constexpr std::uint64_t kTailChangesMin = 2000;

/// Whether a snapshot now is worth what it costs. Total.
bool needs_compaction(const store::DocumentHeader& header);

/// What a document's compaction did.
struct Compacted {
  std::uint64_t changes = 0;       ///< that went from the tail into the snapshot
  std::uint64_t bytes_before = 0;  ///< snapshot and tail
  std::uint64_t bytes_after = 0;   ///< the new snapshot
  bool had_leftovers = false;      ///< of a publication that was cut short; now removed
};

/// Loads what is stored into an instance of its own (which proves the bytes and holds no lock),
/// saves that, and publishes it; what was appended meanwhile stays in the tail. Without changes
/// behind the snapshot only leftovers are removed; nothing when there are none either. A crash at
/// any step leaves the old or the new snapshot counting.
/// Errors: kNotFound, kCorrupt (the stored bytes do not lead to the stored heads;
/// "snapshot.readback"), kConflict (another publication, a deletion), and those of writes.
Result<std::optional<Compacted>> compact_document(store::Store& store, const DocumentId& document);

/// What a snapshot holds, by the merge engine: for check, salvage and restore.
store::SnapshotInspector snapshot_inspector();

}  // namespace converge::repo
