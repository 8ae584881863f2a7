#pragma once

#include "agent/control/call.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace converge::handlers {

/// Tells whoever asked for it (`progress`: true) how far a long request is: Progress objects
/// through the call's sink, at most four a second, none after the answer. For the thread that does
/// the work.
class ProgressNotes {
 public:
  ProgressNotes(Services& services, CallPtr call, bool is_wanted, std::string unit);

  /// `total` 0: nobody knows. Cheap when there is nothing to tell.
  void update(std::uint64_t done, std::uint64_t total);

 private:
  Services& services_;
  CallPtr call_;
  bool is_wanted_;
  std::string unit_;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace converge::handlers
