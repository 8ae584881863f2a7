#include "core/client/durable_file.h"

#include "core/control/error_table.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace converge::client {
namespace {

using control::ErrorId;
using control::make_error;

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

Error failed(const char* what, const std::filesystem::path& file, int number) {
  const std::string message =
      std::string("cannot ") + what + " " + file.string() + ": " + std::strerror(number);
  if (number == EACCES || number == EPERM || number == EROFS)
    return make_error(ErrorId::kAuthDenied, message);
  if (number == ENOSPC || number == EDQUOT) return make_error(ErrorId::kStoreNoSpace, message);
  return make_error(ErrorId::kIo, message);
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

Result<void> sync_directory(const std::filesystem::path& directory) {
  const Descriptor open(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open.get() < 0 || ::fsync(open.get()) != 0) return failed("sync", directory, errno);
  return {};
}

Result<void> write_all(int descriptor, std::string_view bytes, const std::filesystem::path& file) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(descriptor, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("write", file, errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> write_new(const std::filesystem::path& file, std::string_view bytes) {
  const Descriptor open(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kFileMode));
  if (open.get() < 0) return failed("make", file, errno);
  if (const auto done = write_all(open.get(), bytes, file); !done) return done;
  if (::fsync(open.get()) != 0) return failed("sync", file, errno);
  return {};
}

}  // namespace

Result<void> make_private_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return {};
  if (directory.has_parent_path() && directory.parent_path() != directory) {
    if (const auto done = make_private_directory(directory.parent_path()); !done) return done;
  }
  if (::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST)
    return failed("make", directory, errno);
  return sync_directory(directory.parent_path());
}

Result<void> replace_file(const std::filesystem::path& file, std::string_view bytes) {
  // The directory's lock is held: nobody else writes this neighbour, and one that a killed process
  // left is written over.
  std::filesystem::path temporary = file;
  temporary += ".new";
  auto done = write_new(temporary, bytes);
  if (done && ::rename(temporary.c_str(), file.c_str()) != 0) done = failed("make", file, errno);
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync_directory(file.parent_path());
}

Result<void> remove_file(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return failed("remove", file, errno);
  }
  return sync_directory(file.parent_path());
}

Result<std::optional<std::string>> read_file(const std::filesystem::path& file,
                                             std::size_t bytes_max) {
  const Descriptor open(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (open.get() < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return failed("read", file, errno);
  }
  std::string bytes;
  char piece[16 * 1024];
  while (true) {
    const ssize_t got = ::read(open.get(), piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", file, errno);
    if (got == 0) return std::optional(std::move(bytes));
    bytes.append(piece, static_cast<std::size_t>(got));
    if (bytes.size() > bytes_max)
      return make_error(ErrorId::kInputTooLarge, file.string() + " is too large");
  }
}

Result<std::optional<FileLock>> FileLock::take(const std::filesystem::path& file,
                                               std::chrono::steady_clock::time_point deadline) {
  Descriptor open(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode));
  if (open.get() < 0) return failed("open", file, errno);
  while (::flock(open.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return failed("lock", file, errno);
    if (std::chrono::steady_clock::now() >= deadline) return std::optional<FileLock>();
    ::poll(nullptr, 0, 2);  // a lock tells nobody when it is given up
  }
  return std::optional<FileLock>(FileLock(open.release()));
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace converge::client
