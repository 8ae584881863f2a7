#include "core/store/repair_tables.h"

#include "core/store/directory.h"
#include "core/store/keys.h"
#include "core/store/log_walk.h"
#include "core/store/own_records.h"
#include "core/store/record_walk.h"
#include "core/store/running_hash.h"
#include "core/store/table_reader.h"

#include <leveldb/comparator.h>
#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>

#include <algorithm>
#include <memory>
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

/// Of the damage alone when the store runs: its state changes with every write.
std::string plan_id(const Manifest& version, const RepairPlan& plan, bool is_live) {
  RunningHash hash;
  if (!is_live) {
    hash.add(std::to_string(version.last_sequence) + "/" + std::to_string(version.next_file));
  }
  for (const DamagedTable& table : plan.tables) {
    hash.add("/" + table.file);
    for (const std::uint64_t offset : table.holes) hash.add(":" + std::to_string(offset));
  }
  if (plan.lacks_guard) hash.add("/guard");
  return to_hex(hash.finish()).substr(0, 8);
}

/// Whether the table may hold a record of what is asked for.
bool may_concern(const TableFile& file, const PlanOptions& options) {
  const std::vector<DocumentId>& documents = options.only;
  const std::string first = user_key(file.smallest);
  const std::string last = user_key(file.largest);
  if (!options.spaces.empty()) {
    return std::ranges::any_of(options.spaces, [&](char space) {
      const std::string begin(1, space);
      return first < prefix_end(begin) && last >= begin;
    });
  }
  if (documents.empty()) return true;
  return std::ranges::any_of(documents, [&](const DocumentId& id) {
    const std::string header = header_key(id);
    const std::string data = document_prefix(id);
    const auto meets = [&](const std::string& from, const std::string& to) {
      return first < to && from <= last;
    };
    return meets(header, header + '\0') || meets(data, prefix_end(data));
  });
}

/// What was lost lay between the bounds that the MANIFEST knows.
void bound_holes(const TableFile& file, DamagedTable& table) {
  table.first_key = user_key(file.smallest);
  for (auto& [before, after] : table.lost) {
    if (before.empty()) before = table.first_key;
    if (after.empty()) after = user_key(file.largest);
  }
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

}  // namespace

Result<RepairPlan> plan_tables(const fs::path& database, const PlanOptions& options) {
  const auto version = current_version(database);
  if (!version) return version.error();
  const auto files = list_database(database);
  if (!files) return files.error();
  RepairPlan plan;
  plan.lacks_guard = !files->has_guard;
  for (const TableFile& file : version->files) {
    if (!may_concern(file, options)) continue;
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
    bound_holes(file, table);
    if (damaged) plan.tables.push_back(std::move(table));
    plan.bytes_total += file.size;
  }
  plan.id = plan_id(*version, plan, options.is_live);
  return plan;
}

namespace {

class Rewriter {
 public:
  Rewriter(const fs::path& directory, const RepairPlan& plan,
           const std::function<void(std::string_view)>& on_step)
      : directory_(directory),
        database_(directory / kDatabaseFolder),
        plan_(plan),
        on_step_(on_step) {}

  Result<RewrittenTables> run() {
    auto version = current_version(database_);
    if (!version) return version.error();
    if (auto ok = rewrite_all(*version); !ok) return ok.error();
    if (done_.empty()) return out_;
    if (auto ok = sync_directory(database_); !ok) return ok.error();
    step("repair.1");
    std::string number = std::to_string(version->next_file++);
    number.insert(0, 6 - std::min<std::size_t>(6, number.size()), '0');
    const std::string name = "MANIFEST-" + number;
    if (auto ok = write_file_synced(database_ / name, encode_manifest(*version)); !ok) {
      return ok.error();
    }
    step("repair.2");
    if (auto ok = write_file_synced(database_ / "CURRENT", name + "\n"); !ok) return ok.error();
    step("repair.3");
    if (auto ok = set_aside(); !ok) return ok.error();
    step("repair.4");
    return out_;
  }

 private:
  void step(std::string_view name) const {
    if (on_step_) on_step_(name);
  }

  /// Get trusts the highest file number in level 0, so whoever is newer there than a table that is
  /// written anew gets a new number, too, in the same order.
  Result<void> rewrite_all(Manifest& version) {
    std::vector<TableFile> files = version.files;
    std::ranges::sort(files, {}, &TableFile::number);
    bool is_newer = false;
    for (const TableFile& file : files) {
      const auto damaged = std::ranges::find(plan_.tables, file.number, &DamagedTable::number);
      if (damaged != plan_.tables.end()) {
        if (auto ok = rewrite(*damaged, version); !ok) return ok;
        is_newer = is_newer || file.level == 0;
      } else if (is_newer && file.level == 0) {
        if (auto ok = renumber(file, version); !ok) return ok;
      }
    }
    return {};
  }

  /// The old name goes with LevelDB's next opening, which finds it in no version.
  Result<void> renumber(const TableFile& file, Manifest& version) {
    const std::uint64_t number = version.next_file++;
    const fs::path from = table_path(database_, file.number);
    const fs::path to = database_ / table_name(number);
    std::error_code error;
    fs::remove(to, error);
    fs::create_hard_link(from, to, error);
    if (error) return file_error("link", to.string(), error.value());
    std::ranges::find(version.files, file.number, &TableFile::number)->number = number;
    return {};
  }

  Result<void> rewrite(const DamagedTable& table, Manifest& version) {
    const auto at = std::ranges::find_if(
        version.files, [&](const TableFile& file) { return file.number == table.number; });
    if (at == version.files.end()) return {};  // it went away since the plan was made
    const std::uint64_t number = version.next_file++;
    TableWriter writer(database_ / table_name(number));
    if (auto ok = writer.begin(); !ok) return ok;
    DamagedTable again;
    const auto walked =
        walk_table(database_ / table.file, again,
                   [&](const DecodedBlock::Entry& entry) { return writer.add(entry); });
    if (!walked) return walked;
    if (auto ok = writer.finish(); !ok) return ok;
    version.files.erase(at);
    done_.push_back(&table);
    if (writer.entries() == 0) return {};
    TableFile made = writer.made();
    made.level = table.level;
    made.number = number;
    version.files.push_back(std::move(made));
    out_.records_kept += writer.entries();
    return {};
  }

  Result<void> set_aside() {
    for (const DamagedTable* table : done_) {
      if (table->is_missing && !fs::exists(database_ / table->file)) continue;
      const fs::path aside = directory_ / kQuarantineFolder / (plan_.id + "-" + table->file);
      std::error_code error;
      fs::create_directory(aside.parent_path(), error);
      fs::rename(database_ / table->file, aside, error);
      if (error) return file_error("set aside", table->file, error.value());
      out_.set_aside.push_back(aside);
    }
    if (out_.set_aside.empty()) return {};
    if (auto ok = sync_directory(directory_ / kQuarantineFolder); !ok) return ok;
    return sync_directory(database_);
  }

  const fs::path& directory_;
  fs::path database_;
  const RepairPlan& plan_;
  const std::function<void(std::string_view)>& on_step_;
  std::vector<const DamagedTable*> done_;
  RewrittenTables out_;
};

Result<void> list_documents(Kv& kv, std::string_view space, const DocumentId& first,
                            const DocumentId& last, std::set<DocumentId>& out) {
  auto cursor = kv.cursor(false);
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

/// Documents that may have had records between two keys: those with a header or data there.
Result<void> add_documents(Kv& kv, const std::string& before, const std::string& after,
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
      if (auto ok = list_documents(kv, where, first, last, out); !ok) return ok;
    }
  }
  return {};
}

}  // namespace

Result<RewrittenTables> rewrite_tables(const fs::path& directory, const RepairPlan& plan,
                                       const std::function<void(std::string_view)>& on_step) {
  return Rewriter(directory, plan, on_step).run();
}

Result<std::set<DocumentId>> concerned_documents(Kv& kv, const RepairPlan& plan) {
  std::set<DocumentId> out(plan.documents.begin(), plan.documents.end());
  for (const DamagedTable& table : plan.tables) {
    for (const auto& [before, after] : table.lost) {
      if (auto ok = add_documents(kv, before, after, out); !ok) return ok.error();
    }
  }
  return out;
}

bool touches_indexes(const RepairPlan& plan) {
  return plan.has_bad_index || may_have_held_any(plan, "l") || may_have_held_any(plan, "n") ||
         may_have_held_any(plan, "r");
}

bool is_automatic(const RepairPlan& plan) {
  std::uint64_t blocks = 0;
  for (const DamagedTable& table : plan.tables) {
    if (table.is_missing || table.has_bad_index) return false;
    blocks += table.holes.size();
  }
  return blocks <= kAutomaticBlocksMax &&
         blocks * kBlockBytesAbout * 100 <= std::max(plan.bytes_total, kSmallStoreBytes);
}

}  // namespace converge::store
