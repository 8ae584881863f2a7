#pragma once

#include "core/store/check.h"
#include "core/store/store.h"

#include <filesystem>
#include <string>
#include <vector>

/// What a store that does not open still holds, written into a new one (store.md 13.4). The source
/// is only read.
namespace converge::store {

struct SalvageOptions {
  SnapshotInspector inspect_snapshot;  ///< without one, snapshots count if their SHA-256 fits
};

/// A document of which something is missing.
struct SalvagedDocument {
  DocumentId id;
  std::uint64_t changes = 0;  ///< kept
  /// Hashes that kept changes depend on and that are nowhere; the list ends at 1,000.
  std::vector<ChangeHash> missing;
  bool is_lost = false;  ///< nothing of it could be kept
};

struct SalvageReport {
  bool used_manifest = false;  ///< false: every table in the folder was read
  std::uint64_t tables = 0;
  std::uint64_t log_records = 0;
  std::uint64_t records = 0;
  std::uint64_t records_dropped = 0;  ///< their sums, keys or hashes are wrong
  std::uint64_t documents_complete = 0;
  std::vector<SalvagedDocument> documents_degraded;
  std::uint64_t names = 0;
  std::uint64_t tombstones = 0;
  CommitNumber last_commit = 0;  ///< of the readable ledger; 0: none
  std::vector<Finding> findings;
  StoreId store_id{};
};

/// Reads every table (those of the MANIFEST if it parses) and every log of `source`, merges by key
/// with the newest sequence winning, verifies each record, and builds a new store in `target`,
/// which must not exist or be empty: changes, snapshots, orphans, names, tombstones, peers,
/// settings and idempotency as they were; headers, counts and receipts recomputed; a new store id;
/// no sync states. A document with a hole is marked degraded. Errors: kInvalid (target not empty,
/// source not a store), kLocked, kNoSpace, kIo.
Result<SalvageReport> salvage_store(const std::filesystem::path& source,
                                    const std::filesystem::path& target,
                                    const SalvageOptions& options, const OpenOptions& open);

}  // namespace converge::store
