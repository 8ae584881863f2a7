#include "cli/commands/store_target.h"

#include "core/base/system.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

/// The agent that belongs to this syncctl: beside it, else on the path.
std::string agent_program() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  for (const fs::path& candidate :
       {self.parent_path() / "syncd", self.parent_path().parent_path() / "agent" / "syncd"})
    if (!error && ::access(candidate.c_str(), X_OK) == 0) return candidate.string();
  return "syncd";
}

/// Owns the private agent and its directory.
class StoreTarget final : public Target {
 public:
  StoreTarget(fs::path scratch, const Clock& clock, client::Client::Deadline deadline)
      : scratch_(std::move(scratch)), clock_(clock), deadline_(deadline) {}

  ~StoreTarget() override {
    agent_.reset();
    if (pid_ > 0 && !ended_) {
      ::kill(pid_, SIGTERM);
      int status = 0;
      while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    }
    std::error_code ignored;
    fs::remove_all(scratch_, ignored);
  }

  Result<void> start(const fs::path& store) {
    const std::string socket = (scratch_ / "s").string();
    const std::string ready = (scratch_ / "ready").string();
    const std::string log = (scratch_ / "log").string();
    std::vector<std::string> words = {
        agent_program(), "--store",     store.string(), "--socket", socket,
        "--ready-file",  ready,         "--listen",     "off",      "--metrics",
        "off",           "--log-level", "error"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT,
                                       0600);
    const int failed = ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
      pid_ = 0;
      return make_error(
          ErrorId::kIo,
          "the program syncd cannot be started: " + std::generic_category().message(failed),
          "--store needs syncd beside syncctl or on the path");
    }
    if (auto up = wait_ready(store, ready, log); !up) return up;
    client::DurableClient::Options options;
    options.connection = {.socket = socket, .clock = &clock_};
    agent_ = std::make_unique<AgentTarget>(std::move(options), deadline_);
    return {};
  }

  Result<json> call(std::string_view method, const json& params) override {
    return agent_->call(method, params);
  }

 private:
  Result<void> wait_ready(const fs::path& store, const std::string& ready, const std::string& log) {
    while (::access(ready.c_str(), F_OK) != 0) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        ended_ = true;
        return why_it_ended(store, log, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
      }
      if (deadline_ != client::Client::kNoDeadline && clock_.steady_now() >= deadline_)
        return make_error(ErrorId::kTimeout,
                          "the store " + store.string() + " was not open in time");
      ::poll(nullptr, 0, 5);
    }
    return {};
  }

  /// syncd ends with the exit codes of the contract and says why on its last line.
  static Error why_it_ended(const fs::path& store, const std::string& log, int exit) {
    std::string last;
    if (std::FILE* in = std::fopen(log.c_str(), "r")) {
      char line[1024];
      while (std::fgets(line, sizeof line, in) != nullptr)
        if (std::string(line).find("error") != std::string::npos || last.empty()) last = line;
      std::fclose(in);
    }
    while (!last.empty() && last.back() == '\n') last.pop_back();
    if (const auto at = last.find("error: "); at != std::string::npos) last = last.substr(at + 7);
    if (exit == control::exit_code::kLocked)
      return make_error(ErrorId::kStoreLocked,
                        last.empty() ? "the store " + store.string() + " is in use" : last,
                        "drop --store to ask the agent, or stop it first");
    for (const control::ErrorRow& row : control::error_table())
      if (row.exit == exit && exit != 0 &&
          (std::string_view(row.code).starts_with("store.") || row.id == ErrorId::kAuthDenied))
        return make_error(row.id, last.empty() ? std::string(row.summary) : last);
    return make_error(ErrorId::kIo, "the store " + store.string() + " cannot be opened" +
                                        (last.empty() ? "" : "\n" + last));
  }

  fs::path scratch_;
  const Clock& clock_;
  client::Client::Deadline deadline_;
  pid_t pid_ = 0;
  bool ended_ = false;
  std::unique_ptr<AgentTarget> agent_;
};

}  // namespace

Result<std::unique_ptr<Target>> open_store_target(const fs::path& directory, const Clock& clock,
                                                  client::Client::Deadline deadline) {
  std::error_code error;
  if (!fs::is_directory(directory, error))
    return make_error(ErrorId::kDocNotFound, "there is no store at " + directory.string(),
                      "--store names the directory of a store");
  const char* temporary = std::getenv("TMPDIR");
  std::string scratch =
      std::string(temporary != nullptr && *temporary != '\0' ? temporary : "/tmp") +
      "/syncctl-XXXXXX";
  if (::mkdtemp(scratch.data()) == nullptr)
    return make_error(ErrorId::kIo,
                      "no temporary directory: " + std::generic_category().message(errno));
  auto target = std::make_unique<StoreTarget>(scratch, clock, deadline);
  if (auto started = target->start(fs::absolute(directory).lexically_normal()); !started)
    return started.error();
  return std::unique_ptr<Target>(std::move(target));
}

}  // namespace converge::cli
