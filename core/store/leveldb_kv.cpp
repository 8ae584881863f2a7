#include "core/store/leveldb_kv.h"

#include "core/store/keys.h"
#include "core/store/leveldb_env.h"
#include "core/store/log_walk.h"
#include "core/store/manifest.h"
#include "core/store/purge_proof.h"
#include "core/store/repair_tables.h"

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/env.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <mutex>
#include <shared_mutex>
#include <sys/statvfs.h>
#include <unistd.h>

namespace converge::store {
namespace {

constexpr std::size_t kTableBytes = 4u << 20;
constexpr std::size_t kBlockBytes = 4096;
constexpr int kBloomBitsPerKey = 10;
constexpr std::uint64_t kReopenSlackBytes = 1u << 20;

leveldb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

Error error_of(const leveldb::Status& status) {
  const std::string text = status.ToString();
  if (status.IsCorruption()) {
    return {ErrorCode::kCorrupt, "table.block: " + text, "store.corrupt", "syncctl store repair"};
  }
  return {ErrorCode::kIo, text, "io"};
}

class LevelDbCursor final : public Cursor {
 public:
  LevelDbCursor(std::shared_lock<std::shared_mutex> lock, std::unique_ptr<leveldb::Iterator> at)
      : lock_(std::move(lock)), at_(std::move(at)) {}
  void seek(std::string_view key) override { at_->Seek(slice(key)); }
  void next() override { at_->Next(); }
  bool valid() const override { return at_->Valid(); }
  std::string_view key() const override { return view(at_->key()); }
  std::string_view value() const override { return view(at_->value()); }
  Result<void> status() const override {
    const leveldb::Status status = at_->status();
    if (!status.ok()) return error_of(status);
    return {};
  }

 private:
  std::shared_lock<std::shared_mutex> lock_;  // before the iterator: outlives it
  std::unique_ptr<leveldb::Iterator> at_;
};

class LevelDbKv final : public Kv {
 public:
  LevelDbKv(StoreDirectory directory, const OpenOptions& options)
      : directory_(std::move(directory)),
        options_(options),
        env_(directory_.database(), {options.file_hook, options.on_event}),
        cache_(leveldb::NewLRUCache(options.block_cache_bytes)),
        filter_(leveldb::NewBloomFilterPolicy(kBloomBitsPerKey)) {}
  ~LevelDbKv() override { database_.reset(); }

  Result<void> open(bool create) {
    if (!create) {
      auto prepared = prepare_logs(directory_.database(), directory_.path() / kQuarantineFolder);
      if (!prepared) return prepared.error();
      report_.log_bytes_cut += prepared->repair.bytes_cut;
      report_.last_commit = prepared->walk.last_commit;
      report_.synced_commit = prepared->walk.synced;
      for (const std::string& note : prepared->repair.notes) {
        event(StoreEvent::Severity::kWarning, note.substr(0, note.find(':')), note);
      }
    }
    leveldb::Options options;
    options.create_if_missing = create;
    options.error_if_exists = create;
    options.paranoid_checks = true;
    options.env = env_.env();
    options.info_log = env_.logger();
    options.write_buffer_size = options_.write_buffer_bytes;
    options.max_file_size = kTableBytes;
    options.block_size = kBlockBytes;
    options.max_open_files = options_.open_files_max;
    options.block_cache = cache_.get();
    options.filter_policy = filter_.get();
    options.compression = leveldb::kSnappyCompression;
    options.reuse_logs = false;
    leveldb::DB* database = nullptr;
    const leveldb::Status status =
        leveldb::DB::Open(options, directory_.database().string(), &database);
    if (!status.ok()) return open_error(status);
    database_.reset(database);
    return {};
  }

  FilesReport report() const { return report_; }
  Result<void> initialised() override { return directory_.finish_initialisation(); }

  Result<std::optional<std::string>> get(std::string_view key) override {
    const std::shared_lock lock(mutex_);
    if (!database_) return closed();
    std::string value;
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    leveldb::Status status = database_->Get(options, slice(key), &value);
    // A read may fail once for reasons that pass; damage does not.
    if (status.IsIOError()) status = database_->Get(options, slice(key), &value);
    if (status.ok()) return std::optional(std::move(value));
    if (status.IsNotFound()) return std::optional<std::string>();
    return error_of(status);
  }

  Result<std::unique_ptr<Cursor>> cursor(bool fill_cache) override {
    std::shared_lock lock(mutex_);
    if (!database_) return closed();
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = fill_cache;
    std::unique_ptr<leveldb::Iterator> at(database_->NewIterator(options));
    return std::unique_ptr<Cursor>(std::make_unique<LevelDbCursor>(std::move(lock), std::move(at)));
  }

  Result<void> write(const Batch& batch, bool sync) override {
    const std::shared_lock lock(mutex_);
    if (!database_) return closed();
    leveldb::WriteBatch out;
    for (const Batch::Entry& entry : batch.entries()) {
      if (entry.value) {
        out.Put(slice(entry.key), slice(*entry.value));
      } else {
        out.Delete(slice(entry.key));
      }
    }
    leveldb::WriteOptions options;
    options.sync = sync;
    const leveldb::Status status = database_->Write(options, &out);
    // What the files saw is closer to the cause, and some of it (closing an old log) LevelDB drops.
    if (const auto failure = env_.write_failure()) return *failure;
    if (!status.ok()) return error_of(status);
    return {};
  }

  Result<void> reopen() override {
    const std::unique_lock lock(mutex_);
    database_.reset();
    env_.forget_failure();
    return open(false);
  }

  std::uint64_t manifest_bytes() override { return env_.manifest_bytes(); }

  Result<bool> rotate_manifest(bool wait) override {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (wait)
      lock.lock();
    else if (!lock.try_lock())
      return false;
    database_.reset();
    env_.forget_failure();
    if (const auto opened = open(false); !opened) return opened.error();
    return true;
  }

  /// The logs become tables before they go, and there is a new MANIFEST and a new log.
  Result<void> probe_room() override {
    std::uint64_t bytes = kReopenSlackBytes + env_.manifest_bytes();
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory_.database(), error), end;
         !error && at != end; at.increment(error)) {
      std::error_code gone;
      const std::uint64_t size = at->path().extension() == ".log" ? at->file_size(gone) : 0;
      if (!gone) bytes += size;
    }
    const std::filesystem::path folder = directory_.path() / kTemporaryFolder;
    std::filesystem::create_directory(folder, error);
    const std::filesystem::path probe = folder / "room";
    if (options_.file_hook != nullptr) {
      const std::string path = probe.string();
      const auto fault = options_.file_hook->before({FileOp::kWrite, FileKind::kOther, path});
      if (fault) return file_error("allocate", path, fault->error_number);
    }
    const auto done = allocate(probe, bytes);
    ::unlink(probe.c_str());
    return done;
  }

  Result<void> close() override {
    const std::unique_lock lock(mutex_);
    database_.reset();
    directory_.unlock();
    if (const auto failure = env_.write_failure()) return *failure;
    return {};
  }

  Result<void> compact(std::string_view begin, std::string_view end) override {
    const std::shared_lock lock(mutex_);
    if (!database_) return closed();
    const leveldb::Slice from = slice(begin);
    const leveldb::Slice to = slice(end);
    database_->CompactRange(&from, end.empty() ? nullptr : &to);
    if (const auto failure = env_.write_failure()) return *failure;
    return {};
  }

  std::uint64_t approximate_bytes(std::string_view begin, std::string_view end) override {
    const std::shared_lock lock(mutex_);
    if (!database_) return 0;
    const leveldb::Range range(slice(begin), slice(end));
    std::uint64_t bytes = 0;
    database_->GetApproximateSizes(&range, 1, &bytes);
    return bytes;
  }

  void fill_stats(StoreStats& stats) override {
    stats.operations = env_.stats();
    stats.manifest_bytes = env_.manifest_bytes();
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory_.database(), error), end;
         !error && at != end; at.increment(error)) {
      std::error_code gone;
      const std::uint64_t size = at->file_size(gone);
      if (!gone) stats.disk_bytes += size;
    }
    const std::shared_lock lock(mutex_);
    if (!database_) return;
    stats.level0_files = number_property("leveldb.num-files-at-level0");
    stats.memory_bytes = number_property("leveldb.approximate-memory-usage");
  }

  std::optional<std::uint64_t> free_bytes() override {
    struct statvfs info {};
    if (::statvfs(directory_.path().c_str(), &info) != 0) return std::nullopt;
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  }

  void release_reserve() override {
    if (::unlink(reserve().c_str()) == 0) {
      event(StoreEvent::Severity::kWarning, "store.reserve-released",
            "the reserve file was given up to make room");
    }
  }

  Result<void> restore_reserve() override {
    if (options_.reserve_bytes == 0) return {};
    const auto done = allocate(reserve(), options_.reserve_bytes);
    if (!done) ::unlink(reserve().c_str());
    return done;
  }

  bool has_reserve() override {
    return options_.reserve_bytes == 0 || ::access(reserve().c_str(), F_OK) == 0;
  }

  std::optional<Error> write_failure() override { return env_.write_failure(); }

  Result<BackupReport> backup(const std::filesystem::path& target, const BackupOptions& options,
                              const BackupContext& context, const WithPause& with_pause) override {
    return copy_store(directory_.path(), target, options, context, env_, with_pause);
  }

  Result<CheckReport> check(const CheckOptions& options, const WithPause& with_pause) override {
    return with_view("check", with_pause,
                     [&](const std::filesystem::path& view) { return check_store(view, options); });
  }

  Result<std::uint64_t> count_entries(const DocumentId& document) override {
    return store::count_entries(directory_.database(), document);
  }

  Result<void> keep_aside(const std::string& name, std::string_view bytes) override {
    const std::filesystem::path folder = directory_.path() / kQuarantineFolder;
    std::error_code ignored;
    std::filesystem::create_directory(folder, ignored);
    return write_file_synced(folder / name, bytes);
  }

  Result<void> drop_aside(const std::string& name) override {
    const std::filesystem::path path = directory_.path() / kQuarantineFolder / name;
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return file_error("remove", path.string(), errno);
  }

  Result<RepairPlan> plan_repair(const std::vector<DocumentId>& only,
                                 const WithPause& with_pause) override {
    PlanOptions options;
    options.only = only;
    options.is_live = true;
    return with_view("repair", with_pause, [&](const std::filesystem::path& view) {
      return plan_tables(view / kDatabaseFolder, options);
    });
  }

  Result<void> repair_tables(RepairReport& report) override {
    const std::unique_lock lock(mutex_);
    database_.reset();
    env_.forget_failure();
    auto rewritten = rewrite_tables(directory_.path(), report.plan, options_.on_step);
    // Whatever became of it: the old or the new state opens.
    const auto opened = open(false);
    if (!rewritten) return rewritten.error();
    report.records_kept = rewritten->records_kept;
    report.set_aside = std::move(rewritten->set_aside);
    return opened;
  }

 private:
  /// What `use` makes of a view of the files as they are now, which is linked for it and then
  /// removed.
  template <class Use>
  auto with_view(const char* name, const WithPause& with_pause, Use use)
      -> decltype(use(std::filesystem::path())) {
    const std::filesystem::path folder = directory_.path() / kTemporaryFolder;
    std::error_code ignored;
    std::filesystem::create_directory(folder, ignored);
    const std::filesystem::path view = folder / name;
    std::filesystem::remove_all(view, ignored);
    const auto linked = link_store(directory_.path(), view, env_, with_pause);
    if (!linked) {
      std::filesystem::remove_all(view, ignored);
      return linked.error();
    }
    auto out = use(view);
    std::filesystem::remove_all(view, ignored);
    return out;
  }

  static Error closed() {
    return {ErrorCode::kUnavailable, "the store's files are not open", "store.closed"};
  }

  static Result<void> allocate(const std::filesystem::path& path, std::uint64_t bytes) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return file_error("create", path.string(), errno);
    const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
    ::close(fd);
    if (error != 0) return file_error("allocate", path.string(), error);
    return {};
  }

  std::filesystem::path reserve() const { return directory_.path() / kReserveFile; }

  std::uint64_t number_property(const char* name) {
    std::string text;
    std::uint64_t value = 0;
    if (database_->GetProperty(name, &text)) {
      std::from_chars(text.data(), text.data() + text.size(), value);
    }
    return value;
  }

  Error open_error(const leveldb::Status& status) const {
    const std::string text = status.ToString();
    if (text.find("is held by") != std::string::npos) {
      return {ErrorCode::kLocked, "the store " + directory_.path().string() + " is in use: " + text,
              "store.locked"};
    }
    if (const auto failure = env_.write_failure()) return *failure;
    if (status.IsCorruption() && text.find("missing files") != std::string::npos) {
      return {ErrorCode::kCorrupt, "table.missing: " + text, "store.corrupt"};
    }
    if (status.IsCorruption()) {
      return {ErrorCode::kCorrupt, "store.damaged: " + text, "store.corrupt"};
    }
    return {ErrorCode::kIo, text, "io"};
  }

  void event(StoreEvent::Severity severity, std::string code, std::string message) const {
    if (options_.on_event) options_.on_event({severity, std::move(code), std::move(message)});
  }

  StoreDirectory directory_;
  OpenOptions options_;
  LevelDbEnv env_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  FilesReport report_;
  std::shared_mutex mutex_;  ///< shared: uses database_; unique: replaces it
  std::unique_ptr<leveldb::DB> database_;
};

}  // namespace

Result<OpenedKv> open_leveldb_kv(StoreDirectory directory, const OpenOptions& options) {
  const bool is_new = directory.is_new();
  auto kv = std::make_unique<LevelDbKv>(std::move(directory), options);
  if (const auto ok = kv->open(is_new); !ok) return ok.error();
  OpenedKv opened;
  opened.report = kv->report();
  opened.kv = std::move(kv);
  return opened;
}

}  // namespace converge::store
