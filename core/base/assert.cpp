#include "core/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace converge {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "converge: internal error: %s does not hold (%s:%d)\n", condition, file,
               line);
  std::abort();
}

}  // namespace converge
