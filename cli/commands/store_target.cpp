#include "cli/commands/store_target.h"

#include "core/base/system.h"
#include "core/control/error_table.h"
#include "core/store/directory.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
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

/// What a deadly signal has to clear away: the private agent and the files it is reached by. Set
/// before the handler can run; only calls that are safe in a handler touch them there.
volatile std::sig_atomic_t g_agent = 0;
std::array<std::array<char, 64>, 4> g_scratch{};  // three files and their directory

extern "C" void converge_end_private_agent(int number) {
  if (g_agent > 0) {
    ::kill(g_agent, SIGTERM);
    int status = 0;
    while (::waitpid(g_agent, &status, 0) < 0 && errno == EINTR) continue;
    for (std::size_t i = 0; i + 1 < g_scratch.size(); ++i) ::unlink(g_scratch[i].data());
    ::rmdir(g_scratch.back().data());
  }
  ::raise(number);  // SA_RESETHAND: by now it is deadly
}

/// Whoever does not catch INT and TERM itself still takes the agent along.
void end_agent_with_us(pid_t agent, const fs::path& scratch) {
  const auto keep = [](std::array<char, 64>& to, const fs::path& path) {
    std::snprintf(to.data(), to.size(), "%s", path.c_str());
  };
  keep(g_scratch[0], scratch / "s");
  keep(g_scratch[1], scratch / "ready");
  keep(g_scratch[2], scratch / "log");
  keep(g_scratch[3], scratch);
  g_agent = agent;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    ::sigemptyset(&action.sa_mask);
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    action.sa_handler = converge_end_private_agent;
    ::sigaction(number, &action, nullptr);
  }
}

/// Owns the private agent and its directory.
class StoreTarget final : public Target {
 public:
  StoreTarget(fs::path scratch, const Clock& clock, client::Client::Deadline deadline)
      : scratch_(std::move(scratch)), clock_(clock), deadline_(deadline) {}

  ~StoreTarget() override {
    agent_.reset();
    if (g_agent == pid_) g_agent = 0;
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
    end_agent_with_us(pid_, scratch_);
    if (auto up = wait_ready(store, ready, log); !up) return up;
    client::DurableClient::Options options;
    options.connection = {.socket = socket, .clock = &clock_};
    agent_ = std::make_unique<AgentTarget>(std::move(options), deadline_);
    return {};
  }

  Result<json> call(std::string_view method, const json& params) override {
    return agent_->call(method, params);
  }
  void call_each(std::string_view method, const std::vector<json>& params,
                 const Answered& answered) override {
    agent_->call_each(method, params, answered);
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

std::string agent_program() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  for (const fs::path& candidate :
       {self.parent_path() / "syncd", self.parent_path().parent_path() / "agent" / "syncd"})
    if (!error && ::access(candidate.c_str(), X_OK) == 0) return candidate.string();
  return "syncd";
}

Result<std::unique_ptr<Target>> open_store_target(const fs::path& directory, const Clock& clock,
                                                  client::Client::Deadline deadline) {
  if (auto ok = store::expect_openable(directory); !ok) return ok.error();
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
