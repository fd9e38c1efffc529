#include "common/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace posefleet {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: bug: this must hold: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace posefleet
