#include "core/store/check.h"

#include "core/codec/sha256.h"
#include "core/store/directory.h"
#include "core/store/keys.h"
#include "core/store/leveldb_env.h"
#include "core/store/lock_probe.h"
#include "core/store/log_walk.h"
#include "core/store/manifest.h"
#include "core/store/record_check.h"
#include "core/store/record_walk.h"
#include "core/store/running_hash.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>

namespace converge::store {
namespace {

class Checker {
 public:
  Checker(const std::filesystem::path& directory, const CheckOptions& options, CheckReport& report)
      : directory_(directory),
        database_(directory / kDatabaseFolder),
        options_(options),
        report_(report) {}

  Result<void> run() {
    if (const auto ok = check_surroundings(); !ok) return ok;
    read_version();
    check_tables();
    check_logs();
    const bool some = !options_.documents.empty();
    if (options_.depth == CheckDepth::kSample && !some) sample_blocks();
    if (options_.depth == CheckDepth::kDeep || some) check_records();
    return {};
  }

 private:
  void add(Finding finding) {
    if (report_.findings.size() >= options_.findings_max) {
      report_.findings_omitted += 1;
      return;
    }
    report_.findings.push_back(std::move(finding));
  }

  void add(const char* code, Severity severity, std::string what, std::string file = {},
           std::uint64_t offset = 0, std::string next = {}) {
    add(Finding{
        code, severity, std::move(what), {std::move(file), offset, {}}, {}, 0, std::move(next)});
  }

  Result<void> check_surroundings() {
    const auto format = read_small_file(directory_ / kFormatFile, 256);
    if (!format) {
      if (format.error().code != ErrorCode::kNotFound) return format.error();
      add("store.format", Severity::kError, "the file FORMAT is missing", {}, 0,
          "syncctl store salvage");
    } else if (*format != kFormatLine) {
      if (auto known = check_format_file(directory_); !known) return known;
      add("store.format", Severity::kError, "FORMAT says something else");
    }
    if (const auto ok = check_database_files(database_); !ok) {
      add("store.mode", Severity::kError, ok.error().message, {}, 0, "move it elsewhere");
    }
    if (const auto ok = check_rights(directory_); !ok) {
      // Whoever checks somebody else's store, root for example, may do so.
      const bool is_mode = ok.error().hint.starts_with("chmod");
      add("store.mode", is_mode ? Severity::kError : Severity::kInfo, ok.error().message, {}, 0,
          ok.error().hint);
    }
    const auto files = list_database(database_);
    if (!files) return files.error();
    files_ = *files;
    if (!files_.has_guard) {
      add("store.guard", Severity::kWarning,
          "the marker that keeps Pebble v2 from taking the store for an empty one is missing",
          kGuardMarker, 0, "syncctl store repair");
    }
    return {};
  }

  void read_version() {
    const auto current = read_current(database_);
    if (!current) {
      const std::string& message = current.error().message;
      add(message.substr(0, message.find(':')).c_str(), Severity::kError, message, "CURRENT", 0,
          "syncctl store salvage");
      return;
    }
    const auto bytes = read_whole_file(database_ / *current);
    auto manifest = bytes ? read_manifest(*bytes) : Result<Manifest>(bytes.error());
    if (!manifest) {
      add("manifest.damaged", Severity::kError, manifest.error().message, *current, 0,
          "syncctl store salvage");
      return;
    }
    if (manifest->torn_tail) {
      add("manifest.torn-tail", Severity::kInfo, "the last edit is cut short", *current,
          manifest->bytes_good);
    }
    version_ = std::move(*manifest);
  }

  void check_tables() {
    if (!version_) return;
    for (const TableFile& file : version_->files) {
      const auto path = table_path(database_, file.number);
      const std::string name = path.filename().string();
      if (file.number >= version_->next_file) {
        add("manifest.damaged", Severity::kError, "a file number is not below the next one", name);
      }
      auto table = TableReader::open(path);
      if (!table) {
        add("table.missing", Severity::kError, table.error().message, name, 0,
            "syncctl store salvage");
        continue;
      }
      report_.tables += 1;
      if (table->size() != file.size) {
        add("table.open", Severity::kError,
            "the file has " + std::to_string(table->size()) + " bytes, the MANIFEST says " +
                std::to_string(file.size),
            name, 0, "syncctl store repair");
      }
      if (options_.depth == CheckDepth::kDeep) continue;  // the walk reads indexes, too
      if (const auto damage = table->read_index()) {
        add(damage->code, Severity::kError, damage->why, name, damage->offset,
            "syncctl store repair");
      }
    }
    check_levels();
  }

  void check_levels() {
    for (int level = 1; level < kLevels; ++level) {
      const TableFile* previous = nullptr;
      auto files = files_of(level);
      std::ranges::sort(files, [](const TableFile& a, const TableFile& b) {
        return compare_internal(a.smallest, b.smallest) < 0;
      });
      for (const TableFile& file : files) {
        if (previous != nullptr && compare_internal(previous->largest, file.smallest) >= 0) {
          add("table.bounds", Severity::kError,
              "two tables of level " + std::to_string(level) + " overlap", table_name(file.number));
        }
        previous = &file;
      }
    }
  }

  std::vector<TableFile> files_of(int level) const {
    std::vector<TableFile> out;
    for (const TableFile& file : version_->files) {
      if (file.level == level) out.push_back(file);
    }
    return out;
  }

  void check_logs() {
    const std::uint64_t first = version_ ? version_->log_number : 0;
    const auto walk = walk_logs(database_, first);
    if (!walk) {
      add("log.damaged", Severity::kError, walk.error().message);
      return;
    }
    report_.bytes_read += walk->bytes;
    report_.last_commit = walk->last_commit;
    logs_ = walk->logs;
    if (first != 0 && std::ranges::find(walk->logs, first) == walk->logs.end()) {
      add("log.missing", Severity::kError, "the log that the MANIFEST needs is missing",
          log_name(first), 0, "syncctl store salvage");
    }
    if (!walk->damage) return;
    const LogDamage& damage = *walk->damage;
    if (damage.is_rot) {
      add("log.damaged", Severity::kError,
          damage.why + "; commits from " + std::to_string(damage.commit) + " on were synced",
          log_name(damage.log), damage.offset, "syncctl store salvage");
    } else {
      add("log.torn-tail", Severity::kInfo, damage.why + "; the next opening cuts it",
          log_name(damage.log), damage.offset);
    }
  }

  bool go_on() {
    if (!options_.on_progress) return true;
    return options_.on_progress({report_.bytes_read, total_bytes()});
  }

  std::uint64_t total_bytes() const {
    std::uint64_t bytes = 0;
    if (version_) {
      for (const TableFile& file : version_->files) bytes += file.size;
    }
    return bytes;
  }

  /// Every n-th block of every table, for damage only.
  void sample_blocks() {
    if (!version_) return;
    const unsigned percent = std::clamp(options_.sample_percent, 1u, 100u);
    std::uint64_t credit = 100;
    for (const TableFile& file : version_->files) {
      const auto path = table_path(database_, file.number);
      auto table = TableReader::open(path);
      if (!table || table->read_index()) continue;  // told already
      DecodedBlock block;
      for (const BlockHandle& handle : table->blocks()) {
        credit += percent;
        if (credit < 100) continue;
        credit -= 100;
        report_.blocks += 1;
        report_.bytes_read += handle.size;
        if (const auto damage = table->read_block(handle, block)) {
          add(damage->code, Severity::kError, damage->why, path.filename().string(), damage->offset,
              "syncctl store repair");
        }
      }
      if (!go_on()) {
        report_.cancelled = true;
        return;
      }
    }
  }

  bool is_wanted(std::string_view key) const {
    if (options_.documents.empty()) return true;
    const auto parsed = parse_key(key);
    if (!parsed) return false;
    const bool has_document =
        parsed->kind == Kind::kHeader || parsed->kind == Kind::kTombstone || key.starts_with("d");
    return has_document &&
           std::ranges::find(options_.documents, parsed->document) != options_.documents.end();
  }

  /// Those that may hold records of the documents asked for.
  std::vector<TableFile> wanted(std::vector<TableFile> files) const {
    if (options_.documents.empty()) return files;
    std::erase_if(files, [this](const TableFile& file) {
      const auto first = parse_internal_key(file.smallest);
      const auto last = parse_internal_key(file.largest);
      if (!first || !last) return false;
      const auto overlaps = [&](const std::string& prefix) {
        return first->user_key < prefix_end(prefix) && last->user_key >= prefix;
      };
      return std::ranges::none_of(options_.documents, [&](const DocumentId& document) {
        return overlaps(document_prefix(document)) || overlaps(header_key(document)) ||
               overlaps(tombstone_key(document));
      });
    });
    return files;
  }

  void check_records() {
    bool is_whole = version_.has_value();
    RecordWalk walk(database_, [&](const WalkDamage& damage) {
      is_whole = false;
      add(finding_of(damage));
    });
    if (version_) {
      for (const TableFile& file : wanted(files_of(0))) walk.add_table(file.number);
      for (int level = 1; level < kLevels; ++level) walk.add_level(wanted(files_of(level)));
    } else {
      for (const std::uint64_t number : files_.tables) walk.add_table(number);
    }
    for (const std::uint64_t log : logs_) walk.add_log(log);

    RecordChecker checker(options_.inspect_snapshot, [&](Finding finding) {
      if (finding.severity == Severity::kError && finding.next.empty()) {
        finding.next = "syncctl store repair";
      }
      add(std::move(finding));
    });
    RunningHash digest;
    std::string_view key;
    std::string_view value;
    std::uint64_t count = 0;
    const std::uint64_t before = report_.bytes_read;
    while (walk.next(key, value)) {
      if (!is_wanted(key)) continue;
      checker.add(key, value);
      digest.add_sized(key);
      digest.add_sized(value);
      if (++count % 1024 != 0) continue;
      report_.bytes_read = before + walk.totals().bytes;
      if (!go_on()) {
        report_.cancelled = true;
        return;
      }
    }
    if (options_.documents.empty()) {
      checker.finish(is_whole);
      report_.digest = digest.finish();
    } else {
      checker.finish_some(is_whole);
    }
    report_.bytes_read = before + walk.totals().bytes;
    report_.blocks = walk.totals().blocks;
    report_.documents = checker.documents();
    report_.changes = checker.changes();
    report_.records = checker.records();
    report_.last_commit = std::max(report_.last_commit, checker.last_commit());
  }

  static Finding finding_of(const WalkDamage& damage) {
    Finding finding;
    finding.code = damage.code;
    finding.severity = Severity::kError;
    finding.what = damage.why;
    finding.where = {damage.file, damage.offset, {}};
    finding.next = "syncctl store repair";
    for (const std::string* key : {&damage.key_before, &damage.key_after}) {
      if (key->empty()) continue;
      if (finding.where.key.empty()) finding.where.key = describe_key(*key);
      const auto parsed = parse_key(*key);
      const bool has_document =
          parsed && (parsed->kind == Kind::kChange || parsed->kind == Kind::kOrphan ||
                     parsed->kind == Kind::kSnapshotPart || parsed->kind == Kind::kPeerSync ||
                     parsed->kind == Kind::kReceiptList || parsed->kind == Kind::kHeader);
      if (has_document &&
          std::ranges::find(finding.documents, parsed->document) == finding.documents.end()) {
        finding.documents.push_back(parsed->document);
      }
    }
    return finding;
  }

  const std::filesystem::path& directory_;
  std::filesystem::path database_;
  const CheckOptions& options_;
  CheckReport& report_;
  DatabaseFiles files_;
  std::optional<Manifest> version_;
  std::vector<std::uint64_t> logs_;
};

}  // namespace

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "unknown";
}

bool CheckReport::ok() const {
  return findings_omitted == 0 && std::ranges::all_of(findings, [](const Finding& finding) {
           return finding.severity == Severity::kInfo;
         });
}

Result<CheckReport> check_store(const std::filesystem::path& directory,
                                const CheckOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  if (auto ok = expect_store(directory); !ok) return ok.error();
  const auto lock = LockProbe::take(directory);
  if (!lock) return lock.error();
  CheckReport report;
  report.depth = options.depth;
  Checker checker(directory, options, report);
  if (const auto ok = checker.run(); !ok) return ok.error();
  report.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  return report;
}

}  // namespace converge::store
