#include "core/store/backup.h"

#include "core/store/directory.h"
#include "core/store/identity.h"
#include "core/store/leveldb_kv.h"
#include "core/store/manifest.h"
#include "core/store/record_walk.h"
#include "core/store/running_hash.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

namespace converge::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBackupReportMax = 256u << 20;
/// More than these the report leaves out: it must stay a file that is read in one piece.
constexpr std::size_t kBackupRecordsMax = 400'000;

/// Told of each piece that was read; may be empty.
using OnBytes = std::function<void(std::uint64_t)>;

/// Adds up pieces for whoever wants to know how far it is.
class Meter {
 public:
  explicit Meter(const CopyProgress& report) : report_(report) {}

  void expect(std::uint64_t bytes) { total_ += bytes; }
  OnBytes counter() {
    if (!report_) return {};
    return [this](std::uint64_t bytes) {
      done_ += bytes;
      report_(done_, total_);
    };
  }

 private:
  const CopyProgress& report_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

/// Copies the first `bytes` of a file and hashes them. The copy is synced.
Result<Sha256> copy_file(const fs::path& from, const fs::path& to, std::uint64_t bytes,
                         const OnBytes& on_bytes = {}) {
  const int in = ::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (in < 0) return file_error("open", from.string(), errno);
  const int out = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (out < 0) {
    const int error = errno;
    ::close(in);
    return file_error("create", to.string(), error);
  }
  RunningHash hash;
  std::vector<char> buffer(256 * 1024);
  int error = 0;
  const char* what = "read";
  while (error == 0 && bytes > 0) {
    const ssize_t got = ::read(in, buffer.data(), std::min<std::uint64_t>(buffer.size(), bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      error = got < 0 ? errno : ENODATA;
      break;
    }
    hash.add({buffer.data(), static_cast<std::size_t>(got)});
    for (ssize_t done = 0; error == 0 && done < got;) {
      const ssize_t put = ::write(out, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0 && errno == EINTR) continue;
      what = "write";
      if (put < 0) error = errno;
      done += std::max<ssize_t>(put, 0);
    }
    bytes -= static_cast<std::uint64_t>(got);
    if (on_bytes) on_bytes(static_cast<std::uint64_t>(got));
  }
  if (error == 0 && ::fsync(out) != 0) error = errno;
  ::close(in);
  ::close(out);
  if (error != 0) return file_error(what, (what[0] == 'r' ? from : to).string(), error);
  return hash.finish();
}

Result<Sha256> hash_file(const fs::path& path, std::uint64_t& bytes, const OnBytes& on_bytes = {}) {
  const int in = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (in < 0) return file_error("open", path.string(), errno);
  RunningHash hash;
  std::vector<char> buffer(256 * 1024);
  bytes = 0;
  while (true) {
    const ssize_t got = ::read(in, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      ::close(in);
      return file_error("read", path.string(), error);
    }
    if (got == 0) break;
    bytes += static_cast<std::uint64_t>(got);
    hash.add({buffer.data(), static_cast<std::size_t>(got)});
    if (on_bytes) on_bytes(static_cast<std::uint64_t>(got));
  }
  ::close(in);
  return hash.finish();
}

/// Absent, or an empty directory that is no link.
Result<void> check_target(const fs::path& target) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(target, error))) return {};
  if (!fs::is_directory(fs::symlink_status(target)) || !fs::is_empty(target, error) || error) {
    return Error{ErrorCode::kInvalid, target.string() + " is not an empty directory",
                 "output.exists"};
  }
  return {};
}

/// An empty directory with the folders of a store.
Result<void> prepare_target(const fs::path& target) {
  if (auto ok = check_target(target); !ok) return ok;
  if (::mkdir(target.c_str(), 0700) != 0 && errno != EEXIST) {
    return file_error("create", target.string(), errno);
  }
  for (const char* folder : {kDatabaseFolder, kQuarantineFolder, kTemporaryFolder}) {
    if (::mkdir((target / folder).c_str(), 0700) != 0) {
      return file_error("create", (target / folder).string(), errno);
    }
  }
  return {};
}

/// What stands fixed after the pause: names and lengths.
struct FileSet {
  std::string manifest_name;
  std::string manifest;  ///< whole edits only
  std::vector<std::uint64_t> tables;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> logs;  ///< number, bytes
};

Result<FileSet> fix_files(const fs::path& database) {
  FileSet set;
  const auto current = read_current(database);
  if (!current) return current.error();
  set.manifest_name = *current;
  const auto bytes = read_small_file(database / *current, 1u << 30);
  if (!bytes) return bytes.error();
  const auto version = read_manifest(*bytes);
  if (!version) return version.error();
  // An edit that is being appended right now is not part of the copy.
  set.manifest = bytes->substr(0, version->bytes_good);
  for (const TableFile& file : version->files) set.tables.push_back(file.number);
  const auto files = list_database(database);
  if (!files) return files.error();
  for (const std::uint64_t log : files->logs) {
    if (log < version->log_number) continue;
    std::error_code error;
    const std::uint64_t size = fs::file_size(database / log_name(log), error);
    if (error) return file_error("stat", log_name(log), error.value());
    set.logs.emplace_back(log, size);
  }
  return set;
}

class Copier {
 public:
  Copier(const fs::path& source, const fs::path& target, const BackupOptions& options)
      : from_(source / kDatabaseFolder),
        to_(target / kDatabaseFolder),
        options_(options),
        meter_(options.on_progress) {}

  Result<void> read_previous() {
    if (!options_.previous) return {};
    const auto text = read_small_file(*options_.previous / kBackupFile, kBackupReportMax);
    if (!text) return text.error();
    auto manifest = parse_backup_manifest(*text);
    if (!manifest) return manifest.error();
    previous_ = std::move(*manifest);
    return {};
  }

  /// Tables are immutable, so a link is as good as a copy; it takes no time inside the pause.
  Result<void> link_tables(const FileSet& set) {
    for (const std::uint64_t number : set.tables) {
      const fs::path file = table_path(from_, number);
      if (options_.previous) {
        remaining_.push_back(file);
      } else if (::link(file.c_str(), (to_ / file.filename()).c_str()) == 0) {
        linked_.push_back(file.filename());
      } else if (errno == EXDEV || errno == EPERM || errno == EMLINK) {
        remaining_.push_back(file);
      } else {
        return file_error("link", file.string(), errno);
      }
    }
    return {};
  }

  Result<void> copy_rest(const FileSet& set) {
    expect_all(set);
    for (const fs::path& name : linked_) {
      std::uint64_t bytes = 0;
      const auto sha256 = hash_file(to_ / name, bytes, meter_.counter());
      if (!sha256) return sha256.error();
      ::chmod((to_ / name).c_str(), 0400);
      note(name.string(), bytes, *sha256);
    }
    for (const fs::path& file : remaining_) {
      if (const auto ok = take_table(file); !ok) return ok.error();
    }
    for (const auto& [number, bytes] : set.logs) {
      const auto sha256 =
          copy_file(from_ / log_name(number), to_ / log_name(number), bytes, meter_.counter());
      if (!sha256) return sha256.error();
      note(log_name(number), bytes, *sha256);
    }
    if (auto ok = write(set.manifest_name, set.manifest); !ok) return ok;
    if (auto ok = write("CURRENT", set.manifest_name + "\n"); !ok) return ok;
    if (auto ok = write(kGuardMarker, {}); !ok) return ok;
    return sync_directory(to_);
  }

  std::vector<BackupManifest::File> files;
  std::uint64_t bytes_copied = 0;
  std::uint64_t bytes_reused = 0;

 private:
  /// A file whose size cannot be told now is refused where it is read.
  void expect_all(const FileSet& set) {
    const auto expect = [this](const fs::path& file) {
      std::error_code error;
      const std::uint64_t size = fs::file_size(file, error);
      if (!error) meter_.expect(size);
    };
    for (const fs::path& name : linked_) expect(to_ / name);
    for (const fs::path& file : remaining_) expect(file);
    for (const auto& [number, bytes] : set.logs) meter_.expect(bytes);
  }

  void note(std::string name, std::uint64_t size, const Sha256& sha256) {
    files.push_back({std::move(name), size, sha256});
    bytes_copied += size;
  }

  Result<void> write(const std::string& name, std::string_view contents) {
    if (auto ok = write_file_synced(to_ / name, contents); !ok) return ok;
    RunningHash hash;
    hash.add(contents);
    note(name, contents.size(), hash.finish());
    return {};
  }

  /// A table that an earlier backup holds, by name, size and hash, is linked from there.
  Result<void> take_table(const fs::path& file) {
    const std::string name = file.filename().string();
    std::error_code error;
    const std::uint64_t size = fs::file_size(file, error);
    if (error) return file_error("stat", file.string(), error.value());
    const auto known = std::ranges::find(previous_.files, name, &BackupManifest::File::name);
    if (known != previous_.files.end() && known->bytes == size) {
      std::uint64_t read = 0;
      const auto sha256 = hash_file(file, read, meter_.counter());
      if (!sha256) return sha256.error();
      const fs::path older = *options_.previous / kDatabaseFolder / name;
      if (*sha256 == known->sha256 && ::link(older.c_str(), (to_ / name).c_str()) == 0) {
        note(name, size, *sha256);
        bytes_reused += size;
        return {};
      }
    }
    const auto sha256 = copy_file(file, to_ / name, size, meter_.counter());
    if (!sha256) return sha256.error();
    note(name, size, *sha256);
    return {};
  }

  fs::path from_;
  fs::path to_;
  const BackupOptions& options_;
  Meter meter_;
  BackupManifest previous_;
  std::vector<fs::path> linked_;
  std::vector<fs::path> remaining_;
};

}  // namespace

namespace {

/// Refuses files that do not hold what the report says once more.
Result<void> expect_records(const fs::path& store, const BackupManifest& manifest) {
  if (!manifest.records) return {};
  const auto findings = compare_backup_records(store / kDatabaseFolder, *manifest.records);
  if (!findings) return findings.error();
  if (findings->empty()) return {};
  return Error{ErrorCode::kCorrupt, "backup.records: " + findings->front().what, "store.corrupt"};
}

}  // namespace

Result<BackupReport> copy_store(const fs::path& source, const fs::path& target,
                                const BackupOptions& options, const BackupContext& context,
                                LevelDbEnv& env, const WithPause& with_pause) {
  if (auto ok = prepare_target(target); !ok) return ok.error();
  Copier copier(source, target, options);
  if (auto ok = copier.read_previous(); !ok) return ok.error();
  BackupReport report;
  report.path = target;
  FileSet set;
  BackupManifest manifest;
  const auto fixed = with_pause([&]() -> Result<void> {
    const auto begin = std::chrono::steady_clock::now();
    env.hold_removals();
    auto files = fix_files(source / kDatabaseFolder);
    if (!files) return files.error();
    set = std::move(*files);
    manifest = context.state();
    auto linked = copier.link_tables(set);
    report.pause = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begin);
    return linked;
  });
  // Right after the pause, because the view keeps files from being opened again.
  if (fixed) {
    auto records = context.records();
    if (!records) {
      env.release_removals();
      return records.error();
    }
    if (records->size() <= kBackupRecordsMax) manifest.records = std::move(*records);
  }
  const Result<void> copied = fixed ? copier.copy_rest(set) : fixed;
  env.release_removals();
  if (!copied) return copied.error();
  if (auto ok = write_file_synced(target / kFormatFile, kFormatLine); !ok) return ok.error();
  if (options.quick_check) {
    const auto check = check_store(target, {});
    if (!check) return check.error();
    if (!check->ok()) {
      return Error{ErrorCode::kCorrupt, "the copy has findings: " + check->findings.front().what,
                   "store.corrupt"};
    }
    if (auto ok = expect_records(target, manifest); !ok) return ok.error();
  }
  manifest.files = std::move(copier.files);
  // Last: without it the directory is not a backup.
  if (auto ok = write_file_synced(target / kBackupFile, format_backup_manifest(manifest)); !ok) {
    return ok.error();
  }
  report.files = manifest.files.size();
  report.bytes = copier.bytes_copied;
  report.bytes_reused = copier.bytes_reused;
  report.commit = manifest.commit;
  report.receipt = manifest.receipt;
  return report;
}

Result<void> link_store(const fs::path& source, const fs::path& target, LevelDbEnv& env,
                        const WithPause& with_pause) {
  if (auto ok = prepare_target(target); !ok) return ok;
  const fs::path from = source / kDatabaseFolder;
  const fs::path to = target / kDatabaseFolder;
  FileSet set;
  const auto fixed = with_pause([&]() -> Result<void> {
    env.hold_removals();
    auto files = fix_files(from);
    if (!files) return files.error();
    set = std::move(*files);
    for (const std::uint64_t number : set.tables) {
      const fs::path file = table_path(from, number);
      const bool linked = ::link(file.c_str(), (to / file.filename()).c_str()) == 0;
      if (!linked && errno != ENOENT) return file_error("link", file.string(), errno);
    }
    return {};
  });
  Result<void> done = fixed;
  for (auto log = set.logs.begin(); done && log != set.logs.end(); ++log) {
    const std::string name = log_name(log->first);
    const auto sha256 = copy_file(from / name, to / name, log->second);
    if (!sha256) done = sha256.error();
  }
  env.release_removals();
  if (!done) return done;
  if (auto ok = write_file_synced(to / set.manifest_name, set.manifest); !ok) return ok;
  if (auto ok = write_file_synced(to / "CURRENT", set.manifest_name + "\n"); !ok) return ok;
  for (const auto& [name, folder] :
       {std::pair<const char*, fs::path>{kGuardMarker, kDatabaseFolder},
        std::pair<const char*, fs::path>{kFormatFile, {}}}) {
    if (::link((source / folder / name).c_str(), (target / folder / name).c_str()) != 0 &&
        errno != ENOENT) {
      return file_error("link", (source / folder / name).string(), errno);
    }
  }
  return {};
}

namespace {

Result<void> expect_backup(const fs::path& backup) {
  std::error_code error;
  const auto not_one = [&](const std::string& why, std::string hint) {
    return Error{ErrorCode::kInvalid, backup.string() + " is not a backup: " + why, "input.file",
                 std::move(hint)};
  };
  if (!fs::exists(backup, error)) {
    return Error{ErrorCode::kInvalid, "there is no backup at " + backup.string(), "input.file",
                 "name the directory that \"syncctl store backup\" wrote"};
  }
  if (!fs::is_directory(backup, error)) return not_one("it is a file", {});
  if (::access(backup.c_str(), R_OK | X_OK) != 0) return file_error("open", backup.string(), errno);
  if (fs::exists(fs::symlink_status(backup / kBackupFile, error))) return {};
  const std::string why = std::string("it has no file ") + kBackupFile;
  if (expect_store(backup))
    return not_one(why,
                   "a store is checked with \"syncctl --store DIR store check\"; a backup that "
                   "was interrupted has to be made again");
  return not_one(why, {});
}

}  // namespace

Result<std::vector<Finding>> verify_backup(const fs::path& backup,
                                           const std::function<void(std::uint64_t)>& on_bytes) {
  if (auto ok = expect_backup(backup); !ok) return ok.error();
  const auto text = read_small_file(backup / kBackupFile, kBackupReportMax);
  if (!text) return text.error();
  const auto manifest = parse_backup_manifest(*text);
  if (!manifest) return manifest.error();
  std::vector<Finding> findings;
  for (const BackupManifest::File& file : manifest->files) {
    std::uint64_t bytes = 0;
    const auto sha256 = hash_file(backup / kDatabaseFolder / file.name, bytes, on_bytes);
    std::string why;
    if (!sha256) {
      why = sha256.error().message;
    } else if (bytes != file.bytes) {
      why = "it has " + std::to_string(bytes) + " bytes, not " + std::to_string(file.bytes);
    } else if (*sha256 != file.sha256) {
      why = "its contents are not those that were backed up";
    }
    if (why.empty()) continue;
    findings.push_back(
        {"backup.file", Severity::kError, why, {file.name, 0, {}}, {}, 0, "use another backup"});
  }
  if (!manifest->records) return findings;
  auto differing = compare_backup_records(backup / kDatabaseFolder, *manifest->records);
  if (!differing) {
    // Without a MANIFEST; then a file's sum is wrong, too.
    if (findings.empty()) return differing.error();
    return findings;
  }
  std::ranges::move(*differing, std::back_inserter(findings));
  return findings;
}

namespace {

/// FORMAT is in no list: it is the same for every store of this format.
Result<void> check_format_of(const fs::path& backup) {
  if (auto known = check_format_file(backup); !known) return known;
  const auto line = read_small_file(backup / kFormatFile, 256);
  if (line && *line == kFormatLine) return {};
  return Error{ErrorCode::kCorrupt,
               "backup.file: FORMAT: " +
                   (line ? std::string("it does not say what it must") : line.error().message),
               "store.corrupt", "nothing was written"};
}

}  // namespace

Result<RestoreReport> restore_store(const fs::path& backup, const fs::path& target,
                                    const RestoreOptions& options, const OpenOptions& open) {
  RestoreReport report;
  const auto text = read_small_file(backup / kBackupFile, kBackupReportMax);
  auto manifest = text ? parse_backup_manifest(*text) : Result<BackupManifest>(text.error());
  if (manifest) {
    report.source = std::move(*manifest);
    for (const BackupManifest::File& file : report.source.files) report.bytes += file.bytes;
    report.files = report.source.files.size();
  }
  Meter meter(options.on_progress);
  meter.expect(options.dry_run ? report.bytes : 2 * report.bytes);
  // Says in its own words what is wrong with a report that could not be read.
  const auto findings = verify_backup(backup, meter.counter());
  if (!findings) return findings.error();
  if (!manifest) return manifest.error();
  if (!findings->empty()) {
    const Finding& first = findings->front();
    return Error{ErrorCode::kCorrupt, first.code + ": " + first.where.file + ": " + first.what,
                 "store.corrupt", "nothing was written"};
  }
  if (auto ok = check_format_of(backup); !ok) return ok.error();
  if (options.dry_run) {
    if (auto ok = check_target(target); !ok) return ok.error();
    return report;
  }
  if (auto ok = prepare_target(target); !ok) return ok.error();
  for (const BackupManifest::File& file : report.source.files) {
    const auto sha256 =
        copy_file(backup / kDatabaseFolder / file.name, target / kDatabaseFolder / file.name,
                  file.bytes, meter.counter());
    if (!sha256) return sha256.error();
    if (*sha256 != file.sha256) {
      return Error{ErrorCode::kCorrupt, "backup.file: " + file.name + " changed while it was read",
                   "store.corrupt"};
    }
  }
  if (auto ok = sync_directory(target / kDatabaseFolder); !ok) return ok.error();
  if (auto ok = write_file_synced(target / kFormatFile, kFormatLine); !ok) return ok.error();
  if (auto ok = expect_records(target, report.source); !ok) return ok.error();
  if (auto ok = renew_identity(target, open); !ok) return ok.error();
  CheckOptions check_options;
  check_options.depth = options.check;
  check_options.inspect_snapshot = options.inspect_snapshot;
  auto check = check_store(target, check_options);
  if (!check) return check.error();
  report.check = std::move(*check);
  return report;
}

}  // namespace converge::store
