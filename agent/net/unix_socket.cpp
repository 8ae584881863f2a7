#include "agent/net/unix_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace converge::net {
namespace {

constexpr int kBacklog = 128;
constexpr std::size_t kGroupsMax = 65536;  // NGROUPS_MAX

/// Closes on every way out but release().
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// The file mode mask is the process's: set for the shortest time.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;
  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

Error system_error(ErrorCode code, const std::string& what) {
  return Error{code, what + ": " + std::strerror(errno)};
}

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.c_str(), path.native().size());
  return out;
}

Result<void> prepare_directory(const std::filesystem::path& directory, std::optional<gid_t> group) {
  struct stat info {};
  if (::lstat(directory.c_str(), &info) != 0) {
    if (errno != ENOENT) return system_error(ErrorCode::kIo, directory.string());
    const Umask mask(group ? 0027 : 0077);
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
      return Error{ErrorCode::kIo, "cannot make " + directory.string() + ": " + error.message()};
    }
    if (group && ::chown(directory.c_str(), static_cast<uid_t>(-1), *group) != 0) {
      return system_error(ErrorCode::kDenied,
                          "cannot give " + directory.string() + " to the group");
    }
    if (::lstat(directory.c_str(), &info) != 0) {
      return system_error(ErrorCode::kIo, directory.string());
    }
  }
  if (!S_ISDIR(info.st_mode)) {
    return Error{ErrorCode::kDenied, directory.string() + " is not a directory"};
  }
  if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    return Error{ErrorCode::kDenied, directory.string() + " belongs to another user"};
  }
  if ((info.st_mode & 0022) != 0) {
    return Error{ErrorCode::kDenied, directory.string() + " is writable by others", "",
                 "chmod go-w " + directory.string()};
  }
  return {};
}

/// Removes what is left of an agent that died; refuses to touch anything else.
Result<void> clear_path(const std::filesystem::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return system_error(ErrorCode::kIo, path.string());
  }
  if (!S_ISSOCK(info.st_mode)) {
    return Error{ErrorCode::kDenied, path.string() + " exists and is not a socket"};
  }
  if (info.st_uid != ::geteuid()) {
    return Error{ErrorCode::kDenied, path.string() + " belongs to another user"};
  }
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (probe.get() < 0) return system_error(ErrorCode::kIo, "socket");
  const sockaddr_un address = address_of(path);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return Error{ErrorCode::kConflict, "another process answers at " + path.string()};
  }
  if (errno != ECONNREFUSED) return system_error(ErrorCode::kIo, path.string());
  if (::unlink(path.c_str()) != 0) return system_error(ErrorCode::kIo, path.string());
  return {};
}

Result<int> listening(Descriptor descriptor) {
  const int flags = ::fcntl(descriptor.get(), F_GETFL);
  const bool prepared = flags >= 0 && ::fcntl(descriptor.get(), F_SETFL, flags | O_NONBLOCK) == 0 &&
                        ::fcntl(descriptor.get(), F_SETFD, FD_CLOEXEC) == 0;
  if (!prepared) return system_error(ErrorCode::kIo, "control socket");
  return descriptor.release();
}

}  // namespace

Result<int> listen_unix(const std::filesystem::path& path, std::optional<gid_t> group) {
  const std::size_t size = path.native().size();
  if (size == 0 || size > kSocketPathBytesMax || !path.is_absolute()) {
    return Error{ErrorCode::kInvalid, "socket path '" + path.string() +
                                          "' has to be absolute and at most 107 bytes long"};
  }
  auto directory = prepare_directory(path.parent_path(), group);
  if (!directory) return directory.error();
  auto cleared = clear_path(path);
  if (!cleared) return cleared.error();

  Descriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (descriptor.get() < 0) return system_error(ErrorCode::kIo, "socket");
  const sockaddr_un address = address_of(path);
  {
    const Umask mask(group ? 0117 : 0177);
    if (::bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
      const auto code = errno == EADDRINUSE ? ErrorCode::kConflict
                        : errno == EACCES   ? ErrorCode::kDenied
                                            : ErrorCode::kIo;
      return system_error(code, "cannot bind " + path.string());
    }
  }
  if (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return system_error(ErrorCode::kDenied, "cannot give " + path.string() + " to the group");
  }
  if (::listen(descriptor.get(), kBacklog) != 0) {
    return system_error(ErrorCode::kIo, "cannot listen on " + path.string());
  }
  return listening(Descriptor(descriptor.release()));
}

Result<int> adopt_unix(int number) {
  int accepts = 0;
  socklen_t size = sizeof accepts;
  sockaddr_storage address{};
  socklen_t address_size = sizeof address;
  const bool is_listening =
      ::getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) == 0 && accepts != 0 &&
      ::getsockname(number, reinterpret_cast<sockaddr*>(&address), &address_size) == 0 &&
      address.ss_family == AF_UNIX;
  if (!is_listening) {
    return Error{ErrorCode::kInvalid, "inherited descriptor " + std::to_string(number) +
                                          " is not a listening Unix socket"};
  }
  return listening(Descriptor(number));
}

Result<PeerCredentials> peer_credentials(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return system_error(ErrorCode::kIo, "peer credentials");
  }
  PeerCredentials out{credentials.pid, credentials.uid, credentials.gid};
#ifdef SO_PEERGROUPS
  size = 0;
  // Asks for the size first; a peer without supplementary groups needs none.
  const int first = ::getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, nullptr, &size);
  if (first != 0 && errno == ERANGE && size / sizeof(gid_t) <= kGroupsMax) {
    out.groups.resize(size / sizeof(gid_t));
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, out.groups.data(), &size) != 0) {
      out.groups.clear();
    }
  }
#endif
  return out;
}

bool may_connect(const PeerCredentials& peer, std::optional<gid_t> group) {
  if (peer.uid == ::geteuid() || peer.uid == 0) return true;
  if (!group) return false;
  return peer.gid == *group ||
         std::find(peer.groups.begin(), peer.groups.end(), *group) != peer.groups.end();
}

}  // namespace converge::net
