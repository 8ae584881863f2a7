#include "core/store/lock_probe.h"

#include "core/store/directory.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace converge::store {

std::string holder_of(int lock_fd) {
  std::array<char, 256> text{};
  const ssize_t got = ::pread(lock_fd, text.data(), text.size() - 1, 0);
  const std::string line(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  const auto digits =
      std::find_if_not(line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits == line.begin()) return "another process";
  const std::string pid(line.begin(), digits);
  std::string holder = "process " + pid;
  const std::size_t version = line.find(' ');
  if (version != std::string::npos) {
    holder += " (" + line.substr(version + 1, line.find('\n') - version - 1) + ")";
  }
  return holder;
}

Result<LockProbe> LockProbe::take(const std::filesystem::path& directory) {
  const auto path = directory / kLockFile;
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  // A backup has none, and a read-only one cannot be written anyway.
  if (fd < 0) return LockProbe(-1);
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &wanted) == 0) return LockProbe(fd);
  const std::string holder = holder_of(fd);
  ::close(fd);
  return Error{ErrorCode::kLocked, "the store " + directory.string() + " is in use by " + holder,
               "store.locked", "ask the agent to check itself, or stop it first"};
}

LockProbe::LockProbe(LockProbe&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

LockProbe::~LockProbe() {
  if (fd_ >= 0) ::close(fd_);
}

bool is_locked(const std::filesystem::path& directory) {
  const auto path = directory / kLockFile;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return false;
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  const bool held = ::fcntl(fd, F_OFD_GETLK, &wanted) == 0 && wanted.l_type != F_UNLCK;
  ::close(fd);
  return held;
}

}  // namespace converge::store
