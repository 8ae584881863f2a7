#include "agent/telemetry/log.h"

#include "agent/telemetry/rate_limit.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

namespace converge::telemetry {
namespace {

constexpr std::string_view kWords[] = {"trace", "debug", "info", "warn", "error"};

std::string rfc3339(std::int64_t wall_ms) {
  const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), wall_ms % 1000);
}

// Peers choose names and messages; a log is read on terminals.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto value = static_cast<unsigned char>(c);
    if (value < 0x20 || value == 0x7f) {
      out += fmt::format("\\u{:04x}", value);
    } else {
      out.push_back(c);
    }
  }
}

std::string text_line(std::int64_t at_ms, Level level, std::string_view code,
                      std::string_view message, const Fields& fields) {
  std::string line = fmt::format("{} {:<5} {} ", rfc3339(at_ms), to_word(level), code);
  append_escaped(line, message);
  for (const auto& [name, value] : fields) {
    line += fmt::format(" {}=", name);
    append_escaped(line, value);
  }
  return line;
}

std::string json_line(std::int64_t at_ms, Level level, std::string_view code,
                      std::string_view message, const Fields& fields) {
  nlohmann::ordered_json line = {
      {"at", rfc3339(at_ms)}, {"level", to_word(level)}, {"code", code}, {"message", message}};
  for (const auto& [name, value] : fields) line[std::string(name)] = value;
  // A peer's invalid UTF-8 must not make dump() throw.
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::size_t size_of(const LogLine& line) {
  std::size_t bytes = sizeof(LogLine) + line.code.size() + line.message.size();
  for (const auto& [name, value] : line.fields) bytes += name.size() + value.size();
  return bytes;
}

}  // namespace

std::string_view to_word(Level level) { return kWords[static_cast<std::size_t>(level)]; }

struct Log::Impl {
  Impl(const Clock& c, Level l, Format f, spdlog::sink_ptr sink)
      : clock(c), format(f), level(l), logger("syncd", std::move(sink)), limit(c) {
    logger.set_pattern("%v");
    logger.set_level(spdlog::level::trace);
    logger.flush_on(spdlog::level::trace);
    logger.set_error_handler([](const std::string&) {});
  }

  void put(Level at, std::string_view code, std::string_view message, const Fields& fields) {
    const auto now = clock.wall_now_ms();
    const auto line = format == Format::kJson ? json_line(now, at, code, message, fields)
                                              : text_line(now, at, code, message, fields);
    logger.log(spdlog::level::info, "{}", line);
    keep({.at_ms = now,
          .level = at,
          .code = std::string(code),
          .message = std::string(message),
          .fields = fields});
    const std::lock_guard lock(listener_mutex);
    if (listener) listener();
  }

  void keep(LogLine line) {
    const std::lock_guard lock(mutex);
    line.number = ++last_number;
    kept_bytes += size_of(line);
    kept.push_back(std::move(line));
    while (kept.size() > 1 && (kept.size() > kLinesKept || kept_bytes > kBytesKept)) {
      kept_bytes -= size_of(kept.front());
      kept.pop_front();
    }
  }

  const Clock& clock;
  std::atomic<Format> format;
  std::atomic<Level> level;
  spdlog::logger logger;
  mutable std::mutex mutex;  // guards limit and what is kept
  RateLimit limit;
  std::deque<LogLine> kept;
  std::size_t kept_bytes = 0;
  std::uint64_t last_number = 0;
  std::mutex listener_mutex;
  std::function<void()> listener;
};

Log::Log(const Clock& clock, Level level, Format format)
    : impl_(std::make_unique<Impl>(clock, level, format,
                                   std::make_shared<spdlog::sinks::stderr_sink_mt>())) {}

Log::Log(const Clock& clock, Level level, Format format, std::ostream& sink)
    : impl_(std::make_unique<Impl>(clock, level, format,
                                   std::make_shared<spdlog::sinks::ostream_sink_mt>(sink))) {}

Log::~Log() = default;

void Log::write(Level level, std::string_view code, std::string_view message,
                const Fields& fields) {
  if (!enabled(level)) return;
  RateLimit::Decision decision;
  {
    const std::lock_guard lock(impl_->mutex);
    decision = impl_->limit.admit(code);
  }
  if (!decision.allowed) return;
  if (decision.suppressed > 0) {
    impl_->put(level, code,
               fmt::format("{} more lines like this were left out", decision.suppressed), {});
  }
  impl_->put(level, code, message, fields);
}

void Log::set_level(Level level) { impl_->level = level; }

void Log::set_format(Format format) { impl_->format = format; }

Level Log::level() const { return impl_->level; }

std::vector<LogLine> Log::lines(std::uint64_t after, std::size_t most) const {
  const std::lock_guard lock(impl_->mutex);
  const auto first = std::ranges::upper_bound(impl_->kept, after, {}, &LogLine::number);
  const auto count = std::min(most, static_cast<std::size_t>(impl_->kept.end() - first));
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

void Log::set_listener(std::function<void()> listener) {
  const std::lock_guard lock(impl_->listener_mutex);
  impl_->listener = std::move(listener);
}

}  // namespace converge::telemetry
