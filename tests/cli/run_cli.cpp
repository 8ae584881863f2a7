#include "tests/cli/run_cli.h"

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace converge::testing {
namespace {

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
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
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("no process");
  if (pid == 0) {
    const auto redirect = [&](const char* ending, int flags, int to) {
      const int file = ::open((base + ending).c_str(), flags, 0600);
      ::dup2(file, to);
      ::close(file);
    };
    redirect(".in", O_RDONLY, 0);
    redirect(".out", O_WRONLY | O_CREAT | O_TRUNC, 1);
    redirect(".err", O_WRONLY | O_CREAT | O_TRUNC, 2);
    if (::chdir(setup.directory.empty() ? home.c_str() : setup.directory.c_str()) != 0) ::_exit(99);
    std::vector<std::string> argv_text = {SYNCCTL_BINARY};
    argv_text.insert(argv_text.end(), words.begin(), words.end());
    std::vector<char*> argv;
    for (std::string& word : argv_text) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string> env_text;
    for (const auto& [name, value] : environment) env_text.push_back(name + "=" + value);
    std::vector<char*> envp;
    for (std::string& entry : env_text) envp.push_back(entry.data());
    envp.push_back(nullptr);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(99);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) continue;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          content_of(base + ".out"), content_of(base + ".err")};
}

}  // namespace converge::testing
