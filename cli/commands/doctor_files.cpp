#include "cli/app/kinds.h"
#include "cli/commands/doctor.h"
#include "cli/output/text.h"
#include "core/store/directory.h"
#include "core/store/lock_probe.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace converge::cli {
namespace {

namespace fs = std::filesystem;
using State = Finding::State;

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

/// "0600".
std::string mode_text(mode_t mode) {
  const char digits[] = {'0', static_cast<char>('0' + ((mode >> 6) & 7)),
                         static_cast<char>('0' + ((mode >> 3) & 7)),
                         static_cast<char>('0' + (mode & 7))};
  return {digits, sizeof digits};
}

/// Takes the bits away from the mode, if the path is still what was looked at.
std::function<bool()> repair_mode(const fs::path& path, const struct stat& seen, mode_t without) {
  return [path, seen, without] {
    const int fd = ::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    struct stat now {};
    const bool same =
        ::fstat(fd, &now) == 0 && now.st_ino == seen.st_ino && now.st_dev == seen.st_dev;
    ::close(fd);
    return same && ::chmod(path.c_str(), (seen.st_mode & 07777) & ~without) == 0;
  };
}

std::string quoted_command(const char* command, const fs::path& path) {
  return std::string(command) + " " + path.string();
}

std::string why_missing(const fs::path& path, int reason) {
  if (reason == ENOENT) return "there is none at " + path.string();
  return path.string() + ": " + std::generic_category().message(reason);
}

void add(std::vector<Finding>& findings, const char* check, State state, std::string message,
         std::string next = "") {
  findings.push_back({check, state, std::move(message), std::move(next)});
}

/// Free space against what the agent holds back: below that it takes no more writes.
void check_space(const fs::path& directory, const AgentPicture& agent,
                 std::vector<Finding>& findings) {
  constexpr std::uint64_t kTightFactor = 4;
  std::error_code error;
  const fs::space_info space = fs::space(directory, error);
  if (error) return add(findings, "space", State::kFailed, error.message());
  const std::uint64_t reserve = parse_size(agent.setting("store.reserve")).value_or(64u << 20);
  const std::string free = human_bytes(space.available) + " free";
  if (space.available < reserve)
    return add(
        findings, "space", State::kFailed,
        free + ", less than the " + human_bytes(reserve) + " below which the agent takes no writes",
        "free space on " + directory.string());
  if (space.available < kTightFactor * reserve)
    return add(findings, "space", State::kWarning,
               free + "; below " + human_bytes(reserve) + " the agent takes no writes",
               "free space on " + directory.string());
  add(findings, "space", State::kOk, free);
}

void check_lock(const fs::path& directory, const AgentPicture& agent,
                std::vector<Finding>& findings) {
  const bool held = store::is_locked(directory);
  if (agent.answers && held)
    return add(findings, "lock", State::kOk, "held by the agent, process " + agent.pid);
  if (held)
    return add(findings, "lock", State::kFailed,
               "a process holds the store, and no agent answers at the socket",
               "find it with \"fuser " + (directory / store::kLockFile).string() + "\"");
  add(findings, "lock", State::kOk, "free");
}

}  // namespace

void check_client_files(Session& session, std::vector<Finding>& findings) {
  std::vector<std::pair<fs::path, bool>> files;
  std::error_code error;
  for (const fs::path& path : {session.places().system_config, session.places().user_config})
    if (fs::exists(path, error)) files.emplace_back(path, false);
  if (const auto project = find_project_file(fs::current_path(error)))
    files.emplace_back(*project, true);
  std::string good;
  bool failed = false;
  for (const auto& [file, is_project] : files) {
    const auto checked = read_config_file(file, is_project);
    std::vector<Error> errors;
    if (!checked) errors.push_back(checked.error());
    if (checked) errors = checked->findings;
    for (const Error& each : errors)
      add(findings, "settings", State::kFailed, each.message, "syncctl config edit");
    failed = failed || !errors.empty();
    good += (good.empty() ? "" : ", ") + file.string();
  }
  if (!failed)
    add(findings, "settings", State::kOk, good.empty() ? "built-in, there is no file" : good);
}

void check_socket(const fs::path& socket, std::vector<Finding>& findings) {
  struct stat info {};
  if (::lstat(socket.c_str(), &info) != 0)
    return add(findings, "socket", State::kFailed, why_missing(socket, errno));
  if (!S_ISSOCK(info.st_mode))
    return add(findings, "socket", State::kFailed, socket.string() + " is not a socket");
  const fs::path directory = socket.parent_path();
  struct stat parent {};
  if (::stat(directory.c_str(), &parent) == 0 && (parent.st_mode & kOthersWrite) != 0 &&
      (parent.st_mode & S_ISVTX) == 0) {
    findings.push_back({"socket", State::kFailed, directory.string() + " is writable by others",
                        quoted_command("chmod go-w", directory),
                        repair_mode(directory, parent, kOthersWrite)});
    return;
  }
  // The agent checks who connects as well; a system agent's socket is for its group.
  if ((info.st_mode & S_IRWXO) != 0) {
    findings.push_back({"socket", State::kWarning,
                        socket.string() + " is open to others (" + mode_text(info.st_mode) + ")",
                        quoted_command("chmod o-rwx", socket), repair_mode(socket, info, S_IRWXO)});
    return;
  }
  add(findings, "socket", State::kOk, socket.string() + " (" + mode_text(info.st_mode) + ")");
}

void check_store(const fs::path& directory, const AgentPicture& agent,
                 std::vector<Finding>& findings) {
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) {
    const int reason = errno;
    const bool is_missing = reason == ENOENT && !agent.answers;
    return add(findings, "store", is_missing ? State::kWarning : State::kFailed,
               why_missing(directory, reason),
               is_missing ? "the agent makes it on its first start" : "");
  }
  const auto format = store::read_small_file(directory / store::kFormatFile, 4096);
  if (!format)
    return add(findings, "store", State::kFailed,
               directory.string() + " is not a store: " + format.error().message,
               "syncctl store restore or salvage, into another directory");
  if (*format != store::kFormatLine)
    return add(findings, "store", State::kFailed,
               directory.string() + " has a format that this version does not know: " +
                   printable(format->substr(0, format->find('\n'))),
               "use the version of syncd that wrote it");
  if ((info.st_mode & kOthersWrite) != 0) {
    findings.push_back({"store", State::kFailed, directory.string() + " is writable by others",
                        quoted_command("chmod go-w", directory),
                        repair_mode(directory, info, kOthersWrite)});
  } else {
    add(findings, "store", State::kOk, directory.string() + ", format 1");
  }
  check_lock(directory, agent, findings);
  check_space(directory, agent, findings);
}

void check_keys(const AgentPicture& agent, std::vector<Finding>& findings) {
  const fs::path directory = agent.setting("agent.keys");
  if (directory.empty()) return add(findings, "key", State::kSkipped, "kept in memory only");
  const fs::path key = directory / "device.key";
  struct stat info {};
  if (::lstat(key.c_str(), &info) != 0) {
    if (errno == ENOENT)
      return add(findings, "key", State::kOk, "none yet; the agent makes one when it needs it");
    return add(findings, "key", State::kFailed, why_missing(key, errno));
  }
  if (!S_ISREG(info.st_mode))
    return add(findings, "key", State::kFailed, key.string() + " is not a file");
  if ((info.st_mode & kOthers) != 0) {
    findings.push_back({"key", State::kFailed,
                        key.string() + " is open to others (" + mode_text(info.st_mode) + ")",
                        quoted_command("chmod 600", key), repair_mode(key, info, kOthers)});
    return;
  }
  add(findings, "key", State::kOk, key.string() + " (" + mode_text(info.st_mode) + ")");
}

}  // namespace converge::cli
