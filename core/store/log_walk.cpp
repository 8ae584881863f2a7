#include "core/store/log_walk.h"

#include "core/store/directory.h"
#include "core/store/group.h"
#include "core/store/keys.h"
#include "core/store/leveldb_env.h"
#include "core/store/manifest.h"
#include "core/store/values.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace converge::store {
namespace {

/// The ledger that a batch carries; nothing when it is not a batch of ours.
std::optional<Ledger> ledger_of(std::string_view record) {
  const auto batch = decode_batch(record);
  if (!batch) return std::nullopt;
  const std::string wanted = meta_key(kLedgerName);
  for (const BatchOperation& operation : batch->operations) {
    if (operation.key != wanted || !operation.value) continue;
    auto ledger = decode_ledger(wanted, *operation.value);
    if (ledger) return std::move(*ledger);
  }
  return std::nullopt;
}

/// Takes the logs in order and remembers the first thing that is wrong.
class Walker {
 public:
  explicit Walker(LogWalk& walk) : walk_(walk) {}

  void read(std::uint64_t log, std::string_view bytes) {
    walk_.bytes += bytes.size();
    LogReader reader(bytes);
    while (true) {
      const auto record = reader.next();
      if (record) {
        take(log, *record);
      } else if (reader.hole()) {
        take_hole(log, *reader.hole());
      } else {
        break;
      }
    }
  }

 private:
  void take(std::uint64_t log, const LogRecord& record) {
    const auto ledger = ledger_of(record.bytes);
    if (!ledger) {
      note_damage(log, record.offset, "a record that is not a batch of this store", false);
      return;
    }
    walk_.synced = std::max(walk_.synced, ledger->synced);
    if (walk_.damage) {
      judge(*ledger);
      return;
    }
    if (walk_.last_commit != 0 && ledger->commit != walk_.last_commit + 1) {
      note_damage(log, record.offset,
                  "commit " + std::to_string(ledger->commit) + " follows commit " +
                      std::to_string(walk_.last_commit),
                  false);
      judge(*ledger);
      return;
    }
    if (walk_.first_commit == 0) walk_.first_commit = ledger->commit;
    walk_.last_commit = ledger->commit;
    walk_.records += 1;
  }

  void take_hole(std::uint64_t log, const LogHole& hole) {
    const std::string_view why = hole.why;
    const bool is_plain = hole.is_tail && (why == "zeros" || why.find("cut short") != why.npos);
    note_damage(log, hole.offset, hole.why, is_plain);
  }

  void note_damage(std::uint64_t log, std::uint64_t offset, std::string why, bool is_plain) {
    if (walk_.damage) return;
    const CommitNumber missing = walk_.last_commit == 0 ? 0 : walk_.last_commit + 1;
    walk_.damage = LogDamage{log, offset, std::move(why), missing, false, is_plain};
  }

  /// A readable record behind the damage.
  void judge(const Ledger& ledger) {
    LogDamage& damage = *walk_.damage;
    damage.is_plain = false;
    // Without a good record before it, the damaged commit is at most the one before this.
    if (damage.commit == 0) damage.commit = ledger.commit > 1 ? ledger.commit - 1 : 1;
    if (ledger.synced >= damage.commit) damage.is_rot = true;
  }

  LogWalk& walk_;
};

Result<void> copy_tail(const std::filesystem::path& from, std::uint64_t offset,
                       const std::filesystem::path& to) {
  const auto bytes = read_whole_file(from);
  if (!bytes) return bytes.error();
  return write_file_synced(to, std::string_view(*bytes).substr(offset));
}

Result<void> cut_file(const std::filesystem::path& path, std::uint64_t bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return file_error("open", path.string(), errno);
  int error = ::ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  if (error == 0 && ::fsync(fd) != 0) error = errno;
  ::close(fd);
  if (error != 0) return file_error("cut", path.string(), error);
  return {};
}

/// Quarantine names say where the bytes came from; an earlier copy of the same place stays.
std::filesystem::path free_name(const std::filesystem::path& folder, const std::string& name) {
  std::filesystem::path path = folder / name;
  for (int i = 1; std::filesystem::exists(path); ++i) {
    path = folder / (name + "." + std::to_string(i));
  }
  return path;
}

Result<void> cut_log(const std::filesystem::path& database, const std::filesystem::path& quarantine,
                     const LogWalk& walk, LogRepair& repair) {
  const LogDamage& damage = *walk.damage;
  const std::filesystem::path path = database / log_name(damage.log);
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error) return file_error("stat", path.string(), error.value());
  if (!damage.is_plain) {
    const auto copy =
        free_name(quarantine, log_name(damage.log) + ".from-" + std::to_string(damage.offset));
    if (auto ok = copy_tail(path, damage.offset, copy); !ok) return ok;
  }
  for (const std::uint64_t later : walk.logs) {
    if (later <= damage.log) continue;
    const auto from = database / log_name(later);
    const auto to = free_name(quarantine, log_name(later));
    repair.bytes_cut += std::filesystem::file_size(from, error);
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return file_error("rename", from.string(), errno);
    }
  }
  if (auto ok = sync_directory(quarantine); !ok) return ok;
  if (auto ok = cut_file(path, damage.offset); !ok) return ok;
  repair.bytes_cut += size - damage.offset;
  repair.notes.push_back("log.torn-tail: " + log_name(damage.log) + " was cut at byte " +
                         std::to_string(damage.offset) + " (" + damage.why +
                         "), which was never known to be synced; the last commit is " +
                         std::to_string(walk.last_commit));
  return sync_directory(database);
}

}  // namespace

Result<std::string> read_whole_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return file_error("open", path.string(), errno);
  struct stat info {};
  int error = ::fstat(fd, &info) == 0 ? 0 : errno;
  if (error == 0 && !S_ISREG(info.st_mode)) error = EINVAL;
  std::string out;
  if (error == 0) out.resize(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  while (error == 0 && done < out.size()) {
    const ssize_t got = ::read(fd, out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  ::close(fd);
  if (error != 0) return file_error("read", path.string(), error);
  out.resize(done);
  return out;
}

Result<LogWalk> walk_logs(const std::filesystem::path& database, std::uint64_t log_number) {
  const auto files = list_database(database);
  if (!files) return files.error();
  LogWalk walk;
  Walker walker(walk);
  for (const std::uint64_t log : files->logs) {
    if (log < log_number) continue;
    walk.logs.push_back(log);
    const auto bytes = read_whole_file(database / log_name(log));
    if (!bytes) return bytes.error();
    walker.read(log, *bytes);
  }
  return walk;
}

Result<LogReport> prepare_logs(const std::filesystem::path& database,
                               const std::filesystem::path& quarantine) {
  LogReport report;
  const auto current = read_current(database);
  if (!current) return current.error();
  const auto bytes = read_whole_file(database / *current);
  if (!bytes) {
    if (bytes.error().code != ErrorCode::kNotFound) return bytes.error();
    return Error{ErrorCode::kCorrupt,
                 "manifest.damaged: CURRENT names " + *current + ", which is not there",
                 "store.corrupt"};
  }
  const auto manifest = read_manifest(*bytes);
  if (!manifest) return manifest.error();
  auto walk = walk_logs(database, manifest->log_number);
  if (!walk) return walk.error();
  report.walk = std::move(*walk);

  const bool has_log =
      std::ranges::find(report.walk.logs, manifest->log_number) != report.walk.logs.end();
  if (manifest->log_number != 0 && !has_log) {
    // An edit that made this log obsolete may be what the MANIFEST lost at its end.
    const char* code = manifest->torn_tail ? "manifest.damaged" : "log.missing";
    return Error{ErrorCode::kCorrupt,
                 std::string(code) + ": the MANIFEST needs " + log_name(manifest->log_number) +
                     ", which is not there",
                 "store.corrupt"};
  }
  if (report.walk.damage && report.walk.damage->is_rot) {
    const LogDamage& damage = *report.walk.damage;
    return Error{ErrorCode::kCorrupt,
                 "log.damaged: " + log_name(damage.log) + " at byte " +
                     std::to_string(damage.offset) + ": " + damage.why + "; commits from " +
                     std::to_string(damage.commit) + " on were synced and cannot be read",
                 "store.corrupt", "syncctl store salvage, then sync with a peer"};
  }
  if (manifest->torn_tail) {
    const auto copy =
        free_name(quarantine, *current + ".from-" + std::to_string(manifest->bytes_good));
    if (auto ok = copy_tail(database / *current, manifest->bytes_good, copy); !ok) {
      return ok.error();
    }
    if (auto ok = cut_file(database / *current, manifest->bytes_good); !ok) return ok.error();
    report.repair.notes.push_back("manifest.torn-tail: " + *current + " was cut at byte " +
                                  std::to_string(manifest->bytes_good));
  }
  if (report.walk.damage) {
    if (auto ok = cut_log(database, quarantine, report.walk, report.repair); !ok) {
      return ok.error();
    }
  }
  return report;
}

}  // namespace converge::store
