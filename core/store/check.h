#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/store/types.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

/// Proves the invariants of store.md 18 on a stopped store or a backup, by our own readers: nothing
/// is opened for writing and nothing is changed.
namespace converge::store {

enum class Severity : std::uint8_t { kInfo, kWarning, kError };
const char* to_string(Severity severity);

/// Where something was found; what does not apply is empty or 0.
struct FindingPlace {
  std::string file;  ///< name inside db/
  std::uint64_t offset = 0;
  std::string key;  ///< readable form
};

/// One thing that is not as it must be. `code` is stable: "table.block", "table.open",
/// "table.missing", "manifest.damaged", "store.current-missing", "current.bad", "log.damaged",
/// "log.torn-tail", "log.missing", "record.key", "record.sum", "record.bad", "change.hash",
/// "snapshot.hash", "snapshot.leftover", "document.heads", "document.missing-dep",
/// "document.counts", "document.degraded", "document.no-header", "document.orphans", "index.names",
/// "index.receipts", "index.counts", "store.format", "store.guard", "store.metadata", "store.mode",
/// "table.bounds".
struct Finding {
  std::string code;
  Severity severity = Severity::kError;
  std::string what;
  FindingPlace where;
  std::vector<DocumentId> documents;  ///< concerned, as far as known
  std::uint64_t changes_lost = 0;     ///< known to be unreadable
  std::string next;                   ///< the command that helps
};

enum class CheckDepth : std::uint8_t {
  kQuick,   ///< MANIFEST, footers, indexes, logs: without data blocks
  kSample,  ///< and a part of the data blocks, for damage only
  kDeep,    ///< every block, record, hash and document
};

/// What a snapshot holds, as the merge engine sees it.
struct InspectedSnapshot {
  std::vector<ChangeHash> changes;
  Heads heads;
};
/// Loads a document chunk. Given by whoever has the engine; without one, what is inside snapshots
/// is covered by their SHA-256 only.
using SnapshotInspector = std::function<Result<InspectedSnapshot>(ByteView)>;

struct CheckProgress {
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
};

struct CheckOptions {
  CheckDepth depth = CheckDepth::kQuick;
  unsigned sample_percent = 5;
  /// Only these documents' records are looked at, deeply, and only tables that may hold some;
  /// empty: all of them.
  std::vector<DocumentId> documents;
  SnapshotInspector inspect_snapshot;
  /// Called now and then; false ends the check early.
  std::function<bool(const CheckProgress&)> on_progress;
  std::size_t findings_max = 10'000;  ///< further ones are counted only
};

struct CheckReport {
  CheckDepth depth = CheckDepth::kQuick;
  std::uint64_t documents = 0;  ///< deep only, as are changes and records
  std::uint64_t changes = 0;
  std::uint64_t records = 0;
  std::uint64_t tables = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes_read = 0;
  CommitNumber last_commit = 0;
  std::chrono::milliseconds elapsed{};
  std::vector<Finding> findings;
  std::uint64_t findings_omitted = 0;
  bool cancelled = false;
  /// SHA-256 over the keys and values that a reader sees, deep only. Equal for equal contents
  /// whatever the files: each as length (8, big-endian) and bytes, in key order.
  Sha256 digest{};
  /// No finding above info.
  bool ok() const;
};

/// `directory` is a store directory that no process has open, or a backup. Errors: kNotFound,
/// kInvalid (not a store), kLocked, kUnsupported (newer format), kIo. Damage is findings, never an
/// error.
Result<CheckReport> check_store(const std::filesystem::path& directory,
                                const CheckOptions& options);

}  // namespace converge::store
