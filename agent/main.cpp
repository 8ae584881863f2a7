#include "agent/config/environment.h"
#include "agent/config/flags.h"
#include "agent/config/keys.h"
#include "agent/runtime/agent.h"
#include "agent/runtime/readiness.h"
#include "agent/runtime/version.h"
#include "agent/telemetry/log.h"
#include "core/base/system.h"
#include "core/control/error_table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace converge;
using Milliseconds = std::chrono::milliseconds;
using telemetry::Level;

/// The error form of the command-line contract, section 9.
int report(const Error& error) {
  const int exit = control::exit_code_of(error);
  std::string text = fmt::format("syncd: error: {}\n", error.message);
  if (!error.hint.empty()) text += fmt::format("hint: {}\n", error.hint);
  text += fmt::format("code: {} (exit {})\n", control::row_of(error).code, exit);
  std::fputs(text.c_str(), stderr);
  return exit;
}

Level level_of(config::LogLevel level) { return static_cast<Level>(level); }
static_assert(static_cast<int>(Level::kError) == static_cast<int>(config::LogLevel::kError));

/// Signals are taken by the main thread alone; every other thread inherits the mask.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

/// Ends the process when a stop takes longer than its deadline: that is only a crash.
void start_watchdog(Milliseconds deadline) {
  constexpr Milliseconds kGrace{2000};
  std::thread([wait = deadline + kGrace] {
    std::this_thread::sleep_for(wait);
    std::fputs("syncd: error: the stop took longer than its deadline\n", stderr);
    std::_Exit(control::exit_code::kFailed);
  }).detach();
}

/// As the control protocol's agent.settings has it.
void print_config(const config::Config& config) {
  nlohmann::ordered_json settings = nlohmann::ordered_json::object();
  for (const config::KeySpec& spec : config::keys())
    settings[std::string(spec.key.empty() ? spec.flag : spec.key)] = spec.show(config);
  nlohmann::ordered_json all = {{"kind", "AgentSettings"}, {"v", 1}};
  all["file"] =
      config.file.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(config.file.native());
  all["settings"] = std::move(settings);
  const auto text =
      all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  std::fputs(text.c_str(), stdout);
}

int serve(const config::CommandLine& line, const config::Config& config) {
  const sigset_t signals = block_signals();
  const SystemClock clock;
  const auto format = config.log_format == config::LogFormat::kJson ? telemetry::Log::Format::kJson
                                                                    : telemetry::Log::Format::kText;
  telemetry::Log log(clock, level_of(config.log_level), format);
  std::atomic<Milliseconds::rep> deadline{config.shutdown_deadline.count()};
  runtime::ProcessHooks hooks;
  hooks.stop = [&deadline](Milliseconds wanted) {
    deadline = wanted.count();
    ::kill(::getpid(), SIGTERM);
  };
  hooks.read_config = [&line] { return config::resolve(line, config::process_environment()); };
  hooks.applied = [&deadline](const config::Config& now) {
    deadline = now.shutdown_deadline.count();
  };
  auto agent = runtime::Agent::start(config, log, std::move(hooks));
  if (!agent) return report(agent.error());
  if (!config.ready_file.empty()) {
    const auto written = runtime::write_ready_file(config.ready_file, **agent);
    if (!written) return report(written.error());
  }
  runtime::notify_ready(**agent);
  log.write(Level::kInfo, "agent.ready", "serving",
            {{"socket", (*agent)->socket().native()},
             {"listen", (*agent)->listen_address().value_or("off")},
             {"metrics", (*agent)->metrics_address().value_or("off")}});
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) (*agent)->reload();
  runtime::notify_stopping();
  log.write(Level::kInfo, "agent.stopping", "stopping");
  start_watchdog(Milliseconds(deadline));
  const auto stopped = (*agent)->stop(Milliseconds(deadline));
  if (!stopped) return report(stopped.error());
  log.write(Level::kInfo, "agent.stopped", "stopped");
  return control::exit_code::kOk;
}

}  // namespace

int main(int argc, char** argv) {
  ::umask(077);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto line = config::parse_command_line(arguments);
  if (!line) return report(line.error());
  if (line->help) {
    std::fputs(config::help_text().c_str(), stdout);
    return control::exit_code::kOk;
  }
  if (line->version) {
    fmt::print("syncd {}\n", runtime::kVersion);
    return control::exit_code::kOk;
  }
  const auto config = config::resolve(*line, config::process_environment());
  if (!config) return report(config.error());
  if (line->print_config) {
    print_config(*config);
    return control::exit_code::kOk;
  }
  return serve(*line, *config);
}
