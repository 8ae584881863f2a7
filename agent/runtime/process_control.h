#pragma once

#include "agent/config/config.h"
#include "agent/control/services.h"
#include "agent/runtime/agent.h"
#include "agent/runtime/context.h"
#include "core/base/result.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace converge::runtime {

/// What operators do to a running agent: change the log's level, have the configuration read again,
/// follow the log. Control thread only.
class ProcessControl {
 public:
  /// `context` outlives it.
  ProcessControl(Context& context, ProcessHooks hooks);
  ~ProcessControl();
  ProcessControl(const ProcessControl&) = delete;
  ProcessControl& operator=(const ProcessControl&) = delete;

  /// Settings that can change at once do; the others are named in the report. Errors: those of
  /// reading the configuration, as config.invalid; everything stays as it was.
  Result<handlers::ReloadReport> reload();

  /// As Services::settings.
  handlers::SettingsView settings() const;

  /// As Services::log_level.
  Result<handlers::LogLevel> log_level(const std::string& wanted, std::chrono::milliseconds lasts);

  /// Kept lines behind `after`, then, as they are written, the others, until the sink says no.
  void follow_log(std::uint64_t after, telemetry::Level level, handlers::EventSink sink);

 private:
  struct Follower {
    std::uint64_t after;
    telemetry::Level level;
    handlers::EventSink sink;
  };

  void apply(const config::Config& wanted);
  /// Shows the follower what is new. False: it is gone.
  bool show(Follower& follower) const;
  void show_all();

  Context& context_;
  ProcessHooks hooks_;
  config::Config running_;           ///< what is in force
  std::uint64_t level_changes_ = 0;  ///< tells whose time has run out
  std::vector<Follower> followers_;
  /// A look at the log is already on its way. Any thread.
  std::shared_ptr<std::atomic<bool>> is_woken_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace converge::runtime
