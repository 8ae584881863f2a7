#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <string>

namespace converge::store {

/// Holds agent.lock of a stopped store while it lives, where there is one: nobody may write during
/// a check or a salvage. A backup has none.
class LockProbe {
 public:
  /// Errors: kLocked ("store.locked").
  static Result<LockProbe> take(const std::filesystem::path& directory);
  LockProbe(LockProbe&& other) noexcept;
  LockProbe& operator=(LockProbe&&) = delete;
  ~LockProbe();

 private:
  explicit LockProbe(int fd) : fd_(fd) {}
  int fd_;
};

/// What the holder wrote into agent.lock, e.g. "process 812 (since ...)".
std::string holder_of(int lock_fd);

/// Whether a process has the store open. Takes nothing, so it disturbs nobody who is just starting.
bool is_locked(const std::filesystem::path& directory);

}  // namespace converge::store
