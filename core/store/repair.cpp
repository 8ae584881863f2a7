#include "core/store/repair.h"

#include "core/store/directory.h"
#include "core/store/group.h"
#include "core/store/keys.h"
#include "core/store/leveldb_kv.h"
#include "core/store/lock_probe.h"
#include "core/store/log_walk.h"
#include "core/store/manifest.h"
#include "core/store/rebuild.h"
#include "core/store/record_walk.h"
#include "core/store/running_hash.h"
#include "core/store/table_reader.h"

#include <leveldb/comparator.h>
#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <sys/stat.h>

namespace converge::store {
namespace {

namespace fs = std::filesystem;

leveldb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const leveldb::Slice& text) { return {text.data(), text.size()}; }

/// The order of LevelDB's tables. Separators are left as long as keys are, so that no bound depends
/// on what the lost entries were.
class InternalOrder final : public leveldb::Comparator {
 public:
  int Compare(const leveldb::Slice& a, const leveldb::Slice& b) const override {
    return compare_internal(view(a), view(b));
  }
  const char* Name() const override { return "leveldb.InternalKeyComparator"; }
  void FindShortestSeparator(std::string*, const leveldb::Slice&) const override {}
  void FindShortSuccessor(std::string*) const override {}
};

Error io_error(const leveldb::Status& status) { return {ErrorCode::kIo, status.ToString(), "io"}; }

std::string user_key(std::string_view internal) {
  const auto parsed = parse_internal_key(internal);
  return std::string(parsed ? parsed->user_key : internal);
}

Result<Manifest> current_version(const fs::path& database) {
  const auto current = read_current(database);
  if (!current) return current.error();
  const auto bytes = read_whole_file(database / *current);
  if (!bytes) return bytes.error();
  return read_manifest(*bytes);
}

/// Walks a table block by block; `keep` gets every readable entry in order.
template <class Keep>
Result<void> walk_table(const fs::path& path, DamagedTable& table, Keep keep) {
  auto reader = TableReader::open(path);
  if (!reader) {
    table.is_missing = true;
    table.lost.emplace_back();
    return {};
  }
  table.has_bad_index = reader->read_index().has_value();
  DecodedBlock block;
  std::string before;
  bool in_hole = false;
  for (const BlockHandle& handle : reader->blocks()) {
    if (reader->read_block(handle, block)) {
      table.holes.push_back(handle.offset);
      if (!in_hole) table.lost.emplace_back(before, std::string());
      in_hole = true;
      continue;
    }
    if (block.entries.empty()) continue;
    if (in_hole) table.lost.back().second = user_key(block.entries.front().key);
    in_hole = false;
    before = user_key(block.entries.back().key);
    for (const DecodedBlock::Entry& entry : block.entries) {
      if (auto ok = keep(entry); !ok) return ok;
    }
  }
  // With a bad index what lies between the blocks that were found is unknown.
  if (table.has_bad_index) table.lost.emplace_back();
  return {};
}

std::string plan_id(const Manifest& version, const RepairPlan& plan) {
  RunningHash hash;
  hash.add(std::to_string(version.last_sequence) + "/" + std::to_string(version.next_file));
  for (const DamagedTable& table : plan.tables) {
    hash.add("/" + table.file);
    for (const std::uint64_t offset : table.holes) hash.add(":" + std::to_string(offset));
  }
  if (plan.lacks_guard) hash.add("/guard");
  return to_hex(hash.finish()).substr(0, 8);
}

Result<RepairPlan> make_plan(const fs::path& database, const Manifest& version) {
  const auto files = list_database(database);
  if (!files) return files.error();
  RepairPlan plan;
  plan.lacks_guard = !files->has_guard;
  for (const TableFile& file : version.files) {
    DamagedTable table;
    table.number = file.number;
    table.level = file.level;
    const fs::path path = table_path(database, file.number);
    table.file = path.filename().string();
    const auto walked = walk_table(path, table, [](const auto&) { return Result<void>(); });
    if (!walked) return walked.error();
    std::error_code error;
    const bool wrong_size = !table.is_missing && fs::file_size(path, error) != file.size;
    const bool damaged =
        table.is_missing || table.has_bad_index || !table.holes.empty() || wrong_size;
    if (damaged) plan.tables.push_back(std::move(table));
  }
  plan.id = plan_id(version, plan);
  return plan;
}

/// The readable entries of a damaged table as a table of their own. Nothing when there are none.
class TableWriter {
 public:
  explicit TableWriter(const fs::path& path) : path_(path) {}
  ~TableWriter() {
    if (builder_ && !is_finished_) builder_->Abandon();
  }
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  Result<void> begin() {
    leveldb::WritableFile* file = nullptr;
    const auto status = leveldb::Env::Default()->NewWritableFile(path_.string(), &file);
    if (!status.ok()) return io_error(status);
    file_.reset(file);
    leveldb::Options options;
    options.comparator = &order_;
    options.compression = leveldb::kSnappyCompression;
    builder_ = std::make_unique<leveldb::TableBuilder>(options, file_.get());
    return {};
  }

  Result<void> add(const DecodedBlock::Entry& entry) {
    builder_->Add(slice(entry.key), slice(entry.value));
    if (entries_ == 0) made_.smallest = entry.key;
    made_.largest = entry.key;
    entries_ += 1;
    if (!builder_->status().ok()) return io_error(builder_->status());
    return {};
  }

  Result<void> finish() {
    is_finished_ = true;
    if (entries_ == 0) {
      builder_->Abandon();
      file_->Close();
      std::error_code ignored;
      fs::remove(path_, ignored);
      return {};
    }
    leveldb::Status status = builder_->Finish();
    made_.size = builder_->FileSize();
    if (status.ok()) status = file_->Sync();
    if (status.ok()) status = file_->Close();
    if (!status.ok()) return io_error(status);
    ::chmod(path_.c_str(), 0600);
    return {};
  }

  std::uint64_t entries() const { return entries_; }
  const TableFile& made() const { return made_; }

 private:
  fs::path path_;
  InternalOrder order_;
  std::unique_ptr<leveldb::WritableFile> file_;
  std::unique_ptr<leveldb::TableBuilder> builder_;
  TableFile made_;
  std::uint64_t entries_ = 0;
  bool is_finished_ = false;
};

class Repairer {
 public:
  Repairer(const fs::path& directory, const RepairOptions& options, const OpenOptions& open,
           RepairReport& report)
      : directory_(directory),
        database_(directory / kDatabaseFolder),
        options_(options),
        open_(open),
        report_(report) {}

  Result<void> rewrite_tables(Manifest version) {
    if (report_.plan.tables.empty()) return {};
    for (const DamagedTable& table : report_.plan.tables) {
      if (auto ok = rewrite(table, version); !ok) return ok;
    }
    if (auto ok = sync_directory(database_); !ok) return ok;
    step("repair.1");
    std::string number = std::to_string(version.next_file++);
    number.insert(0, 6 - std::min<std::size_t>(6, number.size()), '0');
    const std::string name = "MANIFEST-" + number;
    if (auto ok = write_file_synced(database_ / name, encode_manifest(version)); !ok) return ok;
    step("repair.2");
    if (auto ok = write_file_synced(database_ / "CURRENT", name + "\n"); !ok) return ok;
    step("repair.3");
    for (const DamagedTable& table : report_.plan.tables) {
      if (table.is_missing && !fs::exists(database_ / table.file)) continue;
      const fs::path aside = directory_ / kQuarantineFolder / (report_.plan.id + "-" + table.file);
      std::error_code error;
      fs::create_directory(aside.parent_path(), error);
      fs::rename(database_ / table.file, aside, error);
      if (error) return file_error("set aside", table.file, error.value());
      report_.set_aside.push_back(aside);
    }
    if (auto ok = sync_directory(database_); !ok) return ok;
    step("repair.4");
    return {};
  }

  Result<void> restore_guard() {
    if (!report_.plan.lacks_guard) return {};
    return write_file_synced(database_ / kGuardMarker, {});
  }

  /// Opens what was repaired and makes headers and contents agree again.
  Result<void> rebuild_documents() {
    OpenOptions existing = open_;
    existing.mode = OpenMode::kExisting;
    auto directory = StoreDirectory::open(directory_, existing);
    if (!directory) return directory.error();
    auto opened = open_leveldb_kv(std::move(*directory), existing);
    if (!opened) return opened.error();
    kv_ = opened->kv.get();
    if (auto ok = read_own_records(); !ok) return ok;
    std::set<DocumentId> concerned;
    for (const DamagedTable& table : report_.plan.tables) {
      for (const auto& [before, after] : table.lost) {
        if (auto ok = add_documents(before, after, concerned); !ok) return ok;
      }
    }
    for (const DocumentId& document : concerned) {
      if (auto ok = rebuild(document); !ok) return ok;
    }
    if (auto ok = recount(); !ok) return ok;
    step("repair.5");
    return opened->kv->close();
  }

 private:
  Result<void> read_own_records() {
    for (const std::string_view name : {std::string_view("format"), std::string_view("store-id"),
                                        std::string_view(kLedgerName)}) {
      const std::string key = meta_key(name);
      const auto value = kv_->get(key);
      if (!value) return value.error();
      if (!*value) {
        return Error{ErrorCode::kCorrupt, "store.metadata: the store's own records are lost",
                     "store.corrupt", "syncctl store salvage"};
      }
      if (name != kLedgerName) continue;
      auto ledger = decode_ledger(key, **value);
      if (!ledger) return ledger.error();
      ledger_ = std::move(*ledger);
    }
    return {};
  }

  void step(std::string_view name) const {
    if (open_.on_step) open_.on_step(name);
  }

  Result<void> rewrite(const DamagedTable& table, Manifest& version) {
    const std::uint64_t number = version.next_file++;
    TableWriter writer(database_ / table_name(number));
    if (auto ok = writer.begin(); !ok) return ok;
    DamagedTable again;
    const auto walked =
        walk_table(database_ / table.file, again,
                   [&](const DecodedBlock::Entry& entry) { return writer.add(entry); });
    if (!walked) return walked;
    if (auto ok = writer.finish(); !ok) return ok;
    std::erase_if(version.files,
                  [&](const TableFile& file) { return file.number == table.number; });
    if (writer.entries() == 0) return {};
    TableFile made = writer.made();
    made.level = table.level;
    made.number = number;
    version.files.push_back(std::move(made));
    report_.records_kept += writer.entries();
    return {};
  }

  /// Documents that may have had records between two keys: those with a header or data there.
  Result<void> add_documents(const std::string& before, const std::string& after,
                             std::set<DocumentId>& out) {
    DocumentId none;
    DocumentId all;
    all.bytes.fill(std::byte{0xff});
    const auto bound = [](const std::string& key, const char* space, const DocumentId& otherwise) {
      if (!key.starts_with(space)) return otherwise;
      const auto parsed = parse_key(key);
      return parsed ? parsed->document : otherwise;
    };
    for (const char* space : {"d", "i"}) {
      if (before >= prefix_end(space) || (!after.empty() && after < space)) continue;
      const DocumentId first = bound(before, space, none);
      const DocumentId last = bound(after, space, all);
      for (const char* where : {"d", "i"}) {
        if (auto ok = list_documents(where, first, last, out); !ok) return ok;
      }
    }
    return {};
  }

  Result<void> list_documents(std::string_view space, const DocumentId& first,
                              const DocumentId& last, std::set<DocumentId>& out) {
    auto cursor = kv_->cursor(false);
    if (!cursor) return cursor.error();
    Cursor& at = **cursor;
    std::string from = std::string(space) + std::string(as_text(first.bytes));
    for (at.seek(from); at.valid() && at.key().starts_with(space); at.seek(from)) {
      const auto parsed = parse_key(at.key());
      if (!parsed) return parsed.error();
      if (parsed->document > last) break;
      out.insert(parsed->document);
      from = prefix_end(at.key().substr(0, 1 + last.bytes.size()));
      if (from.empty()) break;
    }
    return at.status();
  }

  Result<void> rebuild(const DocumentId& document) {
    std::optional<RebuiltDocument> done;
    const auto written = write([&](Group& group) -> Result<void> {
      auto rebuilt = rebuild_document(group, document, options_.inspect_snapshot);
      if (!rebuilt) return rebuilt.error();
      done = std::move(*rebuilt);
      return {};
    });
    if (!written) return written;
    if (!done) return {};
    if (done->header_changed) report_.headers_rebuilt += 1;
    if (!done->missing.empty()) {
      report_.degraded.push_back({document, done->changes, std::move(done->missing)});
    }
    return {};
  }

  /// The ledger counted what is lost, too.
  Result<void> recount() {
    std::uint64_t documents = 0;
    std::uint64_t changes = 0;
    auto cursor = kv_->cursor(false);
    if (!cursor) return cursor.error();
    Cursor& at = **cursor;
    for (at.seek("i"); at.valid() && at.key().starts_with("i"); at.next()) {
      const auto record = decode_header(at.key(), at.value());
      if (!record || record->header.state == DocumentState::kDeleted) continue;
      documents += 1;
      changes += record->header.change_count;
    }
    if (auto ok = at.status(); !ok) return ok;
    return write([&](Group& group) -> Result<void> {
      group.ledger().documents = documents;
      group.ledger().changes = changes;
      return {};
    });
  }

  Result<void> write(const std::function<Result<void>(Group&)>& fill) {
    Group group(*kv_, cache_, ledger_, open_.clock->wall_now_ms());
    if (auto ok = fill(group); !ok) return ok;
    if (group.empty() && group.ledger() == ledger_) return {};
    group.ledger().synced = ledger_.commit;
    group.ledger().commit += 1;
    if (auto ok = kv_->write(group.seal(), true); !ok) return ok;
    ledger_ = group.ledger();
    cache_.clear();
    return {};
  }

  const fs::path& directory_;
  fs::path database_;
  const RepairOptions& options_;
  const OpenOptions& open_;
  RepairReport& report_;
  Kv* kv_ = nullptr;
  HeaderCache cache_;
  Ledger ledger_;
};

struct Planned {
  Manifest version;
  RepairPlan plan;
};

Result<Planned> plan_of(const fs::path& directory) {
  const fs::path database = directory / kDatabaseFolder;
  std::error_code error;
  if (!fs::is_directory(database, error)) {
    return Error{ErrorCode::kInvalid, directory.string() + " is not a store", "input.file"};
  }
  auto version = current_version(database);
  if (!version) return version.error();
  auto plan = make_plan(database, *version);
  if (!plan) return plan.error();
  return Planned{std::move(*version), std::move(*plan)};
}

}  // namespace

Result<RepairPlan> plan_repair(const fs::path& directory) {
  const auto lock = LockProbe::take(directory);
  if (!lock) return lock.error();
  auto planned = plan_of(directory);
  if (!planned) return planned.error();
  return std::move(planned->plan);
}

Result<RepairReport> apply_repair(const fs::path& directory, const std::string& plan_id,
                                  const RepairOptions& options, const OpenOptions& open) {
  RepairReport report;
  Repairer repairer(directory, options, open, report);
  {
    const auto lock = LockProbe::take(directory);
    if (!lock) return lock.error();
    auto planned = plan_of(directory);
    if (!planned) return planned.error();
    if (planned->plan.id != plan_id) {
      return Error{ErrorCode::kConflict, "the plan " + plan_id + " is not that of the store now",
                   "plan.stale", "syncctl store repair"};
    }
    report.plan = std::move(planned->plan);
    if (auto ok = repairer.rewrite_tables(std::move(planned->version)); !ok) return ok.error();
    if (auto ok = repairer.restore_guard(); !ok) return ok.error();
  }
  if (report.plan.tables.empty()) return report;
  if (auto ok = repairer.rebuild_documents(); !ok) return ok.error();
  return report;
}

}  // namespace converge::store
