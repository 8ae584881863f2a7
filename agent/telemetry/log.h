#pragma once

#include "core/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace converge::telemetry {

enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
std::string_view to_word(Level level);

/// Facts beside the message, in order: {"peer", "nas"}. Never document content, never secrets.
/// The names are literals.
using Fields = std::vector<std::pair<std::string_view, std::string>>;

/// A line that was written, as `agent logs` shows it.
struct LogLine {
  std::uint64_t number = 0;  ///< 1 is the first of the process
  std::int64_t at_ms = 0;
  Level level = Level::kInfo;
  std::string code;
  std::string message;
  Fields fields;
};

/// Log lines of the agent on stderr, for a terminal or the journal. Each line has a stable code
/// ("store.failed", "peer.up") under which its kind can be found, and by which floods are limited.
/// A line that cannot be written is dropped: logging never fails and never throws. The newest lines
/// are also kept in memory for clients that ask. Any thread.
class Log {
 public:
  /// What is kept in memory: this many lines, or as many as have this many bytes.
  static constexpr std::size_t kLinesKept = 4000;
  static constexpr std::size_t kBytesKept = 1u << 20;

  enum class Format : std::uint8_t {
    kText,  ///< 2026-11-20T09:00:00.120Z info  peer.up peer connected peer=nas
    kJson,  ///< {"at":"…","level":"info","code":"peer.up","message":"…","peer":"nas"}
  };

  /// `clock` outlives the log.
  Log(const Clock& clock, Level level, Format format);
  /// The same into a file descriptor's stream that tests read; `sink` outlives the log.
  Log(const Clock& clock, Level level, Format format, std::ostream& sink);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void write(Level level, std::string_view code, std::string_view message,
             const Fields& fields = {});

  /// At run time, e.g. on SIGHUP or `agent level`.
  void set_level(Level level);
  void set_format(Format format);
  Level level() const;
  bool enabled(Level level) const { return level >= this->level(); }

  /// Kept lines behind number `after`, oldest first, at most `most`.
  std::vector<LogLine> lines(std::uint64_t after, std::size_t most) const;
  /// Called after each line, on the thread that wrote it; must not log. Null: nobody. Returns when
  /// no call of the one before is under way.
  void set_listener(std::function<void()> listener);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::telemetry
