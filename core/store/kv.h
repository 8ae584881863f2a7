#pragma once

#include "core/base/result.h"
#include "core/store/backup.h"
#include "core/store/store.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// The ordered map below the document rules: LevelDB or memory. Internal to core/store: only the
/// commit queue writes, so that every batch obeys LAYOUT.md.
namespace converge::store {

struct RepairPlan;
struct RepairReport;

/// Puts and removals that become visible together. A later write of a key replaces an earlier one.
class Batch {
 public:
  struct Entry {
    std::string key;
    std::optional<std::string> value;  ///< nothing: remove
  };

  void put(std::string key, std::string value) { set(std::move(key), std::move(value)); }
  void erase(std::string key) { set(std::move(key), std::nullopt); }
  /// What this batch says about a key: nullptr when nothing.
  const Entry* find(const std::string& key) const;

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return entries_.empty(); }

 private:
  void set(std::string key, std::optional<std::string> value);

  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
  std::size_t bytes_ = 0;
};

/// Walks keys in bytewise order over one consistent view. After the walk ask status(): a cursor
/// that met damage ends like one that reached the end.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual void seek(std::string_view key) = 0;
  virtual void next() = 0;
  virtual bool valid() const = 0;
  /// Borrowed until the next move. REQUIRES: valid().
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual Result<void> status() const = 0;
};

/// Reads: any thread. write, reopen and close: one thread (the commit thread).
class Kv {
 public:
  virtual ~Kv() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  /// A large scan should not push out what point reads use: fill_cache false.
  virtual Result<std::unique_ptr<Cursor>> cursor(bool fill_cache) = 0;
  virtual Result<void> write(const Batch& batch, bool sync) = 0;

  /// Gives the write path up and opens the files again, keeping what is on disk. Nothing in memory
  /// survives. After a failure of write.
  virtual Result<void> reopen() = 0;
  /// Bytes of the MANIFEST in use, which only opening again makes small (store.md 5).
  virtual std::uint64_t manifest_bytes() { return 0; }
  /// Opens the files again for the sake of a new MANIFEST. False: somebody reads, and `wait` was
  /// not asked for. On an error the files are as after a failed reopen.
  virtual Result<bool> rotate_manifest(bool wait) = 0;
  /// Proves that the disk takes as much as reopening writes, at most. Reopening without it would
  /// fail half-way, and then nothing could be read either: until then the old files serve reads.
  virtual Result<void> probe_room() = 0;
  virtual Result<void> close() = 0;
  /// The first records are durable: from here on the files are a store.
  virtual Result<void> initialised() = 0;
  /// LevelDB's compaction over [begin, end); empty end: to the last key.
  virtual Result<void> compact(std::string_view begin, std::string_view end) = 0;
  /// Of files, for the keys in [begin, end); what only memory holds is not counted.
  virtual std::uint64_t approximate_bytes(std::string_view, std::string_view) { return 0; }
  virtual void fill_stats(StoreStats& stats) = 0;
  /// Free bytes where the store lives; nothing when there is no such limit.
  virtual std::optional<std::uint64_t> free_bytes() = 0;
  /// The reserve file: given up to make room, taken again when there is room.
  virtual void release_reserve() = 0;
  virtual Result<void> restore_reserve() = 0;
  virtual bool has_reserve() = 0;
  /// A failure of the write path seen by the files themselves, before a write reports it.
  virtual std::optional<Error> write_failure() = 0;
  /// Copies the files as they are to `target`. Writers are held off by `with_pause` while the set
  /// of files is fixed; the rest runs beside them.
  virtual Result<BackupReport> backup(const std::filesystem::path& target,
                                      const BackupOptions& options, const BackupContext& context,
                                      const WithPause& with_pause) = 0;
  /// Entries of a document in the files, of any version (purge_proof.h).
  virtual Result<std::uint64_t> count_entries(const DocumentId& document) = 0;
  /// Keeps damaged bytes durably, under a name in quarantine/.
  virtual Result<void> keep_aside(const std::string& name, std::string_view bytes) = 0;
  /// Takes such a file away; one that is gone already is no error.
  virtual Result<void> drop_aside(const std::string& name) = 0;
  /// Which tables are damaged, of those that may hold records of `only` (empty: all). Reads the
  /// files as they are between two commits.
  virtual Result<RepairPlan> plan_repair(const std::vector<DocumentId>& only,
                                         const WithPause& with_pause) = 0;
  /// Closes the files, writes what is readable of the damaged tables anew, opens them again.
  /// Between two groups; readers wait. Sets what the report says of files.
  virtual Result<void> repair_tables(RepairReport& report) = 0;
  /// Proves the files as they are between two commits, by our own readers.
  virtual Result<CheckReport> check(const CheckOptions& options, const WithPause& with_pause) = 0;
};

std::unique_ptr<Kv> make_memory_kv();

}  // namespace converge::store
