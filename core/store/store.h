#pragma once

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/store/types.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::store {

class FileHook;
struct CheckOptions;
struct CheckReport;
struct RepairPlan;
struct RepairReport;
struct RepairOptions;

enum class StoreState : std::uint8_t {
  kOpen,
  kReadOnly,  ///< the disk is low or full, or the operator said so; comes back by itself
  kFailed,    ///< the write path broke; reads go on over what is verified; reopen
  kClosed,
};
const char* to_string(StoreState state);

/// Something worth one log line: a state transition, a finding, or LevelDB's own note. May come on
/// any thread, must not call back into the store.
struct StoreEvent {
  enum class Severity : std::uint8_t { kDebug, kInfo, kWarning, kError };
  Severity severity = Severity::kInfo;
  std::string code;  ///< stable: "store.failed", "log.torn-tail", "leveldb", ...
  std::string message;
};

enum class OpenMode : std::uint8_t {
  kExisting,        ///< refuses a directory that is not a store
  kCreateIfAbsent,  ///< initialises a directory that is empty or does not exist
};

struct OpenOptions {
  OpenMode mode = OpenMode::kExisting;
  const Clock* clock = nullptr;  ///< required; outlives the store
  Random* random = nullptr;      ///< required; outlives the store
  std::function<void(const StoreEvent&)> on_event;

  std::chrono::milliseconds relaxed_sync{200};  ///< 10 .. 10,000
  std::size_t write_buffer_bytes = 8u << 20;
  std::size_t block_cache_bytes = 32u << 20;
  int open_files_max = 512;
  std::uint64_t reserve_bytes = 64u << 20;       ///< 0: no reserve file
  std::uint64_t free_bytes_min = 256u << 20;     ///< below: read-only; 0: only a failed write tells
  std::uint64_t manifest_bytes_max = 64u << 20;  ///< above: a new one at a quiet moment
  bool allow_network_filesystem = false;
  std::string writer = "converge";  ///< version text for FORMAT's neighbours and m/format

  /// Tests: sees every file operation and can make it fail (E11). Outlives the store.
  FileHook* file_hook = nullptr;
  /// Tests: named steps such as "commit.before-sync". Called on the thread that takes the step.
  std::function<void(std::string_view)> on_step;
};

/// The setting that says that every document's conflicts are under `k`. The agent's; a repair that
/// may have lost some of them takes it away.
inline constexpr const char* kConflictsIndexedSetting = "conflict.index";

/// What opening found.
struct OpenReport {
  bool created = false;
  bool was_clean = true;            ///< the last run said goodbye
  std::uint64_t log_bytes_cut = 0;  ///< of a torn tail, copied to quarantine/
  CommitNumber last_commit = 0;
  CommitNumber synced_commit = 0;  ///< highest that was known synced when it was written
  std::chrono::microseconds elapsed{};
};

/// New snapshot for a document (store.md 12). Made from a load of the same document.
struct SnapshotDraft {
  DocumentId document;
  std::uint32_t based_on_generation = 0;  ///< of the load; another one now is kConflict
  Bytes bytes;                            ///< one document chunk, without orphans
  Heads heads;                            ///< of `bytes`
  std::vector<ChangeHash> covered;        ///< every change in `bytes`
  /// Called with the bytes as read back from the store: must load them and compare heads and
  /// changes. Required.
  std::function<Result<void>(ByteView)> verify;
};

struct SnapshotPublished {
  DocumentHeader header;
  std::uint64_t changes_removed = 0;
  std::uint64_t bytes_removed = 0;
};

struct OperationStats {
  std::uint64_t count = 0;
  std::uint64_t failures = 0;
  std::uint64_t bytes = 0;
  std::uint64_t total_us = 0;
  std::uint64_t max_us = 0;
};

/// What this process read: what a request costs shows in it, whatever the machine.
struct ReadStats {
  std::uint64_t points = 0;   ///< records looked up by their key
  std::uint64_t ranges = 0;   ///< walks
  std::uint64_t records = 0;  ///< met on walks
};

struct StoreStats {
  StoreState state = StoreState::kOpen;
  std::string state_reason;
  StoreCounts counts;
  CommitNumber synced_commit = 0;
  std::uint64_t groups = 0;    ///< written to the log by this process
  std::uint64_t requests = 0;  ///< in those groups
  std::uint64_t syncs = 0;
  std::uint64_t queue_length = 0;
  std::uint64_t queue_bytes = 0;
  std::uint64_t manifest_bytes = 0;
  std::uint64_t disk_bytes = 0;  ///< of files in db/
  std::uint64_t free_bytes = 0;  ///< of the file system
  std::uint64_t level0_files = 0;
  std::uint64_t memory_bytes = 0;  ///< LevelDB's own estimate
  bool wants_reopen = false;       ///< the MANIFEST grew past its bound
  ReadStats reads;
  std::map<std::string, OperationStats> operations;  ///< "log.sync", "table.read", ...
};

/// How much of the bytes that are to be read and written is done. Called on the thread that copies,
/// several times a second at most by what it does, not by a clock: cheap callbacks only.
using CopyProgress = std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_total)>;

/// A directory's files as they were between two commits; see backup.h.
struct BackupOptions {
  std::optional<std::filesystem::path> previous;  ///< incremental: reuse its tables
  bool quick_check = true;
  CopyProgress on_progress = {};
};
struct BackupReport {
  std::filesystem::path path;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_reused = 0;
  CommitNumber commit = 0;
  ReceiptNumber receipt = 0;
  std::chrono::microseconds pause{};  ///< writers waited
};

using AppendDone = std::function<void(Result<AppendResult>)>;
using Done = std::function<void(Result<CommitNumber>)>;
using Durable = std::function<void()>;

/// Keeps documents durable and atomic. One process per directory.
///
/// Reads: any thread, blocking, each a consistent view as of some commit; they never wait for
/// writes. Every byte read was verified: a sum that does not fit is kCorrupt, never data.
///
/// Writes: any thread; they return at once. `done` is called exactly once, on the store's commit
/// thread (MemoryStore: on the caller's, before the call returns), and must not block: post it to
/// where it is wanted. Order of submission is order in the log is order of receipts. kDurable is
/// answered after the sync, kRelaxed after the write; what a relaxed write answers may be lost to a
/// power cut together with everything after it, so it must not be shown to a peer before `durable`
/// was called, which happens once its commit is synced, or never when the store fails or closes
/// first.
///
/// Errors of writes, nothing written unless said: kConflict (stale expected_seq, name bound
/// otherwise), kInvalid (bad name, unsorted heads), kCorrupt (hash is not that of the chunk),
/// kNotFound with id "doc.not_found" (deleted document), kNoSpace ("store.no_space"), kUnavailable
/// ("store.failed", "store.closed"), kLimitExceeded. kIo with id "store.outcome-unknown": the group
/// failed while being written, so it may or may not be there, whole, after reopening.
class Store {
 public:
  virtual ~Store() = default;

  // Documents.

  /// One point read. kNotFound ("doc.not_found") when never heard of; a deleted document has state
  /// kDeleted.
  virtual Result<DocumentHeader> header(const DocumentId& document) = 0;
  /// kNotFound; kCorrupt names the record. A deleted document is kNotFound.
  virtual Result<StoredDocument> load(const DocumentId& document) = 0;
  /// Tail or orphan; nothing for a change inside the snapshot or unknown.
  virtual Result<std::optional<StoredChange>> find_change(const DocumentId& document,
                                                          const ChangeHash& hash) = 0;
  /// By id; deleted documents are left out. `after` may be the bytes of any id.
  virtual Result<Page<DocumentHeader>> list_documents(const PageRequest& request) = 0;
  /// Documents, deleted ones left out, whose base58 text begins so. Cost: O(log n + limit).
  virtual Result<std::vector<DocumentId>> find_by_prefix(std::string_view base58,
                                                         std::size_t limit) = 0;
  virtual Result<std::optional<Tombstone>> tombstone(const DocumentId& document) = 0;
  virtual Result<Page<Tombstone>> list_tombstones(const PageRequest& request) = 0;
  /// From number `from` on, ascending; a hole in the numbers is damage, reported by check.
  virtual Result<Page<Receipt>> receipts(ReceiptNumber from, std::size_t limit) = 0;
  /// Numbers of the receipts of the document's changes, ascending; nothing where only all receipts
  /// tell: its snapshot was written before lists were kept, or a list is lost. Cost: O(document).
  virtual Result<std::optional<std::vector<ReceiptNumber>>> receipts_of(
      const DocumentId& document) = 0;

  // The conflict index: derivable, kept in the same batch as the changes.

  /// By document; only documents that have an entry.
  virtual Result<Page<ConflictEntry>> list_conflicts(const PageRequest& request) = 0;
  virtual Result<std::optional<Bytes>> conflicts_of(const DocumentId& document) = 0;

  // Names.

  virtual Result<std::optional<DocumentId>> find_name(std::string_view name) = 0;
  /// By name, bytewise, those that begin with request.prefix.
  virtual Result<Page<NameEntry>> list_names(const PageRequest& request) = 0;
  virtual Result<std::vector<std::string>> names_of(const DocumentId& document) = 0;
  /// By document, then by name. `after` may be the bytes of an id: the page begins with that
  /// document's names.
  virtual Result<Page<NameEntry>> list_names_by_document(const PageRequest& request) = 0;

  // Peers, identity, and what the agent keeps.

  virtual Result<std::optional<PeerSync>> peer_state(const DocumentId& document,
                                                     const PeerKey& peer) = 0;
  virtual Result<std::vector<PeerRecord>> peers() = 0;
  virtual Result<std::optional<PeerRecord>> peer(const PeerKey& key) = 0;
  /// Nothing when unknown or expired.
  virtual Result<std::optional<Bytes>> idempotent_result(const ClientId& client,
                                                         std::string_view key) = 0;
  virtual StoreIdentity identity() = 0;
  virtual StoreCounts counts() = 0;
  /// The agent's own small records (catalog id, invitations): name 1 .. 256 bytes.
  virtual Result<std::optional<Bytes>> setting(std::string_view name) = 0;
  virtual Result<std::vector<std::pair<std::string, Bytes>>> settings(std::string_view prefix) = 0;

  // What was found damaged (store.md 13.2).

  /// By id, ascending.
  virtual Result<Page<QuarantineEntry>> list_quarantine(const PageRequest& request) = 0;
  virtual Result<std::optional<QuarantineEntry>> quarantine_entry(std::uint64_t id) = 0;

  // Writes.

  /// Changes, heads, sync state, names and idempotency of one request as one batch.
  virtual void append(Append append, Durability durability, AppendDone done,
                      Durable durable = {}) = 0;
  /// Always durable.
  virtual void put_names(std::vector<NameEdit> edits, Done done) = 0;
  /// Tombstone: durable at once; the data follows in the background, across restarts. Names bound
  /// to the document go with it. No error: the deleted (again), the unknown (gets a tombstone).
  virtual void remove(const DocumentId& document, Source by, Done done) = 0;
  /// Marks a document degraded, or active again.
  virtual void set_degraded(const DocumentId& document, bool degraded, Done done) = 0;
  /// Not synced by itself; lost state costs a round trip. Not for documents that do not exist.
  virtual void put_peer_state(const DocumentId& document, PeerSync state, Done done) = 0;
  virtual void remove_peer_states(const PeerKey& peer, Done done) = 0;
  virtual void put_peer(PeerRecord record, Done done) = 0;
  virtual void remove_peer(const PeerKey& key, Done done) = 0;
  /// Nothing: removes it.
  virtual void put_setting(std::string name, std::optional<Bytes> value, Done done) = 0;
  /// Answered when everything submitted before is synced.
  virtual void sync(Done done) = 0;

  // Compaction. Blocking: for a worker thread, never for a shard or the commit thread.

  /// Writes the parts, reads them back, calls draft.verify, publishes synced, then removes what the
  /// snapshot covers (store.md 12, steps 2-5). A crash anywhere leaves the old or the new snapshot
  /// counting. Errors: kConflict, kCorrupt ("snapshot.readback"), and those of writes.
  virtual Result<SnapshotPublished> publish_snapshot(const SnapshotDraft& draft) = 0;
  /// Removes leftovers of an interrupted publish: parts of other generations and those of `covered`
  /// that are in the snapshot of that generation (the caller knows from having loaded it).
  virtual Result<void> remove_covered(const DocumentId& document, std::uint32_t generation,
                                      const std::vector<ChangeHash>& covered) = 0;
  /// LevelDB's compaction over everything, in slices.
  virtual Result<void> compact_tables() = 0;

  // Living with damage. Blocking: for a worker thread, never for a shard or the commit thread. In
  // memory there are no files, only records.

  /// What of the files is damaged: all tables, or those that may hold records of these documents.
  /// kConflict while a backup or a check runs.
  virtual Result<RepairPlan> plan_repair(const std::vector<DocumentId>& only) = 0;
  /// Carries a plan out while the store is open: readers and writers wait while the damaged tables
  /// are written anew (13.3), then the documents concerned are rebuilt. Repairs a failed store,
  /// too.
  virtual Result<RepairReport> repair(const RepairPlan& plan, const RepairOptions& options) = 0;
  /// What was met on a read: sets aside what of the document cannot be read, repairing tables that
  /// hold it when that needs nobody's consent (kCorrupt, with the next command, otherwise), and
  /// serves the rest. Also tries again: a document of which nothing is missing any
  /// more is no longer degraded.
  virtual Result<RepairReport> heal(const DocumentId& document, const RepairOptions& options) = 0;
  /// Erases a deleted document for good: compacts until no table and no log holds an entry of it in
  /// any version, and drops its quarantine entries. Its tombstone and its receipts, which hold no
  /// content, stay; copies elsewhere are not touched. An entry that a reader still looks at may be
  /// left. kInvalid when it is not deleted.
  virtual Result<PurgeReport> purge(const DocumentId& document) = 0;
  /// Removes entries and the files that no other entry names. kNotFound: none is removed.
  virtual Result<void> drop_quarantine(const std::vector<std::uint64_t>& ids) = 0;

  // Life.

  /// Online; writers wait only while the file set is fixed. kUnsupported in memory.
  virtual Result<BackupReport> backup(const std::filesystem::path& target,
                                      const BackupOptions& options) = 0;
  /// Proves the store beside its writers (check.h): the files as they are between two commits, by
  /// our own readers. kUnsupported in memory, kConflict while a backup or another check runs.
  virtual Result<CheckReport> check(const CheckOptions& options) = 0;
  virtual StoreStats stats() = 0;
  virtual StoreState state() = 0;
  /// Operator's read-only; false returns to open if nothing else stands against it.
  virtual Result<void> set_read_only(bool read_only) = 0;
  /// Finishes what is queued, says goodbye, unlocks. kTimeout when the deadline passed first: the
  /// rest is then as after a crash. Later calls answer kUnavailable.
  virtual Result<void> close(std::chrono::milliseconds deadline) = 0;
};

struct OpenedStore {
  std::unique_ptr<Store> store;
  OpenReport report;
};

/// Opens or initialises a store directory. Errors: kLocked ("store.locked", names the holder's
/// process id), kUnsupported ("store.newer"; network file system), kDenied (owner, mode, symlink),
/// kNotFound (not there), kInvalid (not a store; a directory that is not empty), kCorrupt
/// ("store.corrupt", with the finding code in the message: log.damaged, manifest.damaged,
/// store.current-missing ...), kIo, kNoSpace. Cost: independent of the number of documents.
Result<OpenedStore> open_store(const std::filesystem::path& directory, const OpenOptions& options);

/// Forgets everything when destroyed. Single-threaded inside: writes are done when the call
/// returns, which makes simulations repeatable. Any thread.
std::unique_ptr<Store> make_memory_store(const Clock& clock, Random& random);

}  // namespace converge::store
