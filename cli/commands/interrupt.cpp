#include "cli/commands/interrupt.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <unistd.h>

namespace converge::cli {
namespace {

using std::chrono::milliseconds;

/// How long a stop may go unnoticed by a command that waits for the agent.
constexpr milliseconds kSlice{100};

volatile std::sig_atomic_t g_stop = 0;
volatile std::sig_atomic_t g_progress = 0;
volatile std::sig_atomic_t g_quiet = 0;

extern "C" void converge_on_stop(int number) {
  g_stop = number;
  static constexpr char kSaid[] = "stopping \xe2\x80\xa6\n";
  if (g_quiet != 0) return;
  // Whether it could be said makes no difference.
  [[maybe_unused]] const ssize_t wrote = ::write(STDERR_FILENO, kSaid, sizeof kSaid - 1);
}

extern "C" void converge_on_progress(int) { g_progress = 1; }

}  // namespace

void catch_signals(Session& session) {
  g_quiet = session.out().quiet() || session.out().format().is_json() ? 1 : 0;
  struct sigaction action {};
  ::sigemptyset(&action.sa_mask);
  // Without SA_RESTART a wait ends; with SA_RESETHAND the second signal is deadly.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  action.sa_handler = converge_on_stop;
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction old {};
    // Whoever started us in the background wants INT ignored.
    if (::sigaction(number, nullptr, &old) == 0 && old.sa_handler == SIG_IGN) continue;
    ::sigaction(number, &action, nullptr);
  }
  action.sa_flags = SA_RESTART;
  action.sa_handler = converge_on_progress;
  ::sigaction(SIGUSR1, &action, nullptr);
}

int stop_signal() { return g_stop; }

bool take_progress_request() {
  const bool asked = g_progress != 0;
  g_progress = 0;
  return asked;
}

void die_if_stopped() {
  if (g_stop == 0) return;
  std::signal(g_stop, SIG_DFL);
  ::raise(g_stop);
}

Result<std::optional<nlohmann::json>> next_event_or_stop(Session& session, Target& stream,
                                                         client::Client::Deadline limit) {
  while (!stopping()) {
    const auto now = session.clock().steady_now();
    auto event = stream.next_event(std::min(limit, now + kSlice));
    if (!event || *event || (limit != client::Client::kNoDeadline && now >= limit)) return event;
  }
  return std::optional<nlohmann::json>();
}

void pause_or_stop(milliseconds time) {
  for (; time.count() > 0 && !stopping(); time -= std::min(time, kSlice))
    ::poll(nullptr, 0, static_cast<int>(std::min(time, kSlice).count()));
}

}  // namespace converge::cli
