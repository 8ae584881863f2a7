#pragma once

#include "core/store/commit_queue.h"
#include "core/store/kv.h"
#include "core/store/store.h"
#include "core/store/values.h"

#include <atomic>
#include <deque>
#include <mutex>
#include <set>

namespace converge::store {

struct KvStoreOptions {
  OpenOptions open;
  bool threaded = true;
  bool is_new = false;  ///< nothing in the map yet: write the first records
  /// What the logs told before the map was opened; 0: nothing. The map must agree.
  CommitNumber log_last_commit = 0;
  CommitNumber log_synced_commit = 0;
};

/// The Store over an ordered map: LevelDbStore and MemoryStore differ only in their Kv. Reads go to
/// the map on the caller's thread; writes are requests to the commit queue.
class KvStore final : public Store {
 public:
  /// Reads the records under `m` and `j`, starts the commit thread and writes the first batch.
  static Result<OpenedStore> start(std::unique_ptr<Kv> kv, KvStoreOptions options);
  ~KvStore() override;

  Result<DocumentHeader> header(const DocumentId& document) override;
  Result<StoredDocument> load(const DocumentId& document) override;
  Result<std::optional<StoredChange>> find_change(const DocumentId& document,
                                                  const ChangeHash& hash) override;
  Result<Page<DocumentHeader>> list_documents(const PageRequest& request) override;
  Result<std::vector<DocumentId>> find_by_prefix(std::string_view base58,
                                                 std::size_t limit) override;
  Result<std::optional<Tombstone>> tombstone(const DocumentId& document) override;
  Result<Page<Tombstone>> list_tombstones(const PageRequest& request) override;
  Result<Page<Receipt>> receipts(ReceiptNumber from, std::size_t limit) override;
  Result<std::optional<std::vector<ReceiptNumber>>> receipts_of(
      const DocumentId& document) override;

  Result<Page<ConflictEntry>> list_conflicts(const PageRequest& request) override;
  Result<std::optional<Bytes>> conflicts_of(const DocumentId& document) override;

  Result<std::optional<DocumentId>> find_name(std::string_view name) override;
  Result<Page<NameEntry>> list_names(const PageRequest& request) override;
  Result<std::vector<std::string>> names_of(const DocumentId& document) override;
  Result<Page<NameEntry>> list_names_by_document(const PageRequest& request) override;

  Result<std::optional<PeerSync>> peer_state(const DocumentId& document,
                                             const PeerKey& peer) override;
  Result<std::vector<PeerRecord>> peers() override;
  Result<std::optional<PeerRecord>> peer(const PeerKey& key) override;
  Result<std::optional<Bytes>> idempotent_result(const ClientId& client,
                                                 std::string_view key) override;
  StoreIdentity identity() override { return identity_; }
  StoreCounts counts() override;
  Result<std::optional<Bytes>> setting(std::string_view name) override;
  Result<std::vector<std::pair<std::string, Bytes>>> settings(std::string_view prefix) override;

  void append(Append append, Durability durability, AppendDone done, Durable durable) override;
  void put_names(std::vector<NameEdit> edits, Done done) override;
  void remove(const DocumentId& document, Source by, Done done) override;
  void set_degraded(const DocumentId& document, bool degraded, Done done) override;
  void put_peer_state(const DocumentId& document, PeerSync state, Done done) override;
  void remove_peer_states(const PeerKey& peer, Done done) override;
  void put_peer(PeerRecord record, Done done) override;
  void remove_peer(const PeerKey& key, Done done) override;
  void put_setting(std::string name, std::optional<Bytes> value, Done done) override;
  void sync(Done done) override;

  Result<SnapshotPublished> publish_snapshot(const SnapshotDraft& draft) override;
  Result<void> remove_covered(const DocumentId& document, std::uint32_t generation,
                              const std::vector<ChangeHash>& covered) override;
  Result<void> compact_tables() override;

  Result<Page<QuarantineEntry>> list_quarantine(const PageRequest& request) override;
  Result<std::optional<QuarantineEntry>> quarantine_entry(std::uint64_t id) override;
  Result<RepairPlan> plan_repair(const std::vector<DocumentId>& only) override;
  Result<RepairReport> repair(const RepairPlan& plan, const RepairOptions& options) override;
  Result<RepairReport> heal(const DocumentId& document, const RepairOptions& options) override;
  Result<PurgeReport> purge(const DocumentId& document) override;
  Result<void> drop_quarantine(const std::vector<std::uint64_t>& ids) override;

  Result<BackupReport> backup(const std::filesystem::path& target,
                              const BackupOptions& options) override;
  Result<CheckReport> check(const CheckOptions& options) override;
  StoreStats stats() override;
  StoreState state() override;
  Result<void> set_read_only(bool read_only) override;
  Result<void> close(std::chrono::milliseconds deadline) override;

 private:
  struct Job {
    std::uint64_t id;
    JobRecord record;
  };
  KvStore(std::unique_ptr<Kv> kv, KvStoreOptions options);
  Result<Ledger> read_beginning(OpenReport& report);
  Result<void> read_jobs();
  Result<void> write_beginning();
  /// Format, id, time of creation and incarnation, as they are in memory.
  Result<void> add_own_records(Group& group) const;
  /// The settings once more, when they are few.
  Result<void> add_settings(Group& group);
  std::optional<Request> next_background();

  /// Calls `visit` for each record whose key begins with `prefix`, from `from` on, until it says
  /// false or fails; then asks whether the walk was whole.
  Result<void> walk(std::string_view prefix, std::string_view from,
                    const std::function<Result<bool>(std::string_view, std::string_view)>& visit);
  Result<std::optional<std::string>> get(const std::string& key);
  Result<void> check_open() const;
  /// Backup and check hold back the removal of files: one at a time.
  Result<void> begin_file_work();
  void end_file_work();

  Result<CommitNumber> submit_and_wait(Request request);
  Result<void> erase_keys(std::vector<std::string> keys);
  /// A change that the snapshot contains, and the receipt that stays.
  struct Covered {
    std::string key;
    ReceiptNumber receipt = 0;
  };
  Result<void> erase_covered(const DocumentId& document, std::vector<Covered> covered);
  Result<void> write_parts(const SnapshotDraft& draft, std::uint32_t generation,
                           const Sha256& sha256);
  Result<void> read_back(const SnapshotDraft& draft, std::uint32_t generation,
                         const Sha256& sha256);
  Result<std::vector<std::string>> part_keys(const DocumentId& document);
  Result<SnapshotPublished> publish(const SnapshotDraft& draft);
  Result<void> remove_leftovers(const DocumentId& document, std::uint32_t generation,
                                const std::vector<ChangeHash>& covered);
  void step(std::string_view name) const;
  Result<void> write_alone(const std::function<Result<void>(Group&)>& fill);
  Result<void> rebuild_one(const DocumentId& document, const RepairOptions& options,
                           RepairReport& report);

  std::unique_ptr<Kv> kv_;
  KvStoreOptions options_;
  StoreIdentity identity_;
  FormatRecord format_;
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> point_reads_{0}, range_reads_{0}, records_read_{0};  ///< ReadStats
  std::mutex publishing_mutex_;
  bool is_backing_up_ = false;
  std::set<DocumentId> publishing_;  ///< documents whose next snapshot is being written
  // Under the commit queue's lock, after start().
  std::deque<Job> jobs_;
  std::uint64_t next_job_ = 1;
  std::unique_ptr<CommitQueue> queue_;
};

}  // namespace converge::store
