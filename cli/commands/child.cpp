#include "cli/commands/child.h"

#include "core/control/error_table.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;

Error failed(const char* what) {
  return make_error(ErrorId::kIo,
                    std::string(what) + ": " + std::generic_category().message(errno));
}

[[noreturn]] void become(const std::vector<std::string>& words, const ChildOptions& options, int in,
                         int out) {
  ::dup2(in, STDIN_FILENO);
  if (options.capture) ::dup2(out, STDOUT_FILENO);
  if (options.discard_errors) {
    const int nobody = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nobody >= 0) ::dup2(nobody, STDERR_FILENO);
  }
  for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(errno == ENOENT ? 127 : 126);
}

/// Feeds and drains at once, so that neither side waits for the other for ever.
std::string exchange(int to_child, int from_child, std::string_view input) {
  std::string output;
  ::fcntl(to_child, F_SETFL, O_NONBLOCK);
  bool reading = from_child >= 0;
  bool writing = true;
  while (writing || reading) {
    if (writing && input.empty()) {
      ::close(to_child);
      writing = false;
      continue;
    }
    std::array<pollfd, 2> waits{
        {{writing ? to_child : -1, POLLOUT, 0}, {reading ? from_child : -1, POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) break;
    if (writing && waits[0].revents != 0) {
      const ssize_t wrote = ::write(to_child, input.data(), input.size());
      if (wrote >= 0)
        input.remove_prefix(static_cast<std::size_t>(wrote));
      else if (errno != EAGAIN && errno != EINTR)
        input = {};  // the child does not want more
    }
    if (reading && waits[1].revents != 0) {
      std::array<char, 4096> buffer{};
      const ssize_t got = ::read(from_child, buffer.data(), buffer.size());
      if (got > 0)
        output.append(buffer.data(), static_cast<std::size_t>(got));
      else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        reading = false;
    }
  }
  return output;
}

}  // namespace

Error not_run(const std::string& command, int exit) {
  return exit == 127
             ? make_error(ErrorId::kCommandNotFound, "the command \"" + command + "\" is not found")
             : make_error(ErrorId::kCommandNotExecutable,
                          "the command \"" + command + "\" cannot be executed");
}

Result<ChildResult> run_child(const std::vector<std::string>& words, std::string_view input,
                              const ChildOptions& options) {
  std::array<int, 2> in{};
  std::array<int, 2> out{-1, -1};
  if (::pipe2(in.data(), O_CLOEXEC) != 0) return failed("no pipe");
  if (options.capture && ::pipe2(out.data(), O_CLOEXEC) != 0) return failed("no pipe");
  const auto old_handler = std::signal(SIGPIPE, SIG_IGN);
  const pid_t pid = ::fork();
  if (pid < 0) return failed("no process");
  if (pid == 0) {
    std::signal(SIGPIPE, SIG_DFL);
    become(words, options, in[0], out[1]);
  }
  ::close(in[0]);
  if (out[1] >= 0) ::close(out[1]);
  ChildResult result;
  result.output = exchange(in[1], out[0], input);
  if (out[0] >= 0) ::close(out[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  std::signal(SIGPIPE, old_handler);
  result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace converge::cli
