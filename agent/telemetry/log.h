#pragma once

#include "core/base/clock.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace converge::telemetry {

enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

/// Facts beside the message, in order: {"peer", "nas"}. Never document content, never secrets.
using Fields = std::vector<std::pair<std::string_view, std::string>>;

/// Log lines of the agent on stderr, for a terminal or the journal. Each line has a stable code
/// ("store.failed", "peer.up") under which its kind can be found, and by which floods are limited.
/// A line that cannot be written is dropped: logging never fails and never throws. Any thread.
class Log {
 public:
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
  Level level() const;
  bool enabled(Level level) const { return level >= this->level(); }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::telemetry
