#include "tests/cli/run_cli.h"

#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace converge::testing {
namespace {

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The pointers that exec takes; `text` must outlive them.
std::vector<char*> pointers(std::vector<std::string>& text) {
  std::vector<char*> out;
  for (std::string& entry : text) out.push_back(entry.data());
  out.push_back(nullptr);
  return out;
}

/// posix_spawn and not fork: a child of a program with threads may not allocate before it becomes
/// another program, and a test's agent is such a thread.
pid_t spawn(const std::string& base, const std::string& directory, std::vector<std::string> argv,
            std::vector<std::string> environment) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const auto open_as = [&](int to, const char* ending, int flags) {
    ::posix_spawn_file_actions_addopen(&actions, to, (base + ending).c_str(), flags, 0600);
  };
  open_as(0, ".in", O_RDONLY);
  open_as(1, ".out", O_WRONLY | O_CREAT | O_TRUNC);
  open_as(2, ".err", O_WRONLY | O_CREAT | O_TRUNC);
  ::posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, argv[0].c_str(), &actions, nullptr, pointers(argv).data(),
                                   pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::system_error(failed, std::generic_category(), argv[0]);
  return pid;
}

}  // namespace

CliRun run_cli(const std::string& home, const std::vector<std::string>& words,
               const CliSetup& setup) {
  const std::string base = home + "/.run-" + std::to_string(::getpid());
  std::ofstream(base + ".in", std::ios::binary) << setup.input;
  std::map<std::string, std::string> environment = {
      {"HOME", home},        {"XDG_RUNTIME_DIR", home + "/run"},    {"PATH", "/usr/bin:/bin"},
      {"LC_ALL", "C.UTF-8"}, {"XDG_CONFIG_HOME", home + "/config"}, {"SYNCCTL_TIMEOUT", "5s"}};
  for (const auto& [name, value] : setup.environment) environment[name] = value;
  std::vector<std::string> argv = {SYNCCTL_BINARY};
  argv.insert(argv.end(), words.begin(), words.end());
  std::vector<std::string> settings;
  for (const auto& [name, value] : environment) settings.push_back(name + "=" + value);
  const pid_t pid = spawn(base, setup.directory.empty() ? home : setup.directory, std::move(argv),
                          std::move(settings));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) continue;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          content_of(base + ".out"), content_of(base + ".err")};
}

}  // namespace converge::testing
