#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <optional>
#include <sys/types.h>
#include <vector>

/// Internal to agent/net: making and guarding the control socket. Source: store.md 19 (F71, F72)
/// and 20.
namespace converge::net {

/// Longest path that fits sockaddr_un with its terminating zero.
inline constexpr std::size_t kSocketPathBytesMax = 107;

/// Makes the directory where it is missing, checks that nobody else can put things there, removes a
/// left-over socket of ours that nobody answers, binds and listens. The mode is set by umask before
/// bind, so there is no moment at which others could connect. Returns the descriptor (non-blocking,
/// close-on-exec). Errors: kInvalid (path), kDenied (directory or file of somebody else, writable
/// by others, not a socket), kConflict (another process answers), kIo.
Result<int> listen_unix(const std::filesystem::path& path, std::optional<gid_t> group);

/// Checks that an inherited descriptor is a listening Unix socket and prepares it likewise.
Result<int> adopt_unix(int descriptor);

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups = {};  ///< supplementary
};

/// Who connected, as the kernel recorded it. Errors: kIo.
Result<PeerCredentials> peer_credentials(int descriptor);

/// Our own user, root, and members of `group`.
bool may_connect(const PeerCredentials& peer, std::optional<gid_t> group);

}  // namespace converge::net
