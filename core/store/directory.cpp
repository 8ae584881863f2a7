#include "core/store/directory.h"

#include "core/store/leveldb_env.h"
#include "core/store/lock_probe.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace converge::store {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

Error not_a_store(const std::filesystem::path& path, const std::string& why) {
  return {ErrorCode::kInvalid, path.string() + " is not a store: " + why, "input.file"};
}

Error denied(const std::filesystem::path& path, const std::string& why) {
  return {ErrorCode::kDenied, path.string() + ": " + why, "auth.denied"};
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Result<std::vector<std::string>> entries_of(const std::filesystem::path& path) {
  std::vector<std::string> names;
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return file_error("list", path.string(), errno);
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(folder);
  return names;
}

Result<void> judge_rights(const std::filesystem::path& path, const struct stat& info) {
  if (info.st_uid != ::geteuid()) {
    return Error{ErrorCode::kDenied, path.string() + ": belongs to another user", "auth.denied",
                 "run the command as that user, or chown -R the directory"};
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return Error{ErrorCode::kDenied,
               path.string() + ": other users may write in it; the mode must be 0700",
               "auth.denied", "chmod 700 " + path.string()};
}

/// Whether LevelDB has or had its files there.
bool has_leveldb_files(const std::filesystem::path& database) {
  const auto names = entries_of(database);
  return names && std::ranges::any_of(*names, [](const std::string& name) {
           return name == "CURRENT" || name.starts_with("MANIFEST-") || name.ends_with(".sst") ||
                  name.ends_with(".ldb") || name.ends_with(".log");
         });
}

Result<void> check_folder(const std::filesystem::path& path, int fd, const OpenOptions& options) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return file_error("stat", path.string(), errno);
  if (auto ok = judge_rights(path, info); !ok) return ok;
  struct statfs system {};
  if (::fstatfs(fd, &system) != 0) return file_error("statfs", path.string(), errno);
  const char* network = network_filesystem(static_cast<long>(system.f_type));
  if (network != nullptr && !options.allow_network_filesystem) {
    return Error{ErrorCode::kUnsupported,
                 path.string() + " is on a " + network +
                     " file system, which does not keep a store's promises",
                 "store.newer", "use a local disk, or --allow-network-filesystem at your own risk"};
  }
  return {};
}

Result<int> take_lock(const std::filesystem::path& path, int folder_fd,
                      const OpenOptions& options) {
  Descriptor fd(::openat(folder_fd, kLockFile,
                         O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kFileMode));
  if (fd.get() < 0) return file_error("open", (path / kLockFile).string(), errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return denied(path / kLockFile, "is not a regular file");
  }
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_OFD_SETLK, &wanted) != 0) {
    if (errno != EAGAIN && errno != EACCES) {
      return file_error("lock", (path / kLockFile).string(), errno);
    }
    return Error{ErrorCode::kLocked,
                 "the store " + path.string() + " is in use by " + holder_of(fd.get()),
                 "store.locked", "drop --store to ask the agent, or stop it first"};
  }
  std::array<char, 32> started{};
  const std::time_t now = static_cast<std::time_t>(options.clock->wall_now_ms() / 1000);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::strftime(started.data(), started.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  const std::string line =
      std::to_string(::getpid()) + " since " + started.data() + ", " + options.writer + "\n";
  // For humans only: the lock is the kernel's, so a failure to write the text is none of it.
  if (::ftruncate(fd.get(), 0) == 0) {
    static_cast<void>(::pwrite(fd.get(), line.data(), line.size(), 0) > 0);
  }
  return fd.release();
}

/// Stands while a store is being initialised: until FORMAT is written nothing was acknowledged, so
/// what a crash left may go.
std::filesystem::path initialising(const std::filesystem::path& path) {
  return path / kTemporaryFolder / "initialising";
}

Result<void> remove_files(const std::filesystem::path& folder) {
  const auto names = entries_of(folder);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    std::error_code error;
    std::filesystem::remove_all(folder / name, error);
    if (error) return file_error("remove", (folder / name).string(), error.value());
  }
  return {};
}

/// Folders and guard first, FORMAT last, by finish_initialisation.
Result<void> initialise(const std::filesystem::path& path) {
  for (const char* folder : {kDatabaseFolder, kQuarantineFolder, kTemporaryFolder}) {
    if (::mkdir((path / folder).c_str(), kFolderMode) != 0 && errno != EEXIST) {
      return file_error("create", (path / folder).string(), errno);
    }
  }
  if (auto ok = write_file_synced(initialising(path), "not a store yet\n"); !ok) return ok;
  if (auto ok = remove_files(path / kDatabaseFolder); !ok) return ok;
  const std::filesystem::path marker = path / kDatabaseFolder / kGuardMarker;
  const Descriptor fd(::open(marker.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kFileMode));
  if (fd.get() < 0) return file_error("create", marker.string(), errno);
  if (::fsync(fd.get()) != 0) return file_error("sync", marker.string(), errno);
  if (auto ok = sync_directory(path / kDatabaseFolder); !ok) return ok;
  return sync_directory(path);
}

}  // namespace

Result<StoreDirectory> StoreDirectory::open(const std::filesystem::path& path,
                                            const OpenOptions& options) {
  const bool may_create = options.mode == OpenMode::kCreateIfAbsent;
  if (may_create && ::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return file_error("create", path.string(), errno);
  }
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (folder.get() < 0) {
    if (errno == ELOOP || errno == ENOTDIR) return denied(path, "is a link or not a directory");
    return file_error("open", path.string(), errno);
  }
  if (const auto ok = check_folder(path, folder.get(), options); !ok) return ok.error();
  const auto names = entries_of(path);
  if (!names) return names.error();
  const bool has_format = std::ranges::find(*names, kFormatFile) != names->end();
  if (!has_format && !may_create) return not_a_store(path, "it has no file FORMAT");
  const bool is_unfinished = std::filesystem::exists(initialising(path));
  const bool is_empty =
      std::ranges::all_of(*names, [](const std::string& name) { return name == kLockFile; });
  if (!has_format && !is_empty && !is_unfinished) {
    return not_a_store(path, "it has no file FORMAT, and it is not empty");
  }
  auto lock = take_lock(path, folder.get(), options);
  if (!lock) return lock.error();
  StoreDirectory directory(path, folder.release(), *lock, !has_format);

  if (has_format) {
    const auto line = read_small_file(path / kFormatFile, 256);
    if (!line) return line.error();
    if (const auto known = check_format_file(path); !known) return known.error();
    if (*line != kFormatLine) return not_a_store(path, "its FORMAT says something else");
  } else {
    if (const auto ok = initialise(path); !ok) return ok.error();
  }
  if (const auto ok = check_database_files(path / kDatabaseFolder); !ok) return ok.error();
  if (has_format) {
    // Left by work that a crash interrupted; what it was for is not done.
    if (const auto ok = remove_files(path / kTemporaryFolder);
        !ok && ok.error().code != ErrorCode::kNotFound) {
      return ok.error();
    }
  }
  return directory;
}

Result<void> StoreDirectory::finish_initialisation() {
  if (!is_new_) return {};
  if (auto ok = write_file_synced(path_ / kFormatFile, kFormatLine); !ok) return ok;
  return remove_files(path_ / kTemporaryFolder);
}

StoreDirectory::StoreDirectory(std::filesystem::path path, int fd, int lock_fd, bool is_new)
    : path_(std::move(path)), fd_(fd), lock_fd_(lock_fd), is_new_(is_new) {}

StoreDirectory::StoreDirectory(StoreDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      is_new_(other.is_new_) {}

void StoreDirectory::unlock() {
  if (lock_fd_ >= 0) ::close(std::exchange(lock_fd_, -1));
}

StoreDirectory::~StoreDirectory() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
  if (fd_ >= 0) ::close(fd_);
}

Result<void> check_format_file(const std::filesystem::path& directory) {
  const auto line = read_small_file(directory / kFormatFile, 256);
  if (!line || !line->starts_with("syncd-store ") || *line == kFormatLine) return {};
  return Error{
      ErrorCode::kUnsupported,
      "the store has format " + line->substr(12, line->find('\n') - 12) + ", this release knows 1",
      "store.newer"};
}

const char* network_filesystem(long type) {
  constexpr long kCifs = 0xFF534D42;
  constexpr long kSmb2 = 0xFE534D42;
  constexpr long kFuse = 0x65735546;
  constexpr long kCeph = 0x00C36400;
  switch (type) {
    case NFS_SUPER_MAGIC:
      return "NFS";
    case SMB_SUPER_MAGIC:
    case kCifs:
    case kSmb2:
      return "SMB";
    case V9FS_MAGIC:
      return "9p";
    case AFS_SUPER_MAGIC:
      return "AFS";
    case CODA_SUPER_MAGIC:
      return "Coda";
    case kCeph:
      return "Ceph";
    case kFuse:
      return "FUSE";
    default:
      return nullptr;
  }
}

Result<void> expect_store(const std::filesystem::path& directory) {
  const char* hint = "name the directory that syncd --store has";
  struct stat info {};
  if (::lstat(directory.c_str(), &info) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) return file_error("open", directory.string(), errno);
    return Error{ErrorCode::kNotFound, "there is no store at " + directory.string(), {}, hint};
  }
  if (S_ISLNK(info.st_mode)) {
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(directory, error);
    return Error{ErrorCode::kDenied, directory.string() + ": is a link", "auth.denied",
                 error ? std::string(hint) : "name the directory itself: " + real.string()};
  }
  if (!S_ISDIR(info.st_mode)) {
    return Error{ErrorCode::kInvalid, directory.string() + " is not a store: it is a file",
                 "input.file", hint};
  }
  if (::access(directory.c_str(), R_OK | X_OK) != 0)
    return file_error("open", directory.string(), errno);
  if (::faccessat(AT_FDCWD, (directory / kFormatFile).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
      has_leveldb_files(directory / kDatabaseFolder)) {
    return {};
  }
  return Error{ErrorCode::kInvalid,
               directory.string() + " is not a store: it has neither a file FORMAT nor tables",
               "input.file", hint};
}

Result<void> expect_openable(const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(std::filesystem::symlink_status(directory, error))) {
    const auto names = entries_of(directory);
    if (names && std::ranges::all_of(*names, [](const auto& name) { return name == kLockFile; }))
      return {};
    if (std::filesystem::exists(initialising(directory), error)) return {};
  }
  if (auto ok = expect_store(directory); !ok) return ok;
  if (::faccessat(AT_FDCWD, (directory / kFormatFile).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    return {};
  Error error_of_it = not_a_store(directory, "it has no file FORMAT");
  error_of_it.hint = "syncctl store salvage " + directory.string() + " --into DIR";
  return error_of_it;
}

Result<void> check_rights(const std::filesystem::path& directory) {
  struct stat info {};
  if (::lstat(directory.c_str(), &info) != 0) return file_error("stat", directory.string(), errno);
  return judge_rights(directory, info);
}

Result<void> check_database_files(const std::filesystem::path& database) {
  struct stat info {};
  if (::lstat(database.c_str(), &info) != 0) return file_error("stat", database.string(), errno);
  if (!S_ISDIR(info.st_mode)) return denied(database, "is not a directory");
  const auto names = entries_of(database);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const std::filesystem::path file = database / name;
    if (::lstat(file.c_str(), &info) != 0) return file_error("stat", file.string(), errno);
    if (!S_ISREG(info.st_mode)) return denied(file, "is not a regular file");
    if (info.st_uid != ::geteuid()) return denied(file, "belongs to another user");
  }
  return {};
}

Result<std::string> read_small_file(const std::filesystem::path& path, std::size_t bytes_max) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (fd.get() < 0) return file_error("open", path.string(), errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return file_error("stat", path.string(), errno);
  if (!S_ISREG(info.st_mode)) return denied(path, "is not a regular file");
  if (static_cast<std::uint64_t>(info.st_size) > bytes_max) {
    return Error{ErrorCode::kLimitExceeded, path.string() + " is too large", "limit.exceeded"};
  }
  std::string out(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::read(fd.get(), out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("read", path.string(), errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

Result<void> write_file_synced(const std::filesystem::path& path, std::string_view contents) {
  const std::filesystem::path temporary = path.string() + ".new";
  {
    const Descriptor fd(::open(temporary.c_str(),
                               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kFileMode));
    if (fd.get() < 0) return file_error("create", temporary.string(), errno);
    std::size_t done = 0;
    while (done < contents.size()) {
      const ssize_t put = ::write(fd.get(), contents.data() + done, contents.size() - done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return file_error("write", temporary.string(), errno);
      done += static_cast<std::size_t>(put);
    }
    if (::fsync(fd.get()) != 0) return file_error("sync", temporary.string(), errno);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return file_error("rename", path.string(), errno);
  }
  return sync_directory(path.parent_path());
}

}  // namespace converge::store
