#include "agent/runtime/process_control.h"

#include "agent/config/keys.h"
#include "agent/control/process.h"
#include "agent/runtime/readiness.h"
#include "core/control/error_table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace converge::runtime {

using control::ErrorId;
using control::make_error;
using telemetry::Level;

namespace {

/// Lines that are shown to one follower at a time, so that others get their turn.
constexpr std::size_t kLinesAtOnce = 500;

Level level_of(config::LogLevel level) { return static_cast<Level>(level); }
static_assert(static_cast<int>(Level::kTrace) == static_cast<int>(config::LogLevel::kTrace));
static_assert(static_cast<int>(Level::kError) == static_cast<int>(config::LogLevel::kError));

std::string listed(const std::vector<std::string>& keys) {
  return keys.empty() ? "none" : fmt::format("{}", fmt::join(keys, ","));
}

}  // namespace

ProcessControl::ProcessControl(Context& context, ProcessHooks hooks)
    : context_(context), hooks_(std::move(hooks)), running_(context.config) {}

ProcessControl::~ProcessControl() { context_.log.set_listener(nullptr); }

Result<handlers::ReloadReport> ProcessControl::reload() {
  notify_reloading();
  const auto wanted = hooks_.read_config();
  notify_reloaded();
  if (!wanted) {
    context_.log.write(Level::kError, "config.invalid", wanted.error().message);
    Error error = wanted.error();
    if (error.id.empty()) error.id = control::error_row(ErrorId::kConfigInvalid).code;
    if (error.hint.empty()) error.hint = "the agent goes on with the settings that it had";
    return error;
  }
  handlers::ReloadReport report;
  for (const config::KeySpec& spec : config::keys()) {
    if (spec.show(running_) == spec.show(*wanted)) continue;
    const std::string name(spec.key.empty() ? spec.flag : spec.key);
    (spec.reloads ? report.changed : report.needs_restart).push_back(name);
  }
  apply(*wanted);
  context_.log.write(
      Level::kInfo, "config.reloaded", "read the configuration again",
      {{"changed", listed(report.changed)}, {"needs_restart", listed(report.needs_restart)}});
  return report;
}

handlers::SettingsView ProcessControl::settings() const {
  handlers::SettingsView view;
  view.file = running_.file.native();
  const auto now = hooks_.read_config();
  for (const config::KeySpec& spec : config::keys()) {
    const std::string name(spec.key.empty() ? spec.flag : spec.key);
    view.values.emplace_back(name, spec.show(running_));
    if (now && spec.show(*now) != view.values.back().second) view.pending.push_back(name);
  }
  return view;
}

void ProcessControl::apply(const config::Config& wanted) {
  for (const config::KeySpec& spec : config::keys()) {
    if (!spec.reloads) continue;
    const auto set = spec.apply(running_, spec.show(wanted));
    if (!set) context_.log.write(Level::kError, "config.invalid", set.error().message);
  }
  ++level_changes_;  // what `agent level` said for a time is over
  context_.log.set_level(level_of(running_.log_level));
  context_.log.set_format(running_.log_format == config::LogFormat::kJson
                              ? telemetry::Log::Format::kJson
                              : telemetry::Log::Format::kText);
  hooks_.applied(running_);
}

Result<handlers::LogLevel> ProcessControl::log_level(const std::string& wanted,
                                                     std::chrono::milliseconds lasts) {
  if (!wanted.empty()) {
    const auto level = config::parse_log_level(wanted);
    if (!level) {
      return make_error(ErrorId::kUsageArgument, level.error().message,
                        "the levels are trace, debug, info, warn and error");
    }
    context_.log.set_level(level_of(*level));
    const std::uint64_t change = ++level_changes_;
    if (lasts.count() > 0) {
      context_.control->after(lasts, [this, change] {
        if (change == level_changes_) context_.log.set_level(level_of(running_.log_level));
      });
    }
  }
  return handlers::LogLevel{std::string(telemetry::to_word(context_.log.level())),
                            config::to_string(running_.log_level)};
}

void ProcessControl::follow_log(std::uint64_t after, Level level, handlers::EventSink sink) {
  if (followers_.empty()) {
    context_.log.set_listener([this, is_woken = is_woken_] {
      if (is_woken->exchange(true)) return;
      context_.control->post([this] { show_all(); });
    });
  }
  followers_.push_back({after, level, std::move(sink)});
  show_all();
}

bool ProcessControl::show(Follower& follower) const {
  const auto lines = context_.log.lines(follower.after, kLinesAtOnce);
  for (const telemetry::LogLine& line : lines) {
    follower.after = line.number;
    if (line.level >= follower.level && !follower.sink(handlers::to_json(line))) return false;
  }
  return true;
}

void ProcessControl::show_all() {
  *is_woken_ = false;
  std::erase_if(followers_, [this](Follower& follower) { return !show(follower); });
  if (followers_.empty()) return context_.log.set_listener(nullptr);
  const bool has_more = std::ranges::any_of(followers_, [this](const Follower& follower) {
    return !context_.log.lines(follower.after, 1).empty();
  });
  if (has_more && !is_woken_->exchange(true)) context_.control->post([this] { show_all(); });
}

}  // namespace converge::runtime
