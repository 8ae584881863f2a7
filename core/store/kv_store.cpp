#include "core/store/kv_store.h"

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/store/keys.h"
#include "core/store/rules.h"
#include "core/store/values.h"

#include <algorithm>
#include <future>

namespace converge::store {
namespace {

constexpr std::uint32_t kFormatMajor = 1;
/// What is compacted in one piece, about.
constexpr std::uint64_t kCompactionSliceBytes = 64u << 20;
constexpr std::size_t kSettingBytesMax = 1u << 20;
/// More than this is not written again with a start or stop.
constexpr std::size_t kSettingsAgainMax = 64u << 10;

Request blank_request(std::function<Result<void>(Group&)> build, Done done, std::size_t bytes) {
  Request request;
  request.build = std::move(build);
  request.done = std::move(done);
  request.bytes = bytes;
  return request;
}

void refuse(const Done& done, const Error& error) {
  if (done) done(error);
}

Result<std::optional<std::uint64_t>> read_number(Kv& kv, std::string_view name) {
  const std::string key = meta_key(name);
  const auto value = kv.get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<std::uint64_t>();
  const auto number = decode_number(key, **value, Kind::kMeta);
  if (!number) return number.error();
  return std::optional(*number);
}

void put_number(Group& group, std::string_view name, std::uint64_t number) {
  std::string key = meta_key(name);
  std::string value = encode_number(key, Kind::kMeta, number);
  group.put(std::move(key), std::move(value));
}

Result<void> check_format(const FormatRecord& format) {
  if (format.major != kFormatMajor) {
    return Error{ErrorCode::kUnsupported,
                 "the store has format " + std::to_string(format.major) + ", written by " +
                     format.writer + "; this release knows " + std::to_string(kFormatMajor),
                 "store.newer"};
  }
  if (!format.required.empty()) {
    return Error{ErrorCode::kUnsupported,
                 "the store, written by " + format.writer + ", needs the feature " +
                     format.required.front() + " that this release does not know",
                 "store.newer"};
  }
  return {};
}

}  // namespace

const char* to_string(StoreState state) {
  switch (state) {
    case StoreState::kOpen:
      return "open";
    case StoreState::kReadOnly:
      return "read-only";
    case StoreState::kFailed:
      return "failed";
    case StoreState::kClosed:
      return "closed";
  }
  return "unknown";
}

KvStore::KvStore(std::unique_ptr<Kv> kv, KvStoreOptions options)
    : kv_(std::move(kv)), options_(std::move(options)) {}

KvStore::~KvStore() {
  queue_.reset();  // joins the commit thread before what it uses goes
}

Result<OpenedStore> KvStore::start(std::unique_ptr<Kv> kv, KvStoreOptions options) {
  ASSERT(options.open.clock != nullptr && options.open.random != nullptr);
  OpenedStore opened;
  auto store = std::unique_ptr<KvStore>(new KvStore(std::move(kv), std::move(options)));
  const auto ledger = store->read_beginning(opened.report);
  if (!ledger) return ledger.error();
  const OpenOptions& open = store->options_.open;
  CommitQueueOptions queue_options{open.clock,
                                   open.relaxed_sync,
                                   open.free_bytes_min,
                                   open.manifest_bytes_max,
                                   store->options_.threaded,
                                   open.on_event,
                                   open.on_step,
                                   [self = store.get()] { return self->next_background(); }};
  store->queue_ = std::make_unique<CommitQueue>(*store->kv_, std::move(queue_options), *ledger);
  if (const auto ok = store->write_beginning(); !ok) return ok.error();
  if (store->options_.is_new) {
    if (const auto ok = store->kv_->initialised(); !ok) return ok.error();
  }
  opened.store = std::move(store);
  return opened;
}

Result<Ledger> KvStore::read_beginning(OpenReport& report) {
  report.created = options_.is_new;
  if (options_.is_new) {
    format_ = {kFormatMajor, 0, {}, {}, options_.open.writer};
    options_.open.random->fill(identity_.store_id);
    identity_.created_ms = options_.open.clock->wall_now_ms();
    return Ledger{};
  }
  const auto missing = [](const char* what) {
    return Error{ErrorCode::kCorrupt,
                 std::string("store.metadata: the record of the store's ") + what + " is missing",
                 "store.corrupt"};
  };
  std::string key = meta_key("format");
  auto value = kv_->get(key);
  if (!value) return value.error();
  if (!*value) return missing("format");
  const auto format = decode_format(key, **value);
  if (!format) return format.error();
  if (const auto ok = check_format(*format); !ok) return ok.error();
  format_ = *format;

  key = meta_key("store-id");
  value = kv_->get(key);
  if (!value) return value.error();
  if (!*value) return missing("id");
  const auto id = decode_blob(key, **value, Kind::kMeta);
  if (!id) return id.error();
  if (id->size() != identity_.store_id.size()) return missing("id");
  std::ranges::copy(as_bytes(*id), identity_.store_id.begin());

  const auto incarnation = read_number(*kv_, "incarnation");
  if (!incarnation) return incarnation.error();
  const auto created = read_number(*kv_, "created");
  if (!created) return created.error();
  const auto clean = read_number(*kv_, "clean");
  if (!clean) return clean.error();
  identity_.incarnation = incarnation->value_or(0);
  identity_.created_ms = static_cast<std::int64_t>(created->value_or(0));
  report.was_clean = clean->value_or(0) == 1;

  key = meta_key(kLedgerName);
  value = kv_->get(key);
  if (!value) return value.error();
  if (!*value) return missing("commits");
  auto ledger = decode_ledger(key, **value);
  if (!ledger) return ledger.error();
  const bool agrees = options_.log_last_commit == 0 || ledger->commit == options_.log_last_commit;
  if (!agrees || ledger->commit < options_.log_synced_commit) {
    return Error{ErrorCode::kCorrupt,
                 "log.damaged: the store is at commit " + std::to_string(ledger->commit) +
                     ", its logs end with " + std::to_string(options_.log_last_commit) +
                     " and speak of " + std::to_string(options_.log_synced_commit) + " as synced",
                 "store.corrupt"};
  }
  report.last_commit = ledger->commit;
  report.synced_commit = ledger->synced;
  if (const auto ok = read_jobs(); !ok) return ok.error();
  return ledger;
}

Result<void> KvStore::read_jobs() {
  return walk("j", "j", [&](std::string_view key, std::string_view value) -> Result<bool> {
    const auto parsed = parse_key(key);
    if (!parsed) return parsed.error();
    auto job = decode_job(key, value);
    if (!job) return job.error();
    jobs_.push_back({parsed->number, *job});
    next_job_ = std::max(next_job_, parsed->number + 1);
    return true;
  });
}

Result<void> KvStore::write_beginning() {
  identity_.incarnation += 1;
  Request request = blank_request(
      [this](Group& group) -> Result<void> {
        put_number(group, "clean", 0);
        if (auto ok = add_settings(group); !ok) return ok;
        return add_own_records(group);
      },
      {}, 0);
  request.sync = true;
  const auto written = submit_and_wait(std::move(request));
  if (!written) return written.error();
  return {};
}

/// Written with every start and stop, so that the log nearly always has the newest ones: a damaged
/// table then takes nothing of them away.
Result<void> KvStore::add_own_records(Group& group) const {
  std::string key = meta_key("format");
  std::string value = encode_format(key, format_);
  group.put(std::move(key), std::move(value));
  key = meta_key("store-id");
  value = encode_blob(key, Kind::kMeta, as_text(identity_.store_id));
  group.put(std::move(key), std::move(value));
  put_number(group, "created", static_cast<std::uint64_t>(identity_.created_ms));
  put_number(group, "incarnation", identity_.incarnation);
  return {};
}

Result<void> KvStore::add_settings(Group& group) {
  std::vector<std::string> keys;
  std::size_t bytes = 0;
  const std::string prefix = setting_key({});
  const auto read = walk(prefix, prefix, [&](std::string_view key, std::string_view value) {
    bytes += key.size() + value.size();
    keys.emplace_back(key);
    return Result<bool>(bytes <= kSettingsAgainMax);
  });
  if (!read) return read;
  if (bytes > kSettingsAgainMax) return {};
  for (std::string& key : keys) {
    auto value = group.get(key);  // with what the group's earlier members say
    if (!value) return value.error();
    if (*value) group.put(std::move(key), std::move(**value));
  }
  return {};
}

std::optional<Request> KvStore::next_background() {
  if (jobs_.empty()) return std::nullopt;
  Request request = blank_request(
      [this](Group& group) -> Result<void> {
        const Job job = jobs_.front();
        bool finished = false;
        const auto ok = add_removal_piece(group, job.id, job.record, finished);
        // A piece that failed is tried again at the next start; the tombstone stands meanwhile.
        if (!ok || finished) jobs_.pop_front();
        return ok;
      },
      {}, 0);
  request.alone = true;
  return request;
}

Result<CommitNumber> KvStore::submit_and_wait(Request request) {
  auto promise = std::make_shared<std::promise<Result<CommitNumber>>>();
  auto future = promise->get_future();
  request.done = [promise](Result<CommitNumber> result) { promise->set_value(std::move(result)); };
  queue_->submit(std::move(request));
  return future.get();
}

void KvStore::append(Append append, Durability durability, AppendDone done, Durable durable) {
  if (const auto ok = check_append(append); !ok) {
    if (done) done(ok.error());
    return;
  }
  struct State {
    Append append;
    AppendResult result;
  };
  auto state = std::make_shared<State>();
  state->append = std::move(append);
  const bool sync = durability == Durability::kDurable;
  Request request = blank_request(
      [state](Group& group) -> Result<void> {
        auto result = add_append(group, state->append);
        if (!result) return result.error();
        state->result = std::move(*result);
        return {};
      },
      {}, append_bytes(state->append));
  request.sync = sync;
  request.durable = std::move(durable);
  request.done = [state, sync, done = std::move(done)](const Result<CommitNumber>& commit) {
    if (!done) return;
    if (!commit) {
      done(commit.error());
      return;
    }
    state->result.commit = *commit;
    state->result.durable = sync;
    done(std::move(state->result));
  };
  queue_->submit(std::move(request));
}

void KvStore::put_names(std::vector<NameEdit> edits, Done done) {
  if (const auto ok = check_edits(edits); !ok) {
    refuse(done, ok.error());
    return;
  }
  const std::size_t bytes = edits.size() * (limits::kNameBytesMax + 64);
  Request request =
      blank_request([edits = std::move(edits)](Group& group) { return add_names(group, edits); },
                    std::move(done), bytes);
  request.sync = true;
  queue_->submit(std::move(request));
}

void KvStore::remove(const DocumentId& document, Source by, Done done) {
  Request request = blank_request(
      [this, document, by = std::move(by)](Group& group) -> Result<void> {
        bool has_job = false;
        const std::uint64_t id = next_job_;
        if (const auto ok = add_removal(group, document, by, id, has_job); !ok) return ok.error();
        if (has_job) {
          next_job_ += 1;
          jobs_.push_back({id, {JobKind::kDelete, document, group.now_ms()}});
        }
        return {};
      },
      std::move(done), 4096);
  request.sync = true;
  request.alone = true;
  queue_->submit(std::move(request));
}

void KvStore::set_degraded(const DocumentId& document, bool degraded, Done done) {
  Request request = blank_request(
      [document, degraded](Group& group) { return add_degraded(group, document, degraded); },
      std::move(done), 256);
  request.sync = true;
  queue_->submit(std::move(request));
}

void KvStore::put_peer_state(const DocumentId& document, PeerSync state, Done done) {
  if (std::ranges::adjacent_find(state.shared_heads, std::ranges::greater_equal{}) !=
      state.shared_heads.end()) {
    refuse(done, {ErrorCode::kInvalid, "shared heads are not sorted"});
    return;
  }
  const std::size_t bytes = 128 + state.shared_heads.size() * 32;
  queue_->submit(blank_request([document, state = std::move(state)](
                                   Group& group) { return add_peer_state(group, document, state); },
                               std::move(done), bytes));
}

void KvStore::remove_peer_states(const PeerKey& peer, Done done) {
  Request request = blank_request(
      [this, peer](Group& group) -> Result<void> {
        std::vector<std::string> keys;
        const auto ok = walk("i", "i", [&](std::string_view key, std::string_view) -> Result<bool> {
          const auto parsed = parse_key(key);
          if (!parsed) return parsed.error();
          std::string state = peer_sync_key(parsed->document, peer);
          const auto value = group.get(state);
          if (!value) return value.error();
          if (*value) keys.push_back(std::move(state));
          return true;
        });
        if (!ok) return ok.error();
        for (std::string& key : keys) group.erase(std::move(key));
        return {};
      },
      std::move(done), 4096);
  request.alone = true;
  queue_->submit(std::move(request));
}

void KvStore::put_peer(PeerRecord record, Done done) {
  std::size_t bytes = record.name.size();
  for (const auto& [name, value] : record.attributes) bytes += name.size() + value.size();
  if (bytes > kSettingBytesMax) {
    refuse(done, {ErrorCode::kLimitExceeded, "the peer's record is over 1 MiB", "limit.exceeded"});
    return;
  }
  Request request = blank_request(
      [record = std::move(record)](Group& group) -> Result<void> {
        std::string key = peer_key(record.key);
        const auto old = group.get(key);
        if (!old) return old.error();
        std::string extra;
        if (*old) {
          auto entry = decode_peer(key, **old);
          if (entry) extra = std::move(entry->extra);
        }
        std::string value = encode_peer(key, {record, std::move(extra)});
        group.put(std::move(key), std::move(value));
        return {};
      },
      std::move(done), bytes + 128);
  request.sync = true;
  queue_->submit(std::move(request));
}

void KvStore::remove_peer(const PeerKey& peer, Done done) {
  Request request = blank_request(
      [peer](Group& group) -> Result<void> {
        group.erase(peer_key(peer));
        return {};
      },
      std::move(done), 128);
  request.sync = true;
  queue_->submit(std::move(request));
}

void KvStore::put_setting(std::string name, std::optional<Bytes> value, Done done) {
  if (name.empty() || name.size() > kSettingNameBytesMax ||
      (value && value->size() > kSettingBytesMax)) {
    refuse(done,
           {ErrorCode::kInvalid, "a setting's name has 1 to 256 bytes, its value up to 1 MiB"});
    return;
  }
  const std::size_t bytes = name.size() + (value ? value->size() : 0) + 128;
  Request request = blank_request(
      [name = std::move(name), value = std::move(value)](Group& group) -> Result<void> {
        std::string key = setting_key(name);
        if (!value) {
          group.erase(std::move(key));
          return {};
        }
        std::string record = encode_blob(key, Kind::kMeta, as_text(*value));
        group.put(std::move(key), std::move(record));
        return {};
      },
      std::move(done), bytes);
  request.sync = true;
  queue_->submit(std::move(request));
}

void KvStore::sync(Done done) {
  Request request = blank_request({}, std::move(done), 0);
  request.sync = true;
  queue_->submit(std::move(request));
}

Result<void> KvStore::compact_tables() {
  if (queue_->state() == StoreState::kFailed) {
    return Error{ErrorCode::kUnavailable, "the store failed, tables are not compacted now",
                 "store.failed"};
  }
  // Slices, so that none takes long; small neighbours together, because each begins a new log.
  std::vector<std::string> bounds = {"a"};
  for (int first = 0; first < 256; ++first) bounds.push_back({'d', static_cast<char>(first)});
  for (const char space : std::string_view("fgijklmnpqrtvx")) bounds.emplace_back(1, space);
  bounds.push_back(prefix_end("x"));
  std::size_t begin = 0;
  for (std::size_t end = 1; end < bounds.size(); ++end) {
    const bool is_last = end + 1 == bounds.size();
    if (!is_last &&
        kv_->approximate_bytes(bounds[begin], bounds[end + 1]) <= kCompactionSliceBytes) {
      continue;
    }
    if (const auto ok = kv_->compact(bounds[begin], bounds[end]); !ok) return ok.error();
    begin = end;
  }
  // A compaction that met damage tells only the next write.
  return write_alone([](Group& group) -> Result<void> {
    put_number(group, "clean", 0);
    return {};
  });
}

Result<BackupReport> KvStore::backup(const std::filesystem::path& target,
                                     const BackupOptions& options) {
  if (const auto ok = begin_file_work(); !ok) return ok.error();
  BackupContext context;
  Result<std::unique_ptr<Cursor>> view = Error{ErrorCode::kUnavailable, "no view was taken"};
  context.state = [this, &view] {
    view = kv_->cursor(false);
    BackupManifest manifest;
    const Ledger ledger = queue_->ledger();
    manifest.store_id = identity_.store_id;
    manifest.commit = ledger.commit;
    manifest.receipt = ledger.last_receipt;
    manifest.created_ms = options_.open.clock->wall_now_ms();
    manifest.writer = options_.open.writer;
    return manifest;
  };
  context.records = [&view]() -> Result<BackupRecords> {
    if (!view) return view.error();
    auto records = collect_backup_records(**view);
    view->reset();
    return records;
  };
  auto result = kv_->backup(
      target, options, context,
      [this](const std::function<Result<void>()>& work) { return queue_->with_pause(work); });
  end_file_work();
  return result;
}

Result<CheckReport> KvStore::check(const CheckOptions& options) {
  if (const auto ok = begin_file_work(); !ok) return ok.error();
  auto report = kv_->check(options, [this](const std::function<Result<void>()>& work) {
    return queue_->with_pause(work);
  });
  end_file_work();
  return report;
}

Result<void> KvStore::begin_file_work() {
  if (const auto ok = check_open(); !ok) return ok.error();
  const std::lock_guard lock(publishing_mutex_);
  if (is_backing_up_) return Error{ErrorCode::kConflict, "a backup or check is under way"};
  is_backing_up_ = true;
  return {};
}

void KvStore::end_file_work() {
  const std::lock_guard lock(publishing_mutex_);
  is_backing_up_ = false;
}

StoreStats KvStore::stats() {
  StoreStats stats;
  queue_->fill_stats(stats);
  stats.counts = counts();
  stats.reads = {point_reads_.load(std::memory_order_relaxed),
                 range_reads_.load(std::memory_order_relaxed),
                 records_read_.load(std::memory_order_relaxed)};
  if (!closed_) {
    kv_->fill_stats(stats);
    stats.free_bytes = kv_->free_bytes().value_or(0);
  }
  stats.wants_reopen = stats.manifest_bytes > options_.open.manifest_bytes_max;
  return stats;
}

StoreState KvStore::state() { return closed_ ? StoreState::kClosed : queue_->state(); }

Result<void> KvStore::set_read_only(bool read_only) {
  if (const auto ok = check_open(); !ok) return ok.error();
  queue_->set_read_only(read_only);
  return {};
}

Result<void> KvStore::close(std::chrono::milliseconds deadline) {
  if (const auto ok = check_open(); !ok) return ok.error();
  Request farewell = blank_request(
      [this](Group& group) -> Result<void> {
        put_number(group, "clean", 1);
        // Settings that cannot be read now are none of a stop's business.
        static_cast<void>(add_settings(group));
        return add_own_records(group);
      },
      {}, 0);
  farewell.sync = true;
  if (const auto ok = queue_->stop(deadline, std::move(farewell)); !ok) return ok.error();
  closed_ = true;
  return kv_->close();
}

std::unique_ptr<Store> make_memory_store(const Clock& clock, Random& random) {
  KvStoreOptions options;
  options.open.clock = &clock;
  options.open.random = &random;
  options.open.free_bytes_min = 0;
  options.threaded = false;
  options.is_new = true;
  auto opened = KvStore::start(make_memory_kv(), std::move(options));
  ASSERT(opened.has_value());
  return std::move(opened->store);
}

}  // namespace converge::store
