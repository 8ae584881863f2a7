#pragma once

namespace converge {

/// Prints the condition and its place to stderr and aborts. Called by ASSERT only.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace converge

/// Always on: for a bug of ours that would corrupt data or memory. Never on input.
#define ASSERT(condition)             \
  ((condition) ? static_cast<void>(0) \
               : ::converge::assertion_failed(#condition, __FILE__, __LINE__))

/// On in debug and sanitizer builds (CONVERGE_CHECK_INVARIANTS): for costly or hot conditions.
#ifdef CONVERGE_CHECK_INVARIANTS
#define DEBUG_ASSERT(condition) ASSERT(condition)
#else
#define DEBUG_ASSERT(condition) static_cast<void>(0)
#endif
