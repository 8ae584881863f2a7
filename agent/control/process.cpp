#include "agent/control/process.h"

#include "agent/control/handlers.h"
#include "agent/control/receipt_revisions.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>

namespace converge::handlers {
namespace {

using control::ErrorId;
using control::make_error;
using telemetry::Level;

std::optional<Level> level_from(std::string_view word) {
  for (const Level level :
       {Level::kTrace, Level::kDebug, Level::kInfo, Level::kWarn, Level::kError}) {
    if (telemetry::to_word(level) == word) return level;
  }
  return std::nullopt;
}

/// The number of the last kept line before the moment; 0 when all are younger.
std::uint64_t line_before(const telemetry::Log& log, std::int64_t moment_ms) {
  std::uint64_t before = 0;
  for (const telemetry::LogLine& line : log.lines(0, telemetry::Log::kLinesKept)) {
    if (line.at_ms < moment_ms) before = line.number;
  }
  return before;
}

}  // namespace

Json to_json(const telemetry::LogLine& line) {
  Json fields = Json::object();
  for (const auto& [name, value] : line.fields) fields[std::string(name)] = value;
  return Json{{"kind", "LogLine"},
              {"v", 1},
              {"number", line.number},
              {"at", format_time(line.at_ms)},
              {"level", telemetry::to_word(line.level)},
              {"code", line.code},
              {"message", line.message},
              {"fields", std::move(fields)}};
}

Json to_json(const std::vector<telemetry::Metrics::Family>& families) {
  Json items = Json::array();
  for (const telemetry::Metrics::Family& family : families) {
    Json samples = Json::array();
    for (const telemetry::Metrics::Sample& sample : family.samples) {
      const bool is_whole =
          std::abs(sample.value) < 9e15 && std::floor(sample.value) == sample.value;
      samples.push_back(Json{{"name", sample.name},
                             {"labels", Json(sample.labels)},
                             {"value", is_whole ? Json(static_cast<std::int64_t>(sample.value))
                                                : Json(sample.value)}});
    }
    items.push_back(Json{{"name", family.name},
                         {"help", family.help},
                         {"type", family.type},
                         {"samples", std::move(samples)}});
  }
  return Json{{"kind", "Metrics"}, {"v", 1}, {"items", std::move(items)}};
}

void agent_metrics(Services& services, CallPtr call) {
  const auto text = bool_param(*call, "text");
  if (!text) return call->fail(text.error());
  const telemetry::Metrics& metrics = services.metrics();
  if (*text) {
    return call->reply(Json{{"kind", "Metrics"}, {"v", 1}, {"text", metrics.text()}});
  }
  call->reply(to_json(metrics.families()));
}

void agent_reload(Services& services, CallPtr call) {
  const auto report = services.reload();
  if (!report) return call->fail(report.error());
  call->reply(Json{{"kind", "ReloadReport"},
                   {"v", 1},
                   {"changed", report->changed},
                   {"needs_restart", report->needs_restart}});
}

void agent_settings(Services& services, CallPtr call) {
  const SettingsView view = services.settings();
  Json values = Json::object();
  for (const auto& [key, value] : view.values) values[key] = value;
  const store::ReceiptNumber last = services.store().counts().last_receipt;
  Json received_at;
  if (last > 0) {
    const auto page = services.store().receipts(last, 1);
    if (page && !page->items.empty()) received_at = format_time(page->items.front().time_ms);
  }
  call->reply(Json{{"kind", "AgentSettings"},
                   {"v", 1},
                   {"file", view.file.empty() ? Json() : Json(view.file)},
                   {"settings", std::move(values)},
                   {"pending", view.pending},
                   {"addresses", services.addresses()},
                   {"last_received_at", std::move(received_at)}});
}

void agent_level(Services& services, CallPtr call) {
  constexpr std::uint64_t kLongestMs = std::uint64_t{7} * 24 * 3600 * 1000;
  const auto wanted = string_param(*call, "level");
  const auto lasts = number_param(*call, "for_ms", 0);
  if (!wanted) return call->fail(wanted.error());
  if (!lasts) return call->fail(lasts.error());
  if (*lasts > kLongestMs) {
    return call->fail(
        make_error(ErrorId::kUsageArgument,
                   fmt::format("\"for_ms\" is {}, the most is {}", *lasts, kLongestMs),
                   "a level without an end stays until the agent stops"));
  }
  const auto level = services.log_level(*wanted, std::chrono::milliseconds(*lasts));
  if (!level) return call->fail(level.error());
  call->reply(Json{
      {"kind", "LogLevel"}, {"v", 1}, {"level", level->level}, {"configured", level->configured}});
}

void agent_logs(Services& services, CallPtr call) {
  const auto word = string_param(*call, "level", "trace");
  const auto since = string_param(*call, "since");
  const auto follow = bool_param(*call, "follow");
  if (!word) return call->fail(word.error());
  if (!since) return call->fail(since.error());
  if (!follow) return call->fail(follow.error());
  const auto level = level_from(*word);
  if (!level) {
    return call->fail(make_error(ErrorId::kUsageArgument,
                                 fmt::format("\"{}\" is not a level", *word),
                                 "the levels are trace, debug, info, warn and error"));
  }
  std::uint64_t after = 0;
  if (!since->empty()) {
    const auto moment = parse_when(*since, services.clock().wall_now_ms());
    if (!moment) return call->fail(moment.error());
    after = line_before(services.log(), *moment);
  }
  if (*follow) {
    call->reply(Json{{"subscription", call->subscription}});
    return services.follow_log(after, *level, call->sink);
  }
  Json items = Json::array();
  for (const telemetry::LogLine& line : services.log().lines(after, telemetry::Log::kLinesKept)) {
    if (line.level >= *level) items.push_back(to_json(line));
  }
  call->reply(
      Json{{"kind", "LogLineList"}, {"v", 1}, {"items", std::move(items)}, {"next", nullptr}});
}

}  // namespace converge::handlers
