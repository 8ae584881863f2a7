#pragma once

#include "cli/commands/session.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace converge::cli {

/// How far a long command is, on stderr (contract, section 10): nothing in its first half second;
/// on a terminal one line that is redrawn and erased at the end; elsewhere nothing under "auto", a
/// line every ten seconds under "plain", a Progress object every second under "json". USR1 asks for
/// one line at any time, where signals are caught.
class Progress {
 public:
  /// `op`: "replay"; `unit`: "changes". `total` 0: nobody knows.
  Progress(Session& session, std::string op, std::string unit, std::uint64_t total = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What was not known at the beginning.
  void expect(std::uint64_t total, std::string unit);
  /// So much is done now. Cheap: looks at the clock and mostly returns.
  void update(std::uint64_t done);
  /// Takes the line off the terminal; the next update draws it again.
  void erase();

 private:
  enum class How { kNone, kLine, kPlain, kJson };

  std::string line(std::chrono::milliseconds elapsed) const;
  std::string object(std::chrono::milliseconds elapsed) const;

  Session& session_;
  std::string op_;
  std::string unit_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  How how_ = How::kNone;
  std::chrono::milliseconds period_{0};
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point next_;
  bool drawn_ = false;
};

}  // namespace converge::cli
