#include "core/store/leveldb_env.h"

#include "core/store/env_stats.h"

#include <leveldb/env.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <mutex>
#include <set>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace converge::store {

using leveldb::Slice;
using leveldb::Status;

namespace {

constexpr std::size_t kWriteBufferBytes = 64 * 1024;
constexpr mode_t kFileMode = 0600;

Status status_of(const std::string& path, int error_number) {
  const char* text = std::strerror(error_number);
  return error_number == ENOENT ? Status::NotFound(path, text) : Status::IOError(path, text);
}

std::string with_extension(const std::string& path, std::string_view extension) {
  return path.substr(0, path.size() - 4).append(extension);
}

/// E1: the name a file is created under.
std::string create_name(const std::string& path) {
  return path.ends_with(".ldb") ? with_extension(path, ".sst") : path;
}

/// E1: the name a file is found under.
std::string find_name(const std::string& path) {
  if (!path.ends_with(".ldb")) return path;
  const std::string table = with_extension(path, ".sst");
  struct stat info {};
  return ::stat(table.c_str(), &info) == 0 ? table : path;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

/// What the files of one Env share.
struct EnvCore {
  std::string directory;
  dev_t device = 0;
  ino_t inode = 0;
  FileHook* hook = nullptr;
  EnvStats stats;
  std::atomic<std::uint64_t> manifest_bytes{0};
  mutable std::mutex failure_mutex;
  std::optional<Error> failure;

  /// Runs one operation: hook, clock, counters. `work` returns 0 or an errno.
  /// `on_fault` does what an injected fault leaves done.
  template <class Work>
  int perform(const FileEvent& event, Work work,
              const std::function<void(const FileFault&)>& on_fault = {}) {
    const auto begin = std::chrono::steady_clock::now();
    int error = 0;
    std::optional<FileFault> fault;
    if (hook != nullptr) fault = hook->before(event);
    if (fault) {
      error = fault->error_number;
      if (on_fault) on_fault(*fault);
    } else {
      error = work();
    }
    stats.record(event.kind, event.op, event.data.size(), error != 0,
                 std::chrono::steady_clock::now() - begin);
    if (error == 0 && hook != nullptr) hook->after(event);
    return error;
  }

  void note_failure(std::string_view what, const std::string& path, int error_number) {
    const std::lock_guard lock(failure_mutex);
    if (!failure) failure = file_error(what, path, error_number);
  }

  /// Whether `directory` still is the one that was opened.
  int check_directory(const std::string& path) const {
    if (parent_of(path) != directory) return 0;
    struct stat info {};
    if (::stat(directory.c_str(), &info) != 0) return errno;
    return info.st_dev == device && info.st_ino == inode ? 0 : ESTALE;
  }

  int sync_parent(const std::string& path, FileKind kind) {
    const std::string parent = parent_of(path);
    return perform({FileOp::kSyncDirectory, kind, parent}, [&] {
      const int fd = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (fd < 0) return errno;
      const int error = ::fsync(fd) == 0 ? 0 : errno;
      ::close(fd);
      return error;
    });
  }
};

namespace {

class PosixSequentialFile final : public leveldb::SequentialFile {
 public:
  PosixSequentialFile(EnvCore& core, std::string path, int fd)
      : core_(core), path_(std::move(path)), kind_(file_kind(path_)), fd_(fd) {}
  ~PosixSequentialFile() override { ::close(fd_); }

  Status Read(std::size_t n, Slice* result, char* scratch) override {
    ssize_t got = 0;
    const int error = core_.perform({FileOp::kRead, kind_, path_, {}, offset_}, [&] {
      do {
        got = ::read(fd_, scratch, n);
      } while (got < 0 && errno == EINTR);
      return got < 0 ? errno : 0;
    });
    if (error != 0) return status_of(path_, error);
    offset_ += static_cast<std::uint64_t>(got);
    *result = Slice(scratch, static_cast<std::size_t>(got));
    return Status::OK();
  }

  Status Skip(std::uint64_t n) override {
    if (::lseek(fd_, static_cast<off_t>(n), SEEK_CUR) < 0) return status_of(path_, errno);
    offset_ += n;
    return Status::OK();
  }

 private:
  EnvCore& core_;
  std::string path_;
  FileKind kind_;
  int fd_;
  std::uint64_t offset_ = 0;
};

/// E6.
class PosixRandomAccessFile final : public leveldb::RandomAccessFile {
 public:
  PosixRandomAccessFile(EnvCore& core, std::string path, int fd)
      : core_(core), path_(std::move(path)), kind_(file_kind(path_)), fd_(fd) {}
  ~PosixRandomAccessFile() override { ::close(fd_); }

  Status Read(std::uint64_t offset, std::size_t n, Slice* result, char* scratch) const override {
    std::size_t done = 0;
    const int error = core_.perform({FileOp::kRead, kind_, path_, {}, offset}, [&] {
      while (done < n) {
        const ssize_t got =
            ::pread(fd_, scratch + done, n - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
      }
      return 0;
    });
    *result = Slice(scratch, done);
    if (error != 0) return status_of(path_, error);
    if (done < n) return Status::Corruption(path_, "the file is shorter than its contents");
    return Status::OK();
  }

 private:
  EnvCore& core_;
  std::string path_;
  FileKind kind_;
  int fd_;
};

class PosixWritableFile final : public leveldb::WritableFile {
 public:
  PosixWritableFile(EnvCore& core, std::string path, int fd)
      : core_(core), path_(std::move(path)), kind_(file_kind(path_)), fd_(fd) {
    buffer_.reserve(kWriteBufferBytes);
  }
  ~PosixWritableFile() override {
    if (fd_ >= 0) Close();
  }

  Status Append(const Slice& data) override {
    if (!failed_.ok()) return failed_;
    if (kind_ == FileKind::kManifest) {
      buffer_.append(data.data(), data.size());
      return Status::OK();
    }
    if (buffer_.size() + data.size() > kWriteBufferBytes) {
      if (const Status status = flush_buffer(); !status.ok()) return status;
    }
    if (data.size() >= kWriteBufferBytes) return write_out({data.data(), data.size()});
    buffer_.append(data.data(), data.size());
    return Status::OK();
  }

  /// An edit of a MANIFEST stays here until Sync: bytes that the system has may reach the disk at
  /// any time, and then the tables' names must be there already.
  Status Flush() override {
    if (kind_ == FileKind::kManifest) return failed_;
    return flush_buffer();
  }

  Status Sync() override {
    if (!failed_.ok()) return failed_;
    // The names that a MANIFEST speaks of, and its own, must be there before it is.
    if (kind_ == FileKind::kManifest) {
      if (const int error = core_.sync_parent(path_, kind_); error != 0) return fail("sync", error);
    }
    if (const Status status = flush_buffer(); !status.ok()) return status;
    const int error = core_.perform({FileOp::kSync, kind_, path_, {}, written_},
                                    [&] { return ::fdatasync(fd_) == 0 ? 0 : errno; });
    if (error != 0) return fail("sync", error);
    is_synced_ = true;
    return Status::OK();
  }

  /// E4.
  Status Close() override {
    if (fd_ < 0) return failed_;
    Status status = failed_;
    if (status.ok() && (!is_synced_ || !buffer_.empty())) status = Sync();
    const int error = core_.perform({FileOp::kClose, kind_, path_}, [] { return 0; });
    const int closed = ::close(fd_) == 0 ? 0 : errno;
    fd_ = -1;
    if (status.ok() && (error != 0 || closed != 0)) {
      status = fail("close", error != 0 ? error : closed);
    }
    return status;
  }

 private:
  Status flush_buffer() {
    if (!failed_.ok()) return failed_;
    if (buffer_.empty()) return Status::OK();
    const Status status = write_out(buffer_);
    buffer_.clear();
    return status;
  }

  Status write_out(std::string_view data) {
    std::size_t done = 0;
    const FileEvent event{FileOp::kWrite, kind_, path_, {}, written_, data};
    const auto write_some = [&](std::size_t count) {
      while (done < count) {
        const ssize_t put = ::write(fd_, data.data() + done, count - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        done += static_cast<std::size_t>(put);
      }
      return 0;
    };
    const int error = core_.perform(
        event, [&] { return write_some(data.size()); },
        [&](const FileFault& fault) { write_some(std::min(fault.bytes_done, data.size())); });
    written_ += done;
    if (kind_ == FileKind::kManifest) core_.manifest_bytes = written_;
    is_synced_ = false;
    if (error != 0) return fail("write", error);
    return Status::OK();
  }

  /// E5.
  Status fail(std::string_view what, int error) {
    failed_ = status_of(path_, error);
    buffer_.clear();
    core_.note_failure(what, path_, error);
    return failed_;
  }

  EnvCore& core_;
  std::string path_;
  FileKind kind_;
  int fd_;
  std::string buffer_;
  std::uint64_t written_ = 0;
  bool is_synced_ = true;
  Status failed_;
};

class PosixFileLock final : public leveldb::FileLock {
 public:
  PosixFileLock(int descriptor, std::string name) : fd(descriptor), path(std::move(name)) {}
  const int fd;
  const std::string path;
};

class EventLogger final : public leveldb::Logger {
 public:
  explicit EventLogger(std::function<void(const StoreEvent&)> on_event)
      : on_event_(std::move(on_event)) {}
  void Logv(const char* format, std::va_list arguments) override {
    if (!on_event_) return;
    char text[512];
    std::vsnprintf(text, sizeof text, format, arguments);
    on_event_({StoreEvent::Severity::kDebug, "leveldb", text});
  }

 private:
  std::function<void(const StoreEvent&)> on_event_;
};

/// E9: one thread, work in the order given.
class Worker {
 public:
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  void schedule(void (*function)(void*), void* argument) {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    work_.emplace_back(function, argument);
    wake_.notify_one();
  }

 private:
  void run() {
    pthread_setname_np(pthread_self(), "leveldb");
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !work_.empty(); });
      if (work_.empty()) return;
      const auto [function, argument] = work_.front();
      work_.pop_front();
      lock.unlock();
      function(argument);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<void (*)(void*), void*>> work_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

/// EnvWrapper would forward what is not overridden; here only time and plain threads are.
struct LevelDbEnv::Impl final : public leveldb::EnvWrapper {
  Impl(std::filesystem::path directory, Options options)
      : EnvWrapper(leveldb::Env::Default()), logger(options.on_event) {
    core.directory = directory.string();
    core.hook = options.hook;
    struct stat info {};
    if (::stat(core.directory.c_str(), &info) == 0) {
      core.device = info.st_dev;
      core.inode = info.st_ino;
    }
  }

  Status NewSequentialFile(const std::string& name, leveldb::SequentialFile** result) override {
    const auto [path, fd, error] = open_for_reading(name);
    if (error != 0) return status_of(path, error);
    *result = new PosixSequentialFile(core, path, fd);
    return Status::OK();
  }

  Status NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** result) override {
    const auto [path, fd, error] = open_for_reading(name);
    if (error != 0) return status_of(path, error);
    *result = new PosixRandomAccessFile(core, path, fd);
    return Status::OK();
  }

  Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override {
    const std::string path = create_name(name);
    const FileKind kind = file_kind(path);
    forget_held(path);
    int fd = -1;
    int error = core.perform({FileOp::kOpenWrite, kind, path}, [&] {
      if (const int moved = core.check_directory(path); moved != 0) return moved;
      if (kind == FileKind::kTable) ::unlink(path.c_str());  // E7
      fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
      return fd < 0 ? errno : 0;
    });
    if (error == 0 && kind == FileKind::kLog) {  // E2
      error = core.sync_parent(path, kind);
      if (error != 0) ::close(fd);
    }
    if (error != 0) {
      core.note_failure("create", path, error);
      return status_of(path, error);
    }
    *result = new PosixWritableFile(core, path, fd);
    return Status::OK();
  }

  Status NewAppendableFile(const std::string& name, leveldb::WritableFile**) override {
    return Status::NotSupported(name, "logs are never reused");
  }

  bool FileExists(const std::string& name) override {
    return ::access(find_name(name).c_str(), F_OK) == 0;
  }

  Status GetChildren(const std::string& name, std::vector<std::string>* result) override {
    const int error = core.perform({FileOp::kList, FileKind::kOther, name}, [] { return 0; });
    if (error != 0) return status_of(name, error);
    return EnvWrapper::GetChildren(name, result);
  }

  /// After a failure nothing is removed: a rename may have been done whose directory sync failed,
  /// and LevelDB would remove the MANIFEST that CURRENT then names. Opening again removes what is
  /// obsolete.
  Status RemoveFile(const std::string& name) override {
    const std::string path = find_name(name);
    {
      const std::lock_guard lock(core.failure_mutex);
      if (core.failure) return Status::IOError(path, "kept, because the store failed");
    }
    {
      const std::lock_guard lock(hold_mutex);
      if (holding) {
        held.insert(path);
        return Status::OK();
      }
    }
    return remove_now(path);
  }

  Status GetFileSize(const std::string& name, std::uint64_t* size) override {
    const std::string path = find_name(name);
    struct stat info {};
    const int error = core.perform({FileOp::kStat, file_kind(path), path},
                                   [&] { return ::stat(path.c_str(), &info) == 0 ? 0 : errno; });
    if (error != 0) return status_of(path, error);
    *size = static_cast<std::uint64_t>(info.st_size);
    return Status::OK();
  }

  /// E3.
  Status RenameFile(const std::string& from, const std::string& to) override {
    const FileKind kind = file_kind(to);
    forget_held(to);
    int error = core.perform({FileOp::kRename, kind, from, to}, [&] {
      if (const int moved = core.check_directory(to); moved != 0) return moved;
      return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
    });
    if (error == 0) error = core.sync_parent(to, kind);
    if (error == 0) return Status::OK();
    core.note_failure("rename", to, error);
    return status_of(to, error);
  }

  Status LockFile(const std::string& name, leveldb::FileLock** lock) override {
    *lock = nullptr;
    int fd = -1;
    struct flock wanted {};
    wanted.l_type = F_WRLCK;
    wanted.l_whence = SEEK_SET;
    const int error = core.perform({FileOp::kLock, FileKind::kLock, name}, [&] {
      fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode);
      if (fd < 0) return errno;
      return ::fcntl(fd, F_SETLK, &wanted) == 0 ? 0 : errno;
    });
    if (error == 0) {
      *lock = new PosixFileLock(fd, name);
      return Status::OK();
    }
    // Who holds it; the process that holds it is another one, so closing drops no lock.
    std::string holder = "another process";
    struct flock asked = wanted;
    if (fd >= 0 && ::fcntl(fd, F_GETLK, &asked) == 0 && asked.l_type != F_UNLCK) {
      holder = asked.l_pid > 0 ? "process " + std::to_string(asked.l_pid)
                               : "a process of another container";
    }
    if (fd >= 0) ::close(fd);
    return Status::IOError("lock " + name, "is held by " + holder);
  }

  Status UnlockFile(leveldb::FileLock* lock) override {
    const std::unique_ptr<PosixFileLock> owned(static_cast<PosixFileLock*>(lock));
    ::close(owned->fd);
    return Status::OK();
  }

  void Schedule(void (*function)(void*), void* argument) override {
    worker.schedule(function, argument);
  }

  Status NewLogger(const std::string& name, leveldb::Logger**) override {
    return Status::NotSupported(name, "notes go to the event sink");
  }

  struct Opened {
    std::string path;
    int fd;
    int error;
  };
  Opened open_for_reading(const std::string& name) {
    Opened opened{find_name(name), -1, 0};
    opened.error = core.perform({FileOp::kOpenRead, file_kind(opened.path), opened.path}, [&] {
      opened.fd = ::open(opened.path.c_str(), O_RDONLY | O_CLOEXEC);
      return opened.fd < 0 ? errno : 0;
    });
    return opened;
  }

  Status remove_now(const std::string& path) {
    const int error = core.perform({FileOp::kRemove, file_kind(path), path},
                                   [&] { return ::unlink(path.c_str()) == 0 ? 0 : errno; });
    return error == 0 ? Status::OK() : status_of(path, error);
  }

  void forget_held(const std::string& path) {
    const std::lock_guard lock(hold_mutex);
    held.erase(path);
  }

  EnvCore core;
  EventLogger logger;
  std::mutex hold_mutex;
  bool holding = false;
  std::set<std::string> held;
  Worker worker;  // last: its thread uses everything above
};

LevelDbEnv::LevelDbEnv(std::filesystem::path directory, Options options)
    : impl_(std::make_unique<Impl>(std::move(directory), std::move(options))) {}
LevelDbEnv::~LevelDbEnv() { release_removals(); }

leveldb::Env* LevelDbEnv::env() { return impl_.get(); }
leveldb::Logger* LevelDbEnv::logger() { return &impl_->logger; }

void LevelDbEnv::hold_removals() {
  const std::lock_guard lock(impl_->hold_mutex);
  impl_->holding = true;
}

void LevelDbEnv::release_removals() {
  std::set<std::string> names;
  {
    const std::lock_guard lock(impl_->hold_mutex);
    impl_->holding = false;
    names.swap(impl_->held);
  }
  // A file that cannot be removed stays until LevelDB asks again; that costs space only.
  for (const std::string& name : names) static_cast<void>(impl_->remove_now(name));
}

std::size_t LevelDbEnv::held_removals() const {
  const std::lock_guard lock(impl_->hold_mutex);
  return impl_->held.size();
}

std::optional<Error> LevelDbEnv::write_failure() const {
  const std::lock_guard lock(impl_->core.failure_mutex);
  return impl_->core.failure;
}

void LevelDbEnv::forget_failure() {
  const std::lock_guard lock(impl_->core.failure_mutex);
  impl_->core.failure.reset();
}

std::map<std::string, OperationStats> LevelDbEnv::stats() const {
  return impl_->core.stats.snapshot();
}

std::uint64_t LevelDbEnv::manifest_bytes() const { return impl_->core.manifest_bytes; }

Error file_error(std::string_view what, std::string_view path, int error_number) {
  ErrorCode code = ErrorCode::kIo;
  std::string id = "io";
  if (error_number == ENOSPC || error_number == EDQUOT) {
    code = ErrorCode::kNoSpace;
    id = "store.no_space";
  } else if (error_number == EACCES || error_number == EPERM || error_number == ELOOP) {
    code = ErrorCode::kDenied;
    id = "auth.denied";
  } else if (error_number == ENOENT) {
    code = ErrorCode::kNotFound;
    id = "";
  }
  return {code, std::string(what) + " " + std::string(path) + ": " + std::strerror(error_number),
          id};
}

Result<void> sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return file_error("open", directory.string(), errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return file_error("sync", directory.string(), error);
  return {};
}

}  // namespace converge::store
